"""Path lengths through bone: ribs behind and in front, clavicles, spine, shoulder girdle.

A rib runs on the wall of the thorax, from the spine backwards, round the side and forwards and down; where it
turns along the ray, its path grows, as on a film. Bone is counted as centimetres of ordinary adult bone.

Single trabeculae and the marrow cavity are left out: at 6 mm a pixel neither is there to see.
"""

from __future__ import annotations

import numpy as np

from .anatomy import ChestAnatomy
from .patient import ChestPatient
from .projection import Array, Rays, chord, ellipsoid, length, tube_profile

_RIBS = 10
_TURN_LIMIT = 0.38  # a rib seen end-on is at most 1 / 0.38 of its thickness: it is curved and never a rod


def bone_path(rays: Rays, anatomy: ChestAnatomy, patient: ChestPatient) -> Array:
    """Path through bone in cm, weighted by this patient's bone density."""
    total = _spine(rays, anatomy, patient)
    for sign in (-1.0, 1.0):
        for number in range(_RIBS):
            total += _rib(rays, anatomy, patient, number, sign)
        total += _clavicle(rays, anatomy, patient, sign) + _shoulder(rays, anatomy, sign)
    return np.asarray(total * anatomy.bone)


def rib_points(anatomy: ChestAnatomy, patient: ChestPatient, number: int) -> tuple[Array, Array]:
    """One rib of the left side as points (P, 2) in the film, in cm, with its depth z (P,); numbers start at 0."""
    a = anatomy
    angle = np.linspace(-1.35, 1.12 if number < 6 else 0.95, 30)
    depth = 1.05 * a.half_depth * np.sin(angle)
    spacing = 2.28 * a.scale + 0.10 * patient.inspiration
    head = a.apex + 1.1 - spacing * number + 0.35 * patient.rib_phase
    slope = a.rib_slope + 0.018 * number
    hump = 0.5 * np.clip(1.0 - ((angle + 0.9) / 0.5) ** 2, 0.0, None)
    y = head - slope * (depth + 1.05 * a.half_depth) + hump
    x = 1.6 + (a.lateral(y) + 0.45 - 1.6) * np.cos(angle)
    return np.stack([x, y], axis=1), depth


def _rib(rays: Rays, anatomy: ChestAnatomy, patient: ChestPatient, number: int, sign: float) -> Array:
    points, depth = rib_points(anatomy, patient, number)
    points[:, 0] = sign * points[:, 0] + np.sin(anatomy.turn) * depth
    flat = np.hypot(*np.gradient(points, axis=0).T)
    in_film = np.maximum(flat / np.hypot(flat, np.gradient(depth)), _TURN_LIMIT)
    height = np.full(len(depth), anatomy.rib_height)
    weight = 1.2 * anatomy.scale / in_film
    # Cartilage takes over in front: the ossified rib fades over its last fifth.
    weight = weight * np.clip((len(depth) - np.arange(len(depth))) / 5.0, 0.0, 1.0)
    turn = len(depth) // 2
    behind = tube_profile(rays, points[: turn + 1], height[: turn + 1], weight[: turn + 1])
    front = tube_profile(rays, points[turn:], height[turn:], 0.85 * weight[turn:])
    return behind + front


def _clavicle(rays: Rays, anatomy: ChestAnatomy, patient: ChestPatient, sign: float) -> Array:
    a = anatomy
    x = np.array([1.6, 4.0, 7.0, 10.0, 13.0, 16.0]) * a.half_width / 13.8
    lift = np.array([-3.1, -2.6, -1.5, -0.6, 0.0, 0.9]) + np.linspace(0.0, 0.7, 6) * patient.clavicle
    shift = np.sin(a.turn) * 0.8 * a.half_depth
    points = np.stack([sign * x + shift, a.apex + lift * a.scale], axis=1)
    radius = np.array([1.0, 0.75, 0.6, 0.58, 0.65, 0.8]) * a.scale
    return tube_profile(rays, points, radius, 2.9 * radius)


def _shoulder(rays: Rays, anatomy: ChestAnatomy, sign: float) -> Array:
    # The blade lies beside the lung on a good film; its edge and the humeral head show in the upper corners.
    a = anatomy
    u, drop = sign * rays.x, a.apex - 1.5 - rays.y
    edge = a.half_width - 0.4 + 0.10 * drop
    blade = 1.0 / (1.0 + np.exp(-(u - edge) / 0.35)) / (1.0 + np.exp((drop - 10.0 + 0.9 * (u - edge)) / 0.6))
    blade = blade / (1.0 + np.exp(-(drop + 2.5) / 0.8))
    head = ellipsoid(rays, (sign * (a.half_width + 4.2), a.apex - 0.8, 0.0), (2.4, 2.5, 1.6))
    return 0.30 * blade + length(head)


def _spine(rays: Rays, anatomy: ChestAnatomy, patient: ChestPatient) -> Array:
    a = anatomy
    bend = 0.35 * patient.spine_bend * np.sin(rays.y / 5.5 + patient.rib_phase)
    x = rays.x - bend + np.sin(a.turn) * 0.85 * a.half_depth
    half = 1.75 * a.scale
    bodies = length(chord((x / half) ** 4, 0.0, 1.7 * a.scale))
    phase = (rays.y + patient.rib_phase) / (2.35 * a.scale)
    disc = np.exp(-(((phase - np.round(phase)) / 0.13) ** 2))
    processes = 0.4 * np.exp(-((x / 0.45) ** 2)) * (1.0 - disc)
    return np.asarray(0.24 * bodies * (1.0 - 0.5 * disc) + processes)
