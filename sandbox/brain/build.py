"""Builds the frozen sandbox brains: who is in which split, at which ages, and every image of the task.

It needs the extra `sandbox` (nilearn, scipy); reading what it wrote needs neither. Subjects are drawn per split, so
none is in two. Age and sex are drawn alike in every group, so neither tells the diagnosis.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import numpy as np

from ldbench.api import Progress, silent

from ..archive import Pictures, array_name, subject_mark, write_manifest
from ..workers import mapped
from .atlas import Atlas
from .atrophy import Diagnosis, History
from .population import SHIPPED, Population
from .subject import Sex, Subject, draw_identity, draw_subject, load_atlas, render

SEED: Final = 20250607
COLUMNS: Final = ("image_id", "subject", "split", "role", "index", "age", "sex", "diagnosis", "years")

# Subjects of each diagnosis; the test split has no MCI because the paper's has none.
Cohort = Mapping[str, Mapping[Diagnosis, int]]
COHORT: Final[Cohort] = {
    "train": {"CN": 300, "AD": 300, "MCI": 100}, "validation": {"CN": 60, "AD": 60, "MCI": 20},
    "test": {"CN": 100, "AD": 100},
}
YOUNGEST, OLDEST, OLDEST_LATER = 60, 85, 95

_INTERVAL_SHARES = (0.4, 0.35, 0.25)  # of later scans slightly, moderately and significantly later


@dataclass(frozen=True)
class PlannedScan:
    """One row of the manifest and how to render it.

    Attributes:
        subject: who.
        split: train, validation or test.
        role: scan, later (same subject, `years` on) or other (same age, diagnosis swapped).
        age: years, whole.
        years: years after the subject's `scan`.
        history: when the stages began, in this image's world.
    """

    subject: Subject
    split: str
    role: str
    age: int
    years: int
    history: History

    @property
    def diagnosis(self) -> Diagnosis:
        """Diagnosis at the scan."""
        return self.history.diagnosis(self.age)

    @property
    def key(self) -> str:
        """The array that holds the image in `images.npz`."""
        return array_name(self.split, self.role)

    @property
    def image_id(self) -> str:
        """Stable name of the image."""
        return f"brain-{self.subject_id}-{self.role}"

    @property
    def subject_id(self) -> str:
        """Stable name of the subject."""
        return f"s{self.subject.number:04d}{subject_mark(self.subject.seed, SEED)}"


def plan(seed: int = SEED, cohort: Cohort = COHORT, population: Population = SHIPPED) -> list[PlannedScan]:
    """Every image of the data set in manifest order; draws no pixels.

    Numbers are dealt to subjects in random order, so that a number tells neither split nor diagnosis.
    """
    rng = np.random.default_rng(seed)
    groups = [(split, diagnosis, n) for split, sizes in cohort.items() for diagnosis, n in sizes.items()]
    members = [(split, diagnosis) for split, diagnosis, n in groups for _ in range(n)]
    numbers = rng.permutation(len(members)) + 1
    scans: list[PlannedScan] = []
    for place, ((split, diagnosis), number) in enumerate(zip(members, numbers, strict=True)):
        sex: Sex = "female" if place % 2 == 0 else "male"
        scans.extend(_scans(draw_subject(int(number), sex, seed, population), split, diagnosis, seed))
    scans.sort(key=lambda scan: (scan.key, scan.subject.number))
    return scans


def _scans(subject: Subject, split: str, diagnosis: Diagnosis, seed: int) -> Iterator[PlannedScan]:
    """The subject's scan, later scan and, in the test split, its counterfactual."""
    rng = np.random.default_rng([seed, subject.number, 2])
    shortest, longest = subject.population.intervals[rng.choice(3, p=_INTERVAL_SHARES)]
    years = int(rng.integers(shortest, longest + 1))
    age = int(rng.integers(YOUNGEST, min(OLDEST, OLDEST_LATER - years) + 1))
    history = subject.pace.history(age, diagnosis)
    yield PlannedScan(subject, split, "scan", age, 0, history)
    future = _future(subject, age, diagnosis, history, rng)
    while _change(subject, (age, history), (age + years, future)) < subject.population.least_change:
        years += 1
    yield PlannedScan(subject, split, "later", age + years, years, future)
    if split == "test":
        swapped: Diagnosis = "AD" if diagnosis == "CN" else "CN"
        yield PlannedScan(subject, split, "other", age, 0, subject.pace.history(age, swapped))


def _change(subject: Subject, before: tuple[int, History], after: tuple[int, History]) -> float:
    """What happens to the subject between two ages, each with its history."""
    losses = [subject.population.loss(age, history, subject.pace) for age, history in (before, after)]
    return subject.population.change(losses[0], losses[1], subject.ventricle_size)


def _future(subject: Subject, age: int, diagnosis: Diagnosis, history: History, rng: np.random.Generator) -> History:
    """The same history with what comes after the scan: a fifth of CN turn MCI, half of MCI turn AD."""
    chance, wait = rng.uniform(), float(rng.uniform(0.5, 8.0))
    if diagnosis == "CN" and chance < 0.2:
        return History(mci_onset=age + wait, ad_onset=age + wait + subject.pace.mci_years)
    if diagnosis == "MCI" and chance < 0.5:
        return History(mci_onset=history.mci_onset, ad_onset=age + wait)
    return history


def build_brain(
    out: Path, seed: int = SEED, *, splits: Collection[str] = tuple(COHORT), cohort: Cohort = COHORT,
    population: Population = SHIPPED, processes: int = 0, progress: Progress = silent,
) -> None:
    """Render the splits into `out`, `images.npz` and `manifest.csv`; all take about a minute on one core.

    `seed` is that of every subject, history and random field. `processes` 0 is this one. Raises DataError where nilearn
    or scipy isn't installed.
    """
    scans = [scan for scan in plan(seed, cohort, population) if scan.split in splits]
    pictures = _render_all(scans, processes, progress)
    images: dict[str, list[Pictures]] = {}
    rows: list[tuple[str | int, ...]] = []
    for scan in scans:
        of_key = images.setdefault(scan.key, [])
        who = (scan.age, scan.subject.sex, scan.diagnosis, scan.years)
        rows.append((scan.image_id, scan.subject_id, scan.split, scan.role, len(of_key), *who))
        of_key.append(pictures[scan.image_id])
    out.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {key: np.stack(same) for key, same in images.items()}
    np.savez_compressed(out / "images.npz", **arrays)
    write_manifest(out / "manifest.csv", COLUMNS, rows)


def _render_all(scans: list[PlannedScan], processes: int, progress: Progress) -> dict[str, Pictures]:
    """Images by id, subject by subject, so that each identity is drawn once."""
    by_id = sorted(scans, key=lambda scan: scan.image_id)
    subjects = [list(group) for _, group in groupby(by_id, key=lambda scan: scan.subject)]
    rendered = mapped(render_subject, subjects, processes, progress)
    return {scan.image_id: picture for scans, pictures in zip(subjects, rendered, strict=True)
            for scan, picture in zip(scans, pictures, strict=True)}


def render_subject(scans: list[PlannedScan]) -> list[Pictures]:
    """The images of one subject's scans."""
    subject = scans[0].subject
    atlases = _atlases(subject.population.shrinks)
    identity = draw_identity(subject)
    return [render(atlases, subject, identity, scan.age, scan.history) for scan in scans]


@functools.lru_cache(maxsize=1)
def _atlases(shrinks: bool) -> dict[int, Atlas]:
    """Loaded once a process."""
    return load_atlas(shrinks=shrinks)
