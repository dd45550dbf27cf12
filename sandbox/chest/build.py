"""Write the frozen chest data: 800 training, 160 validation and 400 test patients, the last with counterfactuals.

Every split holds the four findings in equal numbers, each with as many women as men and ages spread evenly over
18 to 90 years, so that neither sex nor age says anything about the finding; subject numbers say nothing either.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ldbench.api import Progress, silent

from ..archive import subject_mark
from .films import BOOKKEEPING, Film, spread_ages, write_films
from .patient import FINDINGS, SEXES, SPLITS, ChestPatient, draw_patient, shown

SEED = 20240611
SIZES: Mapping[str, int] = {"train": 800, "validation": 160, "test": 400}
_ATTRIBUTES = ("age", "sex", "finding")
COLUMNS = (*BOOKKEEPING, *_ATTRIBUTES)
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

    def film(self, role: str, seed: int = SEED) -> Film:
        """The patient's film in a role."""
        finding, sex, age = self.attributes(role)
        return Film(
            self.subject, self.split, role, self.index, self.patient(seed), shown(finding), sex, age,
            (age, sex, finding),
        )


def chest_cases(split: str, seed: int = SEED, sizes: Mapping[str, int] = SIZES) -> list[ChestCase]:
    """All patients of a split in the order of its image array; `sizes` are multiples of 8."""
    size, first = sizes[split], sum(sizes[name] for name in SPLITS[: SPLITS.index(split)])
    cells = [(finding, sex) for finding in FINDINGS for sex in SEXES]
    generator = np.random.default_rng([seed, SPLITS.index(split)])
    per_cell = size // len(cells)
    plan: list[tuple[int, str, str]] = []
    for finding, sex in cells:
        plan += [(int(age), sex, finding) for age in spread_ages(generator, per_cell)]
    plan = [plan[position] for position in generator.permutation(size)]
    subjects = [f"chest-p{first + index + 1:04d}{subject_mark(seed, SEED)}" for index in range(size)]
    added = _added_findings([s for s, row in zip(subjects, plan, strict=True) if row[2] == FINDINGS[0]])
    return [
        ChestCase(subject, split, index, age, sex, finding, added.get(subject, FINDINGS[0]))
        for index, (subject, (age, sex, finding)) in enumerate(zip(subjects, plan, strict=True))
    ]


def _added_findings(healthy: list[str]) -> dict[str, str]:
    # In the order of their hashes, so that each finding is added equally often and no position decides which.
    order = sorted(healthy, key=lambda subject: hashlib.sha256(subject.encode()).hexdigest())
    return {subject: FINDINGS[1 + rank % 3] for rank, subject in enumerate(order)}


def roles(split: str) -> tuple[str, ...]:
    """The roles that a split's patients are shown in."""
    return ("scan", "other", "sex") if split == _COUNTERFACTUAL_SPLIT else ("scan",)


def build_chest(
    out: Path, seed: int = SEED, *, splits: Collection[str] = SPLITS, sizes: Mapping[str, int] = SIZES,
    processes: int = 0, progress: Progress = silent,
) -> None:
    """Write images.npz and manifest.csv of the splits into the folder `out`, made if missing; all take about two
    minutes on one core. `processes` 0 is this one."""
    films = [
        case.film(role, seed)
        for split in SPLITS if split in splits for role in roles(split) for case in chest_cases(split, seed, sizes)
    ]
    write_films(out, films, _ATTRIBUTES, processes, progress)
