"""The share of false differences: on simulated boards, and between two seeds of one method of the committed results.

`leaderboards/comparison_error.py` prints the full table of the simulation.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ldbench.board.entries import entries
from ldbench.board.leaderboard import by_task
from ldbench.board.paired_tests import ScoredRun, Seed, compare
from ldbench.board.seed_allowance import allowance, spreads
from ldbench.records.identity import Found
from ldbench.records.sidecar import beside_all
from ldbench.records.units import Contributions, Units, beside
from ldbench.score.metrics.mean_score import mean_score
from leaderboards.comparison_error import CASES, METRIC, Setting, boards, outcome, reaches

from .committed import found as committed_results

pytestmark = pytest.mark.slow

UNEQUAL = Setting("unequal", (0.3, 3.0, 10.0, 0.0), (3, 3, 1, 2), frozenset({3}))


def scored(values: np.ndarray, images: str | None) -> ScoredRun:
    measured = mean_score(METRIC, values, "higher", {})
    ids = {"cases": tuple(map(str, range(values.size)))}
    by_unit = {"cases": tuple(measured.contributions["cases"].tolist())}
    return ScoredRun(measured.score, Units(ids, {METRIC: Contributions(measured.value, by_unit)}), images)


def test_the_simulation_takes_the_tests_that_boards_take() -> None:
    sample = boards(np.random.default_rng(0), UNEQUAL, 5)
    differences = list(reaches(sample, 0.05))
    for board in range(5):
        models: dict[str, dict[Seed, ScoredRun]] = {
            str(row): {
                seed: scored(values[board], f"{row}" if row in UNEQUAL.fixed else f"{row}-{seed}")
                for seed, values in enumerate(np.swapaxes(sample.of(row), 0, 1))
            }
            for row in range(4)
        }
        for each, (difference, half) in zip(compare(models, "higher"), differences, strict=True):
            assert each.difference == pytest.approx(difference[board], rel=1e-6)
            assert each.ci_high - each.difference == pytest.approx(half[board], rel=1e-6)


@pytest.mark.parametrize(
    "setting",
    [
        Setting("loud", (10.0,) * 4, (3,) * 4),
        Setting("unlike", tuple(np.geomspace(0.2, 10, 10).tolist()), (3,) * 10),
        Setting("two seeds", (3.0,) * 10, (2,) * 10),
        Setting("one seed", (10.0,) * 10, (1,) * 10),
        Setting("deterministic beside one seed", (0.0, *(10.0,) * 4), (3, 1, 1, 1, 1), frozenset({0})),
        Setting("a loud one joins", (0.3, 0.3, 10.0), (3, 3, 1)),
        UNEQUAL,
    ],
    ids=lambda setting: setting.name,
)
def test_any_of_equal_rows_is_called_better_on_five_percent_of_boards_at_most(setting: Setting) -> None:
    count = 1000
    false, _ = outcome(np.random.default_rng(1), setting, count)
    assert false <= 0.05 + 3 * (0.05 * 0.95 / count) ** 0.5


@pytest.mark.parametrize("counts", [(1,) * 10, (3, *(1,) * 9), (1, 2, 3, 5)], ids=str)
def test_nor_by_the_narrowest_allowance_where_seeds_change_as_much_as_is_allowed(counts: tuple[int, ...]) -> None:
    """The guarantee that boards state; beyond the allowance it does not hold, as docs/measurements/boards.md shows."""
    count, allowed = 1000, allowance("fid", CASES).most
    setting = Setting("narrow", (allowed,) * len(counts), counts, metric="fid")
    assert allowed == min(allowance(metric, CASES).most for metric in spreads())
    false, _ = outcome(np.random.default_rng(3), setting, count)
    assert 0 < false <= 0.05 + 3 * (0.05 * 0.95 / count) ** 0.5


def test_a_true_winner_keeps_its_power_when_a_loud_row_joins() -> None:
    quiet = Setting("quiet", (0.3,) * 4, (5,) * 4)
    joined = Setting("joined", (*quiet.levels, 10.0), (*quiet.seeds, 1))
    alone, beside = (outcome(np.random.default_rng(2), setting, 500)[1] for setting in (quiet, joined))
    assert alone < beside < 1.3 * alone


Board = dict[str, dict[Seed, ScoredRun]]


@pytest.fixture(scope="module")
def committed() -> list[list[dict[str, Board]]]:
    """By task and row with several seeds, by metric: each of its seeds as a row of one seed."""
    return [seeds_as_rows(found) for found in by_task(committed_results()).values()]


def enough(pairs: int) -> None:
    """Skips where the committed results hold too few pairs of seeds for a share of five percent to mean anything."""
    if pairs < 60:
        pytest.skip(f"the committed results have {pairs} pairs of two seeds of one method; an A/A test takes 60")


def seeds_as_rows(found: list[Found]) -> list[dict[str, Board]]:
    units, boards = beside_all(found, beside), []
    for row in entries(found):
        by_metric: dict[str, Board] = {}
        for path, result in row.runs if row.competes and len(row.runs) > 1 else ():
            for score in result.scores:
                run = {None: ScoredRun(score, units.get(path), result.images_hash)}
                by_metric.setdefault(score.metric, {})[f"{row.key} {result.seed}"] = run
        boards.append(by_metric)
    return boards


def test_two_seeds_of_one_method_are_not_called_better_than_each_other(committed: list[list[dict[str, Board]]]) -> None:
    """An A/A test on all committed results: five percent is what the tests allow themselves."""
    rows = [board for task in committed for by_metric in task for board in by_metric.values()]
    compared = [each for board in rows for each in compare(board, "lower")]
    enough(len(compared))
    assert sum(each.better is not None for each in compared) <= 0.05 * len(compared)


def test_nor_are_they_on_a_board_where_every_method_stands_twice(committed: list[list[dict[str, Board]]]) -> None:
    wrong = pairs = 0
    for task, metric in itertools.product(committed, ("viewed_fid", "fid", "kid", "coverage", "judge_accuracy", "auc")):
        board: Board = {}
        for by_metric in task:
            board |= dict(itertools.islice(by_metric.get(metric, {}).items(), 2))
        for each in compare(board, "lower"):
            twins = each.first.rpartition(" ")[0] == each.second.rpartition(" ")[0]
            pairs, wrong = pairs + twins, wrong + (twins and each.better is not None)
    enough(pairs)
    assert wrong <= 0.05 * pairs
