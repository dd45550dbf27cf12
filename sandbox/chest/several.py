"""Write the frozen chest films of several findings: 640 training, 160 validation and 400 test patients, a film each.

How often findings come together is fixed, in 40ths of either sex (`SHARES`), in every split alike. The directions are
those of the literature, the magnitudes are chosen so that every finding has cases enough:

- heart failure is the commonest cause of a pleural effusion, and over half of its patients come to have one
  (Kinasewitz, Eur. Respir. J. 10, 1997): half of the large hearts have one, and a fifth of the others;
- 20 to 40 % of the pneumonias in hospital have one (Light, Proc. Am. Thorac. Soc. 3, 2006): 5 of 12 here, and 7 of
  the 28 others;
- pacemakers are for hearts that fail: 4 of 14 large hearts have one, and 2 of 26 others, who are else healthy.

Ages spread evenly over 18 to 90 years in every combination, so that neither sex nor age says anything of a finding. How
far one went and in which lung says nothing of another: an effusion is no likelier on the side of a pneumonia.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ldbench.api import Progress, silent

from ..archive import subject_mark
from .films import BOOKKEEPING, Film, spread_ages, write_films
from .patient import DEVICES, FINDINGS, SEXES, SHOWABLE, SPLITS, ChestPatient, Findings, draw_patient, of_several

SEED = 20261130
SIZES: Mapping[str, int] = {"train": 640, "validation": 160, "test": 400}
CLASSES = ("no finding", "finding")
LABELS = tuple(name.replace(" ", "_") for name in (FINDINGS[0], *SHOWABLE))
_ATTRIBUTES = ("age", "sex", "finding", "findings", *LABELS)
COLUMNS = (*BOOKKEEPING, *_ATTRIBUTES)

_HEART, _FLUID, _PNEUMONIA = FINDINGS[1:]
SHARES: tuple[tuple[Findings, int], ...] = (
    (frozenset(), 14),
    (frozenset({DEVICES}), 2),
    (frozenset({_HEART}), 4),
    (frozenset({_HEART, DEVICES}), 1),
    (frozenset({_FLUID}), 3),
    (frozenset({_PNEUMONIA}), 5),
    (frozenset({_HEART, _FLUID}), 2),
    (frozenset({_HEART, _FLUID, DEVICES}), 2),
    (frozenset({_HEART, _PNEUMONIA}), 2),
    (frozenset({_FLUID, _PNEUMONIA}), 2),
    (frozenset({_HEART, _FLUID, _PNEUMONIA}), 2),
    (frozenset({_HEART, _FLUID, _PNEUMONIA, DEVICES}), 1),
)
_WHOLE = sum(share for _, share in SHARES)


@dataclass(frozen=True)
class SeveralCase:
    """One patient of a split with all that their film shows."""

    subject: str
    split: str
    index: int
    age: int
    sex: str
    findings: Findings

    def patient(self, seed: int = SEED) -> ChestPatient:
        """The patient's fixed draws."""
        return of_several(draw_patient(seed, self.split, self.index))

    @property
    def attributes(self) -> dict[str, str | int]:
        """What the manifest says of the film beside BOOKKEEPING."""
        ill = bool(self.findings - {DEVICES})
        flags = [int(not ill), *(int(name in self.findings) for name in SHOWABLE)]
        return {
            "age": self.age, "sex": self.sex, "finding": CLASSES[ill], "findings": in_words(self.findings),
            **dict(zip(LABELS, flags, strict=True)),
        }

    def film(self, seed: int = SEED) -> Film:
        """The patient's film."""
        return Film(
            self.subject, self.split, "scan", self.index, self.patient(seed), self.findings, self.sex, self.age,
            tuple(self.attributes.values()),
        )


def several_cases(split: str, seed: int = SEED, sizes: Mapping[str, int] = SIZES) -> list[SeveralCase]:
    """All patients of a split in the order of its image array; `sizes` are multiples of 80."""
    size, first = sizes[split], sum(sizes[name] for name in SPLITS[: SPLITS.index(split)])
    generator = np.random.default_rng([seed, SPLITS.index(split)])
    plan: list[tuple[int, str, Findings]] = []
    for findings, share in SHARES:
        for sex in SEXES:
            ages = spread_ages(generator, share * size // (_WHOLE * len(SEXES)))
            plan += [(int(age), sex, findings) for age in ages]
    plan = [plan[position] for position in generator.permutation(size)]
    return [
        SeveralCase(f"chest-f{first + index + 1:04d}{subject_mark(seed, SEED)}", split, index, *drawn)
        for index, drawn in enumerate(plan)
    ]


def in_words(findings: Findings) -> str:
    """What a film shows, as a prompt says it: "cardiomegaly and pneumonia", "no finding but support devices"."""
    names = [name for name in SHOWABLE if name in findings]
    if not findings - {DEVICES}:
        return " but ".join([FINDINGS[0], *names])
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last


def build_several(
    out: Path, seed: int = SEED, *, splits: Collection[str] = SPLITS, sizes: Mapping[str, int] = SIZES,
    processes: int = 0, progress: Progress = silent,
) -> None:
    """Write images.npz and manifest.csv of the splits into the folder `out`, made if missing; all take about a minute
    on one core. `processes` 0 is this one."""
    films = [case.film(seed) for split in SPLITS if split in splits for case in several_cases(split, seed, sizes)]
    write_films(out, films, _ATTRIBUTES, processes, progress)
