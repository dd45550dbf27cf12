"""How often a gap between the means of groups is called more than chance, where no group is served worse, of one run
and of several seeds. `leaderboards.interval_coverage` prints it: the gap's interval leaves out 0 as often as it is too
high. Where one group is served worse, the question is how often the interval covers that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ldbench.api import Measured
from ldbench.board.folded_groups import fold
from ldbench.records.subgroups import Breakdown
from ldbench.score.metrics.intervals import Interval
from ldbench.score.subgroups.groups import breakdown
from leaderboards.coverage_table import report

SIZES = ((10, 190), (20, 180), (100, 100), (10, 60, 130))
VALUES: Mapping[str, Callable[[np.random.Generator, int], npt.NDArray[np.float64]]] = {
    "normal": lambda random, size: random.normal(size=size),
    "exponential": lambda random, size: random.exponential(size=size),
    "lognormal": lambda random, size: random.lognormal(size=size),
}
SEEDS = (2, 3, 5)
OF_SEED = (0.0, 0.3)  # standard deviation of what a training does to one group alone; a case's is 1
FAR = 2.0  # how much worse the last group is, where one is
_SCORE = Measured("simulated", 0.0, 0.0, 0.0, 200, "lower", mean=True)


def gap_row(values: str, sizes: Sequence[int], repetitions: int) -> None:
    """A row: values of all cases come from one population, so that the true gap is 0."""
    intervals = []
    for repetition in range(repetitions):
        random = np.random.default_rng(repetition)
        groups = [(str(group), VALUES[values](random, size)) for group, size in enumerate(sizes)]
        intervals.append(_gap(breakdown(_SCORE, groups, (-np.inf, np.inf))))
    report(f"gap of means, {values}, groups of {', '.join(map(str, sizes))}", sum(sizes), intervals, 0.0)


def folded_gap_row(sizes: Sequence[int], seeds: int, of_seed: float, far: float, repetitions: int) -> None:
    """A row: half of a case's variance is the same in all seeds, and each seed moves each group by itself.

    The target is the gap over all seeds and cases, which is that of the last group, `far` worse than all others.
    """
    intervals = [_folded(sizes, seeds, of_seed, far, np.random.default_rng(draw)) for draw in range(repetitions)]
    name = f"gap of means, {seeds} seeds, groups of {', '.join(map(str, sizes))} that a seed moves by {of_seed}"
    report(name, sum(sizes), intervals, far)


def _folded(sizes: Sequence[int], seeds: int, of_seed: float, far: float, random: np.random.Generator) -> Interval:
    cases = [random.normal(size=size) for size in sizes]
    worse = far * (np.arange(len(sizes)) == len(sizes) - 1)
    runs = []
    for _ in range(seeds):
        means = worse + of_seed * random.normal(size=len(sizes))
        groups = [
            (str(group), (case_n + random.normal(size=len(case_n))) / 2**0.5 + means[group])
            for group, case_n in enumerate(cases)
        ]
        runs.append(breakdown(_SCORE, groups, (-np.inf, np.inf)))
    return _gap(fold(_SCORE.metric, _SCORE.direction, "group", runs).breakdown)


def _gap(found: Breakdown) -> Interval:
    return Interval(found.gap, found.gap_low, found.gap_high)
