"""A chest in centimetres: one patient's draws turned into lengths under chosen findings, sex and age.

Coordinates: x to the patient's left (image right), y up with the lungs about centred on 0, z to the front.
Sizes are those of adult posterior-anterior films: an inner thoracic width near 28 cm in men and 25.5 cm in
women, a normal cardiothoracic ratio of 0.38 to 0.50 and above 0.5 called large (Danzer, Am. J. Med. Sci. 157,
1919). Age widens the aorta and the heart a little and thins the bone: directions from the literature, magnitudes
chosen by eye, and never offered as norms.

Cardiomegaly changes the heart alone, and the other findings change no anatomy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ldbench.errors import LdbenchError

from .patient import AGE_RANGE, SEXES, SHOWABLE, ChestPatient, Findings
from .projection import Array

CTR_NORMAL = (0.38, 0.50)
CTR_ENLARGED = (0.52, 0.65)


class ChestRequestError(LdbenchError):
    """A finding, sex or age that the chest renderer does not know."""


@dataclass(frozen=True)
class ChestAnatomy:
    """Lengths in cm, angles in radians; every z is in front of the mid-plane."""

    scale: float
    half_width: float
    """Inner half-width of the thorax at its widest: the cardiothoracic ratio is over twice this."""
    half_depth: float
    apex: float
    base: float
    domes: tuple[float, float]
    """Height of the right and left diaphragm domes."""
    sulcus_drop: float
    """How far below its dome each lateral costophrenic angle lies."""
    wall: float
    heart_width: float
    heart_right: float
    """The part of the heart's width to the patient's right of the mid-line."""
    heart_slant: float
    fat_pad: float
    """Half-width of the fat in front of the heart's tip; 0 for none. It is no part of the heart's width."""
    mediastinum: float
    knob: float
    rib_slope: float
    rib_height: float
    bone: float
    """Bone density relative to a young adult's."""
    breast: float
    """Half-thickness of a breast; 0.5 cm of muscle in men."""
    ptosis: float
    turn: float

    @property
    def cardiothoracic_ratio(self) -> float:
        """Transverse width of the heart over the inner width of the thorax, exact by construction."""
        return self.heart_width / (2.0 * self.half_width)

    def lateral(self, y: Array) -> Array:
        """Inner half-width of the thorax at height y: a pointed dome, widest from 80 % of its height down."""
        depth = np.clip((self.apex - y) / (0.8 * (self.apex - self.base)), 0.0, 1.0)
        top = 0.33 * self.half_width
        return np.asarray(top + (self.half_width - top) * (1.0 - (1.0 - depth) ** 2.4) ** 0.52)

    def sulcus(self, side: int) -> float:
        """Height of the lateral costophrenic angle; side 0 is the patient's right."""
        return self.domes[side] - self.sulcus_drop


def heart_ratio(patient: ChestPatient, findings: Findings, sex: str, age: int) -> float:
    """The cardiothoracic ratio that a patient is given: 0.38 to 0.50, or 0.52 to 0.65 in cardiomegaly."""
    if "cardiomegaly" in findings:
        severity = patient.extent("cardiomegaly").severity
        return float(CTR_ENLARGED[0] + (CTR_ENLARGED[1] - CTR_ENLARGED[0]) * severity**1.8)
    ratio = 0.448 + 0.028 * patient.heart + 0.0006 * (age - 54) + (0.006 if sex == "female" else 0.0)
    return float(np.clip(ratio, *CTR_NORMAL))


def build_anatomy(patient: ChestPatient, findings: Findings, sex: str, age: int) -> ChestAnatomy:
    """Lengths for one patient under findings, sex and age; ChestRequestError for a value that is not known."""
    _check(findings, sex, age)
    female = sex == "female"
    scale = (0.935 if female else 1.0) * (1.0 + 0.025 * patient.stature)
    half_width = (12.8 if female else 14.0) * (1.0 + 0.035 * patient.width + 0.012 * patient.stature)
    half_depth = (7.8 if female else 8.7) * (1.0 + 0.05 * patient.depth) + 0.008 * (age - 54)
    apex = 12.4 * scale - 0.008 * (age - 54)
    right_dome = -6.6 * scale - 1.1 * patient.inspiration
    return ChestAnatomy(
        scale=scale, half_width=half_width, half_depth=half_depth, apex=apex,
        base=-14.5 * scale - 0.6 * patient.inspiration, domes=(right_dome, right_dome - 1.1 - 0.35 * patient.dome_gap),
        sulcus_drop=4.5 * scale * (1.0 + 0.12 * patient.sulcus), wall=(2.6 if female else 2.8) + 0.5 * patient.habitus,
        heart_width=2.0 * half_width * heart_ratio(patient, findings, sex, age),
        heart_right=0.335 + 0.02 * patient.heart_right, heart_slant=-0.40 - 0.08 * patient.heart_tilt,
        fat_pad=scale * max(0.0, 0.6 + 0.8 * patient.fat_pad + 0.4 * patient.habitus),
        mediastinum=2.25 * scale * (1.0 + 0.07 * patient.mediastinum + 0.06 * max(patient.habitus, 0.0)),
        knob=scale * (1.35 + 0.012 * (age - 18) + 0.12 * patient.knob),
        rib_slope=0.46 + 0.05 * patient.rib_slope - 0.04 * patient.inspiration + 0.0022 * (age - 54),
        rib_height=0.62 * scale * (1.0 + 0.08 * patient.rib_height),
        bone=float(np.clip((1.12 if not female else 1.06) - 0.0075 * (age - 18) + 0.07 * patient.bone, 0.45, 1.3)),
        breast=max(0.6, 1.7 + 0.45 * patient.breast + 0.3 * patient.habitus) if female else 0.5,
        ptosis=0.02 * (age - 40), turn=np.radians(1.7) * patient.rotation,
    )


def _check(findings: Findings, sex: str, age: int) -> None:
    if unknown := sorted(findings.difference(SHOWABLE)):
        raise ChestRequestError(f"findings: expected some of {', '.join(SHOWABLE)}; got {unknown[0]!r}")
    if sex not in SEXES:
        raise ChestRequestError(f"sex: expected one of {', '.join(SEXES)}; got {sex!r}")
    if not AGE_RANGE[0] <= age <= AGE_RANGE[1]:
        raise ChestRequestError(f"age: expected {AGE_RANGE[0]} to {AGE_RANGE[1]} years; got {age}")
