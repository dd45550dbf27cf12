"""Who a sandbox chest patient is: the draws that stay fixed whatever the finding, the sex and the age.

A patient holds standard normal and uniform numbers, never lengths: `anatomy` turns them into centimetres
once sex, age and finding are chosen. So the same patient can be rendered under any of them, with the same body,
pose, exposure, vessels and noise; the severity and the place of a finding are drawn here too, once a patient.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

FINDINGS = ("no finding", "cardiomegaly", "pleural effusion", "pneumonia")
SEXES = ("female", "male")
SPLITS = ("train", "validation", "test")
AGE_RANGE = (18, 90)

_LIMIT = 2.2  # normal draws are cut here: a body at 4 sigma falls out of the field of view
_UNIFORM = ("severity", "side", "place", "density", "bubble")


@dataclass(frozen=True)
class ChestPatient:
    """One patient's fixed draws: standard normals cut at 2.2, except the uniforms in [0, 1) named at the end."""

    key: tuple[int, int, int]
    """(seed, split number, index): the root of the patient's texture and noise streams."""
    stature: float
    habitus: float
    width: float
    depth: float
    inspiration: float
    dome_gap: float
    heart: float
    heart_right: float
    heart_tilt: float
    fat_pad: float
    sulcus: float
    mediastinum: float
    knob: float
    rib_slope: float
    rib_phase: float
    rib_height: float
    bone: float
    spine_bend: float
    breast: float
    clavicle: float
    exposure: float
    contrast: float
    scatter: float
    grain: float
    sharpness: float
    rotation: float
    tilt: float
    shift_x: float
    shift_y: float
    zoom: float
    severity: float
    """Uniform: how far the finding went, from barely there (0) to plain (1)."""
    side: float
    """Uniform: which lung an effusion or a pneumonia is in."""
    place: float
    """Uniform: which zone of that lung."""
    density: float
    """Uniform: how dense the airspace opacity is."""
    bubble: float
    """Uniform: the size of the stomach's gas bubble; below 0.3 there is none."""

    def stream(self, purpose: int) -> np.random.Generator:
        """A generator for one purpose (vessels, texture, noise), the same whatever is rendered."""
        return np.random.default_rng([*self.key, purpose])


def draw_patient(seed: int, split: str, index: int) -> ChestPatient:
    """Draw the patient number `index` of a split; ValueError for a split that is none of SPLITS."""
    key = (seed, SPLITS.index(split), index)
    generator = np.random.default_rng(key)
    names = [field.name for field in fields(ChestPatient) if field.name != "key"]
    normals = np.clip(generator.standard_normal(len(names)), -_LIMIT, _LIMIT)
    uniforms = generator.random(len(names))
    values = {
        name: float(uniform if name in _UNIFORM else normal)
        for name, normal, uniform in zip(names, normals, uniforms, strict=True)
    }
    return ChestPatient(key=key, **values)
