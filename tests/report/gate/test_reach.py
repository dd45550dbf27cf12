"""How far an unchanged row may lie from the baseline's value: by its seeds, and by its cases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from scipy import stats

from ldbench.board.leaderboard import BoardRow
from ldbench.board.seed_allowance import allowance
from ldbench.report.gate.reach import RowPair
from ldbench.score.metrics.intervals import Z
from tests.report.conftest import TASK, measured

from .conftest import folded

HALF = 0.5
EXACT = (0.04, 0.03, 0.05), (0.87, 0.82, 0.91)
LEVEL = 0.05 / 3  # of a row of three metrics


def row(fids: Sequence[float], seeds: Sequence[int] | None = None) -> BoardRow:
    """A row of these values of FID, one a seed."""
    runs = [
        measured("ours", seed, {}, (fid, fid - HALF, fid + 2 * HALF), *EXACT)
        for seed, fid in zip(seeds or range(len(fids)), fids, strict=True)
    ]
    return folded([replace(one, images_hash=f"{one.seed:064x}") for one in runs])[TASK.id].rows[0]


def reach(now: BoardRow, then: BoardRow, above: bool = True, real: int | None = None) -> float:
    scores = now.score("fid"), then.score("fid")
    assert scores[0]
    assert scores[1]
    return RowPair(now, then, {"fid": real}).reach(scores[0], scores[1], above)


@pytest.mark.parametrize(("above", "half"), [(True, 2 * HALF), (False, HALF)])
def test_it_is_that_of_a_difference_of_two_means_beside_the_interval_of_cases(above: bool, half: float) -> None:
    then, spread = [60.0, 62.0, 64.0], 2.0
    for now, runs in (([70.0], 1), ([70.0, 70.0 + 2 * math.sqrt(2)], 2)):
        t = stats.t.ppf(1 - 0.8 * LEVEL / 2, 2 + runs - 1)  # the share of what seeds show, beside the allowance
        by_seeds = t * spread * math.sqrt(1 / 3 + 1 / runs)  # both spreads are 2
        found = reach(row(now, range(10, 10 + runs)), row(then), above)
        assert found == pytest.approx(math.hypot(by_seeds, half), rel=1e-4)


def test_seeds_of_today_say_what_a_lone_one_of_the_baseline_does_not() -> None:
    t = stats.t.ppf(1 - 0.8 * LEVEL / 2, 2)
    found = reach(row([60.0, 62.0, 64.0], [1, 2, 3]), row([60.0]))
    assert found == pytest.approx(math.hypot(t * 2 * math.sqrt(1 + 1 / 3), 2 * HALF), rel=1e-4)


@pytest.mark.parametrize("real", [None, 200, 40_000])
def test_one_other_seed_gets_the_allowance_and_the_same_one_the_interval(real: int | None) -> None:
    then = row([60.0])
    most = allowance("fid", 200, real).most * 2 * HALF / Z
    z = stats.norm.ppf(1 - LEVEL / 2)
    found = reach(row([61.0], [7]), then, real=real)
    assert found == pytest.approx(math.hypot(z * most * math.sqrt(2), 2 * HALF), rel=1e-6)
    assert reach(row([61.0]), then, real=real) == pytest.approx(2 * HALF)
    assert reach(row([61.0]), then, above=False) == pytest.approx(HALF)


def test_the_same_seeds_again_get_the_interval_alone_however_many() -> None:
    then = row([60.0, 62.0, 64.0])
    score = then.score("fid")
    assert score is not None
    assert reach(row([60.0, 62.0, 66.0]), then) == pytest.approx(score.ci_high - score.value)
    assert reach(row([60.0, 62.0, 66.0], [0, 1, 3]), then) > 1.5 * (score.ci_high - score.value)


def test_an_unknown_seed_is_not_the_same_one() -> None:
    known = row([60.0])
    unknown = replace(known, seeds=(None,))
    assert reach(unknown, unknown) == reach(row([60.0], [7]), known)
    assert RowPair(unknown, unknown, {}).spread_is_unknown


def test_a_row_that_ignores_the_seed_has_its_interval_alone() -> None:
    then = replace(row([60.0, 60.0, 60.0]), ignores_the_seed=True)
    score = then.score("fid")
    assert score is not None
    assert reach(row([61.0], [7]), then) == pytest.approx(score.ci_high - score.value)
    loud = replace(then, scores=tuple(replace(one, metric="auc") for one in then.scores[:1]))
    both = RowPair(replace(loud, seeds=(7, 8, 9)), loud, {"auc": 200})
    assert both.reach(loud.scores[0], loud.scores[0], above=True) > 2 * HALF  # its training has a chance of its own


def test_it_is_never_less_than_the_interval_of_the_mean() -> None:
    for values in ([60.0, 60.1], [60.0, 75.0, 61.0], [60.0, 60.0, 60.0, 61.0, 90.0]):
        then = row(values)
        score = then.score("fid")
        assert score is not None
        for now in (row([70.0], [9]), row([70.0, 71.0, 72.0], [7, 8, 9]), then):
            assert reach(now, then) >= score.ci_high - score.value
            assert reach(now, then, above=False) >= score.value - score.ci_low
