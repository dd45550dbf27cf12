"""Runs folded over seeds: the t quantile against scipy, the interval's coverage by simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from ldbench.board.seeds import pool, tabled_t_quantile
from ldbench.score.metrics.intervals import Interval


@pytest.mark.parametrize("degrees", [*range(1, 41), 60, 120, 1000])
def test_t_quantile_agrees_with_scipy(degrees: int) -> None:
    assert tabled_t_quantile(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), abs=1e-4)


def test_one_run_keeps_its_own_interval() -> None:
    assert pool([Interval(2.0, 1.0, 4.0)]) == (Interval(2.0, 1.0, 4.0), None)


def test_several_runs_by_hand() -> None:
    mean, spread = pool([Interval(1, 0, 3), Interval(2, 0, 4), Interval(3, 2, 5)])
    assert (mean.value, spread) == (2.0, 1.0)
    between = 4.3027 / math.sqrt(3)
    assert mean.low == pytest.approx(2 - math.hypot(between, 4 / 3))
    assert mean.high == pytest.approx(2 + math.hypot(between, 2))


def test_the_order_of_the_runs_changes_no_bit() -> None:
    runs = [Interval(value, value - 0.1, value + 0.3) for value in (0.1, 0.7, 0.3, 1e-9)]
    assert len({pool(order) for order in itertools.permutations(runs)}) == 1


def test_an_interval_that_leaves_its_value_outside_never_shrinks_the_pooled_one() -> None:
    mean = pool([Interval(1, 2, 3), Interval(1, 2, 3)]).interval
    assert mean.low <= mean.value <= mean.high


@pytest.mark.parametrize("runs", [2, 3, 5])
def test_coverage_of_both_kinds_of_error(runs: int) -> None:
    """A shared error of the real images (sd 1, its interval known) and an own one of each seed (sd 2)."""
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(2000):
        shared = random.normal()
        values = shared + 2 * random.normal(size=runs)
        interval = pool([Interval(value, value - 1.96, value + 1.96) for value in values]).interval
        covered += interval.low <= 0 <= interval.high
    assert 0.94 <= covered / 2000 <= 1.0


def test_the_interval_ends_where_the_metric_does() -> None:
    runs = [Interval(0.7, 0.6, 0.8), Interval(0.9, 0.8, 0.95)]
    free, cut = pool(runs).interval, pool(runs, (0.0, 1.0)).interval
    assert free.high > 1 == cut.high
    assert free.low < 0 == cut.low
    assert free.value == cut.value
    assert pool(runs, (0.85, 1.0)).interval.low == cut.value  # a value outside its bounds is never cut off
