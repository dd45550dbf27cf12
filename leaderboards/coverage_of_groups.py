"""How often a gap between the means of groups is called more than chance, where no group is served worse.
`leaderboards.interval_coverage` prints it: the gap's interval leaves out 0 as often as it is too high."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ldbench.api import Measured
from ldbench.score.metrics.intervals import Interval
from ldbench.score.subgroups.groups import breakdown
from leaderboards.coverage_table import report

SIZES = ((10, 190), (20, 180), (100, 100), (10, 60, 130))
VALUES: Mapping[str, Callable[[np.random.Generator, int], npt.NDArray[np.float64]]] = {
    "normal": lambda random, size: random.normal(size=size),
    "exponential": lambda random, size: random.exponential(size=size),
    "lognormal": lambda random, size: random.lognormal(size=size),
}
_SCORE = Measured("simulated", 0.0, 0.0, 0.0, 200, "lower", mean=True)


def gap_row(values: str, sizes: Sequence[int], repetitions: int) -> None:
    """A row: values of all cases come from one population, so that the true gap is 0."""
    intervals = []
    for repetition in range(repetitions):
        random = np.random.default_rng(repetition)
        groups = [(str(group), VALUES[values](random, size)) for group, size in enumerate(sizes)]
        found = breakdown(_SCORE, groups, (-np.inf, np.inf))
        intervals.append(Interval(found.gap, found.gap_low, found.gap_high))
    report(f"gap of means, {values}, groups of {', '.join(map(str, sizes))}", sum(sizes), intervals, 0.0)
