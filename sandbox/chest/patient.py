"""Who a sandbox chest patient is: the draws that stay fixed whatever the finding, the sex and the age.

A patient holds standard normal and uniform numbers, never lengths: `anatomy` turns them into centimetres
once sex, age and findings are chosen. So the same patient can be rendered under any of them, with the same body,
pose, exposure, vessels and noise; how far a finding went and where it is are drawn here too: once a patient, or once a
finding, where a patient may have several (`of_several`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

FINDINGS = ("no finding", "cardiomegaly", "pleural effusion", "pneumonia")
DEVICES = "support devices"
SHOWABLE = (*FINDINGS[1:], DEVICES)  # what a film may show, each beside any other
SEXES = ("female", "male")
SPLITS = ("train", "validation", "test")
AGE_RANGE = (18, 90)

_LIMIT = 2.2  # normal draws are cut here: a body at 4 sigma falls out of the field of view
_UNIFORM = ("severity", "side", "place", "density", "bubble")
_NOT_DRAWN = ("key", "own")
_OWN = 5  # the stream that the findings' own draws come from

Findings = frozenset[str]


def shown(finding: str) -> Findings:
    """What a film of one class shows: nothing for "no finding"."""
    return frozenset() if finding == FINDINGS[0] else frozenset({finding})


@dataclass(frozen=True)
class Extent:
    """How one finding is in a patient: uniforms in [0, 1) that say how far it went, in which lung, where, how dense."""

    severity: float
    side: float
    place: float
    density: float


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
    own: Mapping[str, Extent]
    """By finding the draws that are its own; the patient's `severity` to `density` where it has none."""

    def extent(self, finding: str) -> Extent:
        """How a finding is in this patient, if it is there."""
        return self.own.get(finding) or Extent(self.severity, self.side, self.place, self.density)

    def stream(self, purpose: int) -> np.random.Generator:
        """A generator for one purpose (vessels, texture, noise, ...), the same whatever is rendered."""
        return np.random.default_rng([*self.key, purpose])


def draw_patient(seed: int, split: str, index: int) -> ChestPatient:
    """Draw the patient number `index` of a split; ValueError for a split that is none of SPLITS."""
    key = (seed, SPLITS.index(split), index)
    generator = np.random.default_rng(key)
    names = [item.name for item in fields(ChestPatient) if item.name not in _NOT_DRAWN]
    normals = np.clip(generator.standard_normal(len(names)), -_LIMIT, _LIMIT)
    uniforms = generator.random(len(names))
    values = {
        name: float(uniform if name in _UNIFORM else normal)
        for name, normal, uniform in zip(names, normals, uniforms, strict=True)
    }
    return ChestPatient(key=key, own={}, **values)


def of_several(patient: ChestPatient) -> ChestPatient:
    """The patient with draws of its own for each finding: one that went far says nothing of another beside it."""
    drawn = patient.stream(_OWN).random((len(FINDINGS) - 1, len(fields(Extent))))
    own = {name: Extent(*map(float, row)) for name, row in zip(FINDINGS[1:], drawn, strict=True)}
    return replace(patient, own=own)
