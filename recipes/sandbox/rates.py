"""What the sandbox's brains do as they are drawn, beside what cohorts were measured to do.

    python -m recipes.sandbox.rates                       # every revision, from its plan
    python -m recipes.sandbox.rates --images FOLDER       # and of a rendered one, which ageing cases show a change

Volumes are those that the renderer draws, in millilitres by one scale a revision: healthy scans have a mean of 45 ml,
as in ADNI. Nothing is fitted.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from ldbench_sandbox.brain.atrophy import DIAGNOSES, Diagnosis
from ldbench_sandbox.brain.build import PlannedScan, plan
from ldbench_sandbox.brain.population import POPULATIONS, Population

HEALTHY_ML: Final = 45.0
THRESHOLD: Final = 0.05  # of sandbox-brain-aging's card


@dataclass(frozen=True)
class AtrophyRates:
    """One diagnosis of one revision, over the scans of all splits; growth is that of the next year.

    Volumes in ml, growth of the ventricles in % a year with its spread between subjects, acceleration in ml a year
    squared, tissue lost in % a year.
    """

    revision: str
    diagnosis: Diagnosis
    scans: int
    volume: float
    variation: float
    growth: float
    growth_spread: float
    acceleration: float
    tissue: float

    def row(self) -> str:
        """The line of a Markdown table."""
        return (
            f"| {self.revision} | {self.diagnosis} | {self.scans} | {self.volume:.1f} | {self.variation:.2f} | "
            f"{self.growth:.1f} ({self.growth_spread:.1f}) | {self.acceleration:+.2f} | {self.tissue:.2f} |"
        )


def ratios(scans: Sequence[PlannedScan], years: float) -> np.ndarray:
    """The ventricles' size as drawn, over the template's, so many years after each scan with the diagnosis kept."""
    return np.array([
        scan.subject.population.shown(
            scan.subject.ventricle_size
            * scan.subject.population.loss(scan.age + years, scan.history, scan.subject.pace).ventricle_ratio
        )
        for scan in scans
    ])


def rates(population: Population) -> Iterator[AtrophyRates]:
    """The rates of each diagnosis."""
    scans = [scan for scan in plan(population=population) if scan.role == "scan"]
    scale = HEALTHY_ML / ratios([scan for scan in scans if scan.diagnosis == "CN"], 0).mean()
    for diagnosis in DIAGNOSES:
        chosen = [scan for scan in scans if scan.diagnosis == diagnosis]
        now, one, two = (scale * ratios(chosen, years) for years in (0, 1, 2))
        growth = 100 * (one / now - 1)
        lost = np.array([_tissue(scan, 1) - _tissue(scan, 0) for scan in chosen])
        yield AtrophyRates(
            population.revision, diagnosis, len(chosen), now.mean(), now.std() / now.mean(), growth.mean(),
            growth.std(), (two - 2 * one + now).mean(), 100 * lost.mean(),
        )


def _tissue(scan: PlannedScan, years: float) -> float:
    loss = scan.subject.population.loss(scan.age + years, scan.history, scan.subject.pace)
    return loss.ageing_tissue + loss.disease_tissue


def separation(population: Population) -> tuple[float, float]:
    """AD over healthy mean, and the chance that an AD subject's ventricles are larger than a healthy one's."""
    scans = [scan for scan in plan(population=population) if scan.role == "scan"]
    healthy, ill = (ratios([scan for scan in scans if scan.diagnosis == name], 0) for name in ("CN", "AD"))
    return ill.mean() / healthy.mean(), float((ill[:, None] > healthy).mean())


def unchanged(folder: Path) -> tuple[int, int]:
    """How many ageing test cases have no pixel that changes by more than the card's threshold, and how many there are.

    The folder holds images.npz and manifest.csv.
    """
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test"]
    place = {(row["subject"], row["role"]): int(row["index"]) for row in rows}
    with np.load(folder / "images.npz", allow_pickle=False) as images:
        before, after = (images[name].astype(np.float64) / 255 for name in ("test", "test_later"))
    pairs = [(place[who, "scan"], later) for (who, role), later in place.items() if role == "later"]
    still = sum(bool(np.abs(before[scan] - after[later]).max() <= THRESHOLD) for scan, later in pairs)
    return still, len(pairs)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, action="append", default=[])
    folders: list[Path] = parser.parse_args().images
    print("| revision | diagnosis | scans | ventricles, ml | variation | growth, % a year | acceleration | tissue, % |")
    print("|---|---|---|---|---|---|---|---|")
    for population in POPULATIONS.values():
        for each in rates(population):
            print(each.row())
    for population in POPULATIONS.values():
        ratio, chance = separation(population)
        print(f"revision {population.revision}: AD over CN {ratio:.2f}, AUC of ventricle size {chance:.2f}")
    for folder in folders:
        still, cases = unchanged(folder)
        print(f"{folder}: {still} of {cases} ageing test cases have no region that changes")


if __name__ == "__main__":
    main()
