"""What fills the lungs: the vessel tree, a fine texture, and the airspace opacity of a pneumonia.

Vessels branch out of each hilum and thin towards the wall. An airspace opacity is one soft-edged, patchy region in
one zone of one lung, where air gives way to fluid: it can never be denser than the lung it fills.

There are no air bronchograms, nodules or interstitial patterns.
"""

from __future__ import annotations

import numpy as np

from .anatomy import ChestAnatomy
from .patient import ChestPatient, Extent, Findings
from .projection import Array, Rays, blur, near_polyline

_VESSELS, _TEXTURE, _PATCH = 1, 2, 3
_BRANCHES = 8


def vessel_path(rays: Rays, anatomy: ChestAnatomy, patient: ChestPatient, side: int) -> Array:
    """Path through the vessels of one lung in cm (soft tissue where the lung would have been)."""
    generator = patient.stream(10 * _VESSELS + side)
    a, sign = anatomy, (-1.0, 1.0)[side]
    hilum = np.array([3.0 + 0.2 * generator.standard_normal(), (0.5 + 0.9 * side) * a.scale])
    total = np.zeros_like(rays.x)
    for number in range(_BRANCHES):
        share = (number + 0.5) / _BRANCHES
        heading = -1.45 + 2.85 * share + 0.12 * generator.standard_normal()
        reach = 9.5 * a.scale * (1.0 + 0.1 * generator.standard_normal())
        bend = 0.35 * generator.standard_normal()
        fork = 0.45 + 0.12 * generator.standard_normal()
        trunk = _course(hilum + np.array([0.0, 2.6 * share - 1.5]), heading, bend, reach)
        total += _vessel(rays, trunk, sign, 0.70 * a.scale)
        for turn in (fork, -fork - 0.15):
            total += _vessel(rays, _course(trunk[4], heading + turn, -bend, 0.55 * reach), sign, 0.36 * a.scale)
    return total


def lung_texture(rays: Rays, patient: ChestPatient) -> Array:
    """Relative lung density around 1, smooth at 5 mm: standard deviation 0.05."""
    return 1.0 + 0.05 * _smooth_noise(patient.stream(_TEXTURE), rays, 0.5)


def opacity_share(rays: Rays, anatomy: ChestAnatomy, patient: ChestPatient, findings: Findings) -> Array:
    """The share of the lung's air that an airspace opacity replaced, in [0, 1); all zero without pneumonia."""
    if "pneumonia" not in findings:
        return np.zeros_like(rays.x)
    a, extent = anatomy, patient.extent("pneumonia")
    sign = -1.0 if extent.side < 0.55 else 1.0
    across, up = _zone(extent)
    x = sign * a.half_width * across
    top, bottom = a.apex, a.domes[0 if sign < 0 else 1] - 0.25 * a.sulcus_drop
    y = bottom + up * (top - bottom)
    size = (1.9 + 1.5 * extent.severity) * a.scale
    distance = ((rays.x - x) / size) ** 2 + ((rays.y - y) / (0.85 * size)) ** 2
    generator = patient.stream(_PATCH)
    coarse, fine = _smooth_noise(generator, rays, 1.5), _smooth_noise(generator, rays, 0.6)
    edge = 1.0 / (1.0 + np.exp(np.clip((distance - 1.3 - 0.35 * coarse) / 0.40, None, 50.0)))
    patches = np.clip(0.9 + 0.10 * coarse + 0.18 * fine, 0.3, None)
    strength = 0.16 + 0.55 * (0.65 * extent.severity + 0.35 * extent.density)
    return np.asarray(1.0 - np.exp(-strength * edge * patches))


def _zone(extent: Extent) -> tuple[float, float]:
    # Lower zones are the commonest; the draw also sets where in the zone the centre lies.
    bounds = ((0.0, 0.5, 0.08, 0.25), (0.5, 0.72, 0.38, 0.52), (0.72, 1.0, 0.62, 0.78))
    low, high, bottom, top = next(zone for zone in bounds if extent.place < zone[1])
    inner = (extent.place - low) / (high - low)
    across = 0.45 + 0.22 * extent.density - (0.08 if bottom > 0.6 else 0.0)
    return across, bottom + (top - bottom) * inner


def _course(start: Array, heading: float, bend: float, reach: float) -> Array:
    along = np.linspace(0.0, 1.0, 8)
    direction = heading + bend * along
    step = np.stack([np.cos(direction), np.sin(direction)], axis=1) * reach / 7.0
    return np.asarray(start + np.concatenate([np.zeros((1, 2)), np.cumsum(step[:-1], axis=0)]))


def _vessel(rays: Rays, points: Array, sign: float, radius: float) -> Array:
    # A vessel thinner than a detector pixel keeps its area: a Gaussian of the same cross-section.
    result = np.zeros_like(rays.x)
    near, along, squared = near_polyline(sign * rays.x, rays.y, points, 1.2)
    segments = len(points) - 1
    thin = radius * (1.0 - 0.85 * (np.arange(segments) + along) / segments)
    spread = np.maximum(0.7 * thin, 0.22)
    profile = np.pi * thin**2 / (spread * np.sqrt(2.0 * np.pi)) * np.exp(-0.5 * squared / spread**2)
    result[near] = profile.max(axis=1)
    return result


def _smooth_noise(generator: np.random.Generator, rays: Rays, sigma_cm: float) -> Array:
    # Unit variance after blurring. Drawn on the film's grid, so the pose moves the body under it.
    size = rays.x.shape[0]
    pixel = float(np.hypot(rays.x[0, 1] - rays.x[0, 0], rays.y[0, 1] - rays.y[0, 0]))
    field = blur(generator.standard_normal((size, size)), sigma_cm / pixel)
    return np.asarray((field - field.mean()) / field.std())
