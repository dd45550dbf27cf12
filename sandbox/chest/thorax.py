"""Path lengths of body, lungs and the air in them, with the fluid of an effusion, by interval arithmetic.

Each lung is a superelliptic tube cut by what lies in it: heart, mediastinum, aorta, spine and the diaphragm's
dome (a paraboloid, lower behind, so lung shows through below its outline). Pleural fluid fills the cavity below a
level and climbs its wall as a meniscus: what remains of the lung is the same chord, shrunk.

Bones are in `skeleton`, vessels and airspace opacity in `parenchyma`.
"""

from __future__ import annotations

import numpy as np

from .anatomy import ChestAnatomy
from .patient import ChestPatient, Findings
from .projection import Array, Interval, Rays, chord, ellipsoid, length, union_within

_ROUNDNESS = 2.7  # exponent of the lungs' and the body's cross-section: between an ellipse and a box
_SIGNS = (-1.0, 1.0)  # the patient's right lung is at negative x


def body_path(rays: Rays, anatomy: ChestAnatomy) -> Array:
    """Path through the whole trunk in cm: chest wall outline, widening to the shoulders, thin above them."""
    a = anatomy
    shoulder = 1.0 / (1.0 + np.exp(-(rays.y - 0.45 * a.apex) / 2.0))
    half_width = a.half_width + 0.9 + a.wall + 6.0 * shoulder * a.scale
    # The inlet of the thorax is shallower than its middle, or the windpipe would drown in soft tissue.
    taper = 1.0 - 0.30 * np.clip((rays.y - 0.25 * a.apex) / (0.85 * a.apex), 0.0, 1.0)
    half_depth = (a.half_depth + 0.85 * a.wall) * taper
    level = np.clip(np.abs(rays.x) / half_width, 0.0, 1.0)
    path = 2.0 * half_depth * (1.0 - level**_ROUNDNESS) ** (1.0 / _ROUNDNESS)
    slope = a.apex + 6.2 - 0.27 * np.abs(rays.x) + 3.0 * np.exp(-((rays.x / 4.5) ** 4))
    return np.asarray(path * np.clip((slope - rays.y) / 9.0, 0.0, 1.0) ** 0.7)


def heart_interval(rays: Rays, anatomy: ChestAnatomy) -> list[Interval]:
    """Left ventricle and right atrium, whose outer edges are the heart's borders, and the fat pad at its tip."""
    a = anatomy
    right, left = a.heart_right * a.heart_width, (1.0 - a.heart_right) * a.heart_width
    z = 0.20 * a.half_depth
    swing = z * np.sin(a.turn)
    half_x = 0.70 * left
    half_y = 5.5 * a.scale * (half_x / (6.1 * a.scale)) ** 0.45
    floor = 0.5 * (a.domes[0] + a.domes[1]) - 3.0 * a.scale
    depth = min(0.62 * half_x + 1.2, 0.75 * a.half_depth)
    ventricle = ellipsoid(
        rays, (left - half_x + swing, floor + half_y, z), (half_x, half_y, depth), a.heart_slant
    )
    atrium_x = 0.85 * right
    atrium = ellipsoid(
        rays, (atrium_x - right + swing, floor + 1.0 + 0.85 * half_y, z), (atrium_x, 0.85 * half_y, 0.8 * depth), 0.15
    )
    solids = [ventricle, atrium]
    if a.fat_pad > 0.0:
        pad = ellipsoid(
            rays, (0.92 * left + swing, floor + 0.4, 0.4 * a.half_depth), (a.fat_pad, 1.1 * a.fat_pad + 0.5, 2.6)
        )
        solids.append(pad)
    return solids


def central_solids(rays: Rays, anatomy: ChestAnatomy) -> list[Interval]:
    """Mediastinum, great vessels and spine: what stands between the lungs besides the heart."""
    a, s = anatomy, anatomy.scale
    turn = np.sin(a.turn)
    knob_x = 0.75 * a.mediastinum + 0.55 * a.knob
    flare = 1.0 + 0.10 * np.clip(-rays.y / a.apex, -1.0, 1.0) ** 2
    column = chord((rays.x / (a.mediastinum * flare)) ** 2, 0.5, 0.65 * a.half_depth)
    spine = chord((rays.x / (2.1 * s)) ** 2, -0.85 * a.half_depth, 3.0 * s)
    aorta_x = 0.9 * s + 0.45 * a.knob - 4.0 * turn
    descending = chord(((rays.x - aorta_x) / (0.75 * a.knob)) ** 2, -0.45 * a.half_depth, 0.75 * a.knob)
    below_arch = rays.y < 0.42 * a.apex
    descending = (np.where(below_arch, descending[0], 0.0), np.where(below_arch, descending[1], 0.0))
    knob = ellipsoid(rays, (knob_x - 1.0 * turn, 0.44 * a.apex, -1.0), (a.knob, 1.15 * a.knob, 1.6 * a.knob))
    trunk = ellipsoid(rays, (0.75 * a.mediastinum + 1.0 * s, 0.20 * a.apex, 1.0), (1.5 * s, 2.2 * s, 2.2 * s))
    ascending_x = -0.62 * a.mediastinum + 3.0 * turn
    bulge = 0.55 * a.mediastinum + 0.35 * a.knob
    ascending = ellipsoid(rays, (ascending_x, 0.25 * a.apex, 2.0), (bulge, 4.6 * s, 2.0 * s))
    return [column, spine, descending, knob, trunk, ascending]


def dome_interval(rays: Rays, anatomy: ChestAnatomy, side: int) -> Interval:
    """What lies under one hemidiaphragm along each ray: the chord of a paraboloid, higher in front than behind."""
    a = anatomy
    centre_x = 0.48 * a.half_width * _SIGNS[side]
    fall_x = a.sulcus_drop / (a.half_width - abs(centre_x)) ** 2
    reach_z = 1.15 * a.half_depth
    fall_z = 1.45 * a.sulcus_drop / reach_z**2
    height = a.domes[side] - fall_x * (rays.x - centre_x) ** 2 - rays.y
    half = np.sqrt(np.clip(height, 0.0, None) / fall_z)
    centre_z = 0.22 * a.half_depth
    return centre_z - half, np.where(height > 0.0, centre_z + 3.0 * half, centre_z)


def lung_path(rays: Rays, anatomy: ChestAnatomy, side: int, fluid_height: float) -> Array:
    """Path through one aerated lung in cm; fluid_height is the effusion's level above the costophrenic angle."""
    a = anatomy
    lateral = a.lateral(rays.y)
    crown = np.clip((a.apex - rays.y) / (0.4 * (a.apex - a.base)), 0.0, 1.0)
    peak = 0.33 * a.half_width
    medial = peak - (peak - 0.8) * np.sqrt(1.0 - (1.0 - crown) ** 2)
    centre, half_x = 0.5 * (lateral + medial), np.maximum(0.5 * (lateral - medial), 1e-3)
    across = np.abs((_SIGNS[side] * rays.x - centre) / half_x)
    dry = _wall_distance(rays.y, a.sulcus(side), fluid_height)
    shrunk = np.clip(dry**_ROUNDNESS - across**_ROUNDNESS, 0.0, None) ** (1.0 / _ROUNDNESS)
    depth = a.half_depth * (1.0 - (1.0 - crown) ** 2) ** 0.5
    inside = (a.apex > rays.y) & (across < 1.0)
    reach = np.where(inside, depth * shrunk, 0.0)
    solids = [*heart_interval(rays, a), *central_solids(rays, a), dome_interval(rays, a, side)]
    return length((-reach, reach)) - union_within(solids, (-reach, reach))


def fluid_heights(patient: ChestPatient, findings: Findings) -> tuple[float, float]:
    """Level of pleural fluid above the right and the left costophrenic angle in cm; 0 where there is none."""
    if "pleural effusion" not in findings:
        return 0.0, 0.0
    extent = patient.extent("pleural effusion")
    height = 0.3 + 6.5 * extent.severity**1.7
    if extent.side < 0.38:
        return height, 0.0
    if extent.side < 0.72:
        return 0.0, height
    return height * (0.5 + 0.5 * extent.place), height * (1.0 - 0.5 * extent.place)


def _wall_distance(y: Array, sulcus: float, height: float) -> Array:
    # The share of the cavity's section that stays dry: none below the level, then all but a shell that thins
    # upwards by a factor e every 1.2 to 2.6 cm (the meniscus).
    if height <= 0.0:
        return np.ones_like(y)
    above = np.clip(y - (sulcus + height - 1.2), 0.0, None)
    shell = np.exp(-above / (1.1 + 0.2 * height))
    return np.asarray(1.0 - np.where(shell < 0.004, 0.0, shell))
