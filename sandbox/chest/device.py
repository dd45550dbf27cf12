"""A support device: a single-chamber pacemaker, its can below a clavicle and its lead in the right ventricle.

The lead runs as a transvenous one does (on a frontal film: under the clavicle, down along the right border of the
mediastinum, across the heart to its tip), so it ends further out in a larger heart. Metals are counted by what they
attenuate at 60 keV (NISTIR 5632, table 3): the can is titanium (0.766 cm^2/g) and a battery with iodine (7.58), here
four to one at 2.3 g/cm^3 over all; the lead's coil is nickel and cobalt, near 1.5 cm^2/g at 8.4 g/cm^3. How large the
can is, where it lies and how thick the coil is are chosen by eye.

There are no other devices: no catheters, tubes, valves or wires of the sternum.
"""

from __future__ import annotations

import numpy as np

from .anatomy import ChestAnatomy
from .patient import ChestPatient
from .projection import Array, Rays, chord, length, near_polyline

MU_CAN = (0.8 * 0.766 + 0.2 * 7.58) * 2.3
MU_COIL = 1.5 * 8.4

_DEVICE = 6
_LEFT_SHARE = 0.85  # most cans lie on the left
_CAN_CM = (2.3, 1.9, 0.35)  # half its width, height and thickness
_COIL_CM2 = 0.022  # metal in a section of the lead
_LEAD_SPREAD_CM = 0.22  # thinner than a detector's pixel: a Gaussian of the same section


def device_attenuation(rays: Rays, anatomy: ChestAnatomy, patient: ChestPatient) -> Array:
    """What the device attenuates along each ray, without unit; the tissue that it displaces is neglected."""
    generator = patient.stream(_DEVICE)
    side = 1.0 if generator.random() < _LEFT_SHARE else -1.0
    centre = _can_centre(anatomy, side, generator.standard_normal(2).clip(-2.0, 2.0))
    lead = _lead(anatomy, centre, side, generator.standard_normal(2).clip(-2.0, 2.0))
    return np.asarray(MU_CAN * _can(rays, centre, side, 0.25 * generator.random()) + MU_COIL * _coil(rays, lead))


def _can_centre(anatomy: ChestAnatomy, side: float, draws: Array) -> Array:
    a = anatomy
    x = side * (0.60 * a.half_width + 0.5 * draws[0]) + np.sin(a.turn) * a.half_depth  # it lies under the skin
    return np.array([x, a.apex - 5.6 * a.scale + 0.5 * draws[1]])


def _can(rays: Rays, centre: Array, side: float, tilt: float) -> Array:
    # A rounded box of even thickness, its upper side towards the shoulder.
    u = (rays.x - centre[0]) * np.cos(tilt) + side * (rays.y - centre[1]) * np.sin(tilt)
    v = (rays.y - centre[1]) * np.cos(tilt) - side * (rays.x - centre[0]) * np.sin(tilt)
    level = np.clip((u / _CAN_CM[0]) ** 4 + (v / _CAN_CM[1]) ** 4, 0.0, 1.0)
    return length(chord(level**3, 0.0, _CAN_CM[2]))


def _lead(anatomy: ChestAnatomy, can: Array, side: float, draws: Array) -> Array:
    """Points (P, 2) of the lead in the film, in cm."""
    a, s = anatomy, anatomy.scale
    right, left = a.heart_right * a.heart_width, (1.0 - a.heart_right) * a.heart_width
    floor = 0.5 * (a.domes[0] + a.domes[1]) - 3.0 * s
    swing = 0.20 * a.half_depth * np.sin(a.turn)
    cava = -0.75 * a.mediastinum
    corners = np.array([
        can + np.array([-1.2 * side, 1.9]),
        [side * 0.42 * a.half_width, a.apex - 2.2 * s],
        [side * 1.2, a.apex - 3.0 * s],
        [cava + 0.3, a.apex - 5.0 * s],
        [cava, 0.25 * a.apex],
        [-0.62 * right + swing, floor + 6.0 * s],
        [-0.45 * right + swing, floor + 2.6 * s],
        [0.15 * left + swing, floor + (1.6 + 0.3 * draws[0]) * s],
        [(0.62 + 0.05 * draws[1]) * left + swing, floor + 1.9 * s],
    ])
    for _ in range(3):
        corners = _rounded(corners)
    return corners


def _rounded(points: Array) -> Array:
    # Chaikin's cut of every corner; the ends stay.
    before, after = points[:-1], points[1:]
    cut = np.stack([0.75 * before + 0.25 * after, 0.25 * before + 0.75 * after], axis=1).reshape(-1, 2)
    return np.concatenate([points[:1], cut[1:-1], points[-1:]])


def _coil(rays: Rays, points: Array) -> Array:
    result = np.zeros_like(rays.x)
    near, _, squared = near_polyline(rays.x, rays.y, points, 4.0 * _LEAD_SPREAD_CM)
    height = _COIL_CM2 / (_LEAD_SPREAD_CM * np.sqrt(2.0 * np.pi))
    result[near] = height * np.exp(-0.5 * squared.min(axis=1) / _LEAD_SPREAD_CM**2)
    return result
