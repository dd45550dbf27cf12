"""Write the frozen chest data: 800 training, 160 validation and 400 test patients, the last with counterfactuals.

Every split holds the four findings in equal numbers, each with as many women as men and ages spread evenly over
18 to 90 years, so that neither sex nor age says anything about the finding; subject numbers say nothing either.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ldbench.api import Progress, silent

from ..archive import Pictures, array_name, subject_mark, write_arrays, write_manifest
from ..workers import mapped
from .patient import AGE_RANGE, FINDINGS, SEXES, SPLITS, ChestPatient, draw_patient
from .render import render

SEED = 20240611
SIZES: Mapping[str, int] = {"train": 800, "validation": 160, "test": 400}
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


def chest_cases(split: str, seed: int = SEED, sizes: Mapping[str, int] = SIZES) -> list[ChestCase]:
    """All patients of a split in the order of its image array; `sizes` are multiples of 8."""
    size, first = sizes[split], sum(sizes[name] for name in SPLITS[: SPLITS.index(split)])
    cells = [(finding, sex) for finding in FINDINGS for sex in SEXES]
    generator = np.random.default_rng([seed, SPLITS.index(split)])
    per_cell = size // len(cells)
    plan: list[tuple[int, str, str]] = []
    for finding, sex in cells:
        spread = (np.arange(per_cell) + generator.random(per_cell)) / per_cell
        years = AGE_RANGE[0] + np.floor(spread * (AGE_RANGE[1] - AGE_RANGE[0] + 1)).astype(int)
        plan += [(int(age), sex, finding) for age in years]
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
    out.mkdir(parents=True, exist_ok=True)
    shown = [
        (split, role, case)
        for split in SPLITS if split in splits for role in roles(split) for case in chest_cases(split, seed, sizes)
    ]
    cases = [(case, role) for _, role, case in shown]
    pictures = mapped(functools.partial(render_case, seed=seed), cases, processes, progress)
    images: dict[str, list[Pictures]] = {}
    rows: list[tuple[str | int, ...]] = []
    for (split, role, case), picture in zip(shown, pictures, strict=True):
        images.setdefault(array_name(split, role), []).append(picture)
        finding, sex, age = case.attributes(role)
        rows.append((f"{case.subject}-{role}", case.subject, split, role, case.index, age, sex, finding))
    write_arrays(out / "images.npz", {name: np.stack(same) for name, same in images.items()})
    write_manifest(out / "manifest.csv", COLUMNS, rows)


def render_case(case_and_role: tuple[ChestCase, str], seed: int) -> Pictures:
    """The image of a patient in a role, (64, 64) uint8."""
    case, role = case_and_role
    return render(case.patient(seed), *case.attributes(role))
