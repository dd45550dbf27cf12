"""How often the interval of a mean over three planes of the same volumes covers it, as `ldbench measure --volumes
axial,coronal,sagittal` has it, and what it would cover if the planes were taken as independent of each other.
`leaderboards.interval_coverage` prints it.

Slices of a volume have a correlation of 0.8 within a plane. `BETWEEN` says how alike slices of two planes of it are.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from ldbench.api import Measured
from ldbench.plugins.kinds import METRICS
from ldbench.score.folders.plane_means import mean_of_planes
from ldbench.score.metrics.intervals import Interval, numbered
from leaderboards.coverage_of_subjects import Measure, measures
from leaderboards.coverage_table import interval_of, report

PLANES = ("axial", "coronal", "sagittal")
SLICES = 4
WITHIN, BETWEEN = 0.8, (0.3, 0.7)
SETS = ("FID", "KID", "coverage")  # of real and generated volumes
ALONE = ("mean", "share", "AUC")  # of one set, so that they know no shift
SHIFTS = (0.0, 0.4)


def plane_rows(repetitions: int) -> None:
    """Two rows a metric and setting: the interval, and that of independent planes."""
    for volumes in (24, 60):
        for between in BETWEEN:
            for shift in SHIFTS:
                for name, measure in measures(volumes, shift).items():
                    if name in SETS or (name in ALONE and shift == SHIFTS[0]):
                        told = f", shift {shift}" if name in SETS else ""
                        plane_row(f"{name}{told}", measure, volumes, between, repetitions)


def plane_row(name: str, measure: Measure, volumes: int, between: float, repetitions: int) -> None:
    """Both rows of one metric. The target is the mean of the values: how they scatter is the question."""
    draws = [scores_of(measure, volumes, between, draw) for draw in range(repetitions)]
    metric, whose = METRICS.load(draws[0][PLANES[0]].metric), list(map(str, _volume_of_each(volumes)))
    units = {plane: {"cases": whose, "scans": whose} for plane in PLANES}
    joint = [interval_of(mean_of_planes(metric, scores, units)) for scores in draws]
    apart = [of_independent(list(scores.values())) for scores in draws]
    for how, intervals in (("", joint), (", planes as independent", apart)):
        report(f"{name}, {between} between planes{how}", volumes, intervals)


def scores_of(measure: Measure, volumes: int, between: float, draw: int) -> dict[str, Measured]:
    """The score of each plane, with volumes as the units of its interval."""
    shared, scores = numbered(_volume_of_each(volumes).tolist()), {}
    for number, plane in enumerate(PLANES, 1):
        of_all, of_plane = np.random.default_rng(draw), np.random.default_rng((draw, number))
        scores[plane] = measure(partial(slices_of, volumes, between, of_all, of_plane), shared)
    return scores


def _volume_of_each(volumes: int) -> npt.NDArray[np.int64]:
    return np.repeat(np.arange(volumes), SLICES)


def slices_of(
    volumes: int, between: float, of_all: np.random.Generator, of_plane: np.random.Generator, dimension: int
) -> npt.NDArray[np.float64]:
    """Normal features `(volumes * SLICES, dimension)` of one plane, whose volumes share what `of_all` draws with
    those of the other planes."""
    volume, plane = (random.normal(size=(volumes, 1, dimension)) for random in (of_all, of_plane))
    own = of_plane.normal(size=(volumes, SLICES, dimension))
    slices = between**0.5 * volume + (WITHIN - between) ** 0.5 * plane + (1 - WITHIN) ** 0.5 * own
    return np.asarray(slices.reshape(-1, dimension), dtype=np.float64)


def of_independent(scores: Sequence[Measured]) -> Interval:
    """What is not used: the mean's interval as if each plane showed other volumes."""
    value = float(np.mean([score.value for score in scores]))
    below = float(np.linalg.norm([score.value - score.ci_low for score in scores])) / len(scores)
    above = float(np.linalg.norm([score.ci_high - score.value for score in scores])) / len(scores)
    return Interval(value, value - below, value + above)
