"""Write the frozen chest data: 800 training, 160 validation and 400 test patients, the last with counterfactuals.

Every split holds the four findings in equal numbers, each with as many women as men and ages spread evenly over
18 to 90 years, so that neither sex nor age says anything about the finding; subject numbers say nothing either.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..archive import Pictures, array_name, write_arrays, write_manifest
from .patient import AGE_RANGE, FINDINGS, SEXES, SPLITS, ChestPatient, draw_patient
from .render import render

SEED = 20240611
SIZES = {"train": 800, "validation": 160, "test": 400}
COLUMNS = ("image_id", "subject", "split", "role", "index", "age", "sex", "finding")
_COUNTERFACTUAL_SPLIT = "test"


@dataclass(frozen=True)
class ChestCase:
    """One patient of a split as they came to the scanner; `other_finding` is their counterfactual's."""

    subject: str
    split: str
    index: int
    age: int
    sex: str
    finding: str
    other_finding: str

    def patient(self, seed: int = SEED) -> ChestPatient:
        """The patient's fixed draws."""
        return draw_patient(seed, self.split, self.index)

    def attributes(self, role: str) -> tuple[str, str, int]:
        """(finding, sex, age) shown in the role `scan`, `other` or `sex`."""
        finding = self.other_finding if role == "other" else self.finding
        sex = SEXES[1 - SEXES.index(self.sex)] if role == "sex" else self.sex
        return finding, sex, self.age


def chest_cases(split: str, seed: int = SEED) -> list[ChestCase]:
    """All patients of a split in the order of its image array."""
    size, first = SIZES[split], sum(SIZES[name] for name in SPLITS[: SPLITS.index(split)])
    cells = [(finding, sex) for finding in FINDINGS for sex in SEXES]
    generator = np.random.default_rng([seed, SPLITS.index(split)])
    per_cell = size // len(cells)
    plan: list[tuple[int, str, str]] = []
    for finding, sex in cells:
        spread = (np.arange(per_cell) + generator.random(per_cell)) / per_cell
        years = AGE_RANGE[0] + np.floor(spread * (AGE_RANGE[1] - AGE_RANGE[0] + 1)).astype(int)
        plan += [(int(age), sex, finding) for age in years]
    plan = [plan[position] for position in generator.permutation(size)]
    subjects = [f"chest-p{first + index + 1:04d}" for index in range(size)]
    added = _added_findings([s for s, row in zip(subjects, plan, strict=True) if row[2] == FINDINGS[0]])
    return [
        ChestCase(subject, split, index, age, sex, finding, added.get(subject, FINDINGS[0]))
        for index, (subject, (age, sex, finding)) in enumerate(zip(subjects, plan, strict=True))
    ]


def _added_findings(healthy: list[str]) -> dict[str, str]:
    # In the order of their hashes, so that each finding is added equally often and no position decides which.
    order = sorted(healthy, key=lambda subject: hashlib.sha256(subject.encode()).hexdigest())
    return {subject: FINDINGS[1 + rank % 3] for rank, subject in enumerate(order)}


def render_split(split: str, role: str, seed: int = SEED) -> Pictures:
    """The images of a split in one role, (N, 64, 64) uint8."""
    return np.stack([render(case.patient(seed), *case.attributes(role)) for case in chest_cases(split, seed)])


def roles(split: str) -> tuple[str, ...]:
    """The roles that a split's patients are shown in."""
    return ("scan", "other", "sex") if split == _COUNTERFACTUAL_SPLIT else ("scan",)


def build_chest(out: Path, seed: int = SEED) -> None:
    """Write images.npz and manifest.csv into the folder `out`, made if missing; about two minutes on one core."""
    out.mkdir(parents=True, exist_ok=True)
    images: dict[str, Pictures] = {}
    rows: list[tuple[str | int, ...]] = []
    for split in SPLITS:
        for role in roles(split):
            images[array_name(split, role)] = render_split(split, role, seed)
            for case in chest_cases(split, seed):
                finding, sex, age = case.attributes(role)
                rows.append((f"{case.subject}-{role}", case.subject, split, role, case.index, age, sex, finding))
    write_arrays(out / "images.npz", images)
    write_manifest(out / "manifest.csv", COLUMNS, rows)
