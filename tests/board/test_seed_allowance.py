"""What another seed is allowed to change: from the committed results, cautious where these say little."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ldbench.api import Score
from ldbench.board.paired_tests import ScoredRun, compare
from ldbench.board.seed_allowance import FILE, WIDER, Spread, allowance, spreads
from ldbench.records import result as result_file
from ldbench.records.result import ModelRef, Result, TaskRef
from ldbench.score.metrics.intervals import Z
from recipes.write_seed_spread import FEWEST, renewed, table

from .committed import NONE, RESULTS, TASKS

pytestmark = pytest.mark.slow

OLD = Spread(6, 200, 1.0, 2.0)


@pytest.mark.skipif(not TASKS, reason=NONE)
def test_the_file_that_ships_is_what_the_committed_results_make() -> None:
    made = renewed(spreads(), table(RESULTS).metrics)
    assert dict(spreads()) == dict(made.metrics), f"run python -m recipes.write_seed_spread to renew {FILE}"


def test_the_most_is_beyond_every_reference_row_and_the_least_below_the_usual() -> None:
    for metric, spread in spreads().items():
        least, most = allowance(metric, spread.n)
        assert most >= 2 * spread.widest
        assert 0 < least < spread.usual < most


def test_no_row_lies_beyond_the_allowance_that_the_other_boards_make() -> None:
    boards = [table(RESULTS / task).metrics for task in TASKS]
    floor = spreads()["fid"].widest
    judged = 0
    for board in boards:
        for metric, spread in board.items():
            speaking = [other[metric] for other in boards if other is not board and metric in other]
            others = [other.widest for other in speaking if other.rows >= FEWEST]
            if others:
                judged += spread.rows
                assert spread.widest <= WIDER * max(floor, *others), metric
    if judged == 0:
        pytest.skip("no metric has enough rows of several seeds on one of the committed boards to speak for another")


def test_a_metric_without_reference_rows_gets_the_widest_and_at_least_ten_standard_errors() -> None:
    unknown = allowance("nobody-has-it", 40)
    assert unknown.most == max(allowance(metric, spread.n).most for metric, spread in spreads().items()) >= 10
    assert unknown.least == min(allowance(metric, spread.n).least for metric, spread in spreads().items())


def test_more_images_than_the_reference_rows_do_not_make_seeds_quieter() -> None:
    known = spreads()["fid"].n
    few, as_many, more = (allowance("fid", n) for n in (known // 10, known, 4 * known))
    assert few == as_many
    assert more == pytest.approx([2 * value for value in as_many])


def test_nor_do_more_real_images_and_the_larger_ratio_counts() -> None:
    known = spreads()["auc"]
    assert known.real is not None
    usual, few = (allowance("auc", known.n, real) for real in (known.real, known.real // 10))
    assert usual == few == allowance("auc", known.n)
    assert allowance("auc", known.n, 9 * known.real) == pytest.approx([3 * value for value in usual])
    assert allowance("auc", 9 * known.n, 4 * known.real) == pytest.approx([3 * value for value in usual])
    assert spreads()["judge_auc"].real is None
    assert allowance("judge_auc", 40, 10**6) == allowance("judge_auc", 40)
    assert allowance("nobody-has-it", 40, 10**6).most > allowance("nobody-has-it", 40).most


@pytest.mark.parametrize("test_scans", [200, 2_000, 20_000])
def test_one_seed_ties_with_an_equal_one_however_many_real_scans_there_are(test_scans: int) -> None:
    """Rows at the widest spread seen for `auc`; by generated images alone 30 % of these pairs had a better row."""
    random, error_of_200, boards = np.random.default_rng(0), 0.036, 500
    half = Z * error_of_200 * (200 / test_scans) ** 0.5
    false = 0
    for values in 0.7 + spreads()["auc"].widest * error_of_200 * random.normal(size=(boards, 2)):
        scores = [Score("auc", x, x - half, x + half, 600, "higher", parameters={"n_test": test_scans}) for x in values]
        models = {name: {0: ScoredRun(one, None, name)} for name, one in zip("ab", scores, strict=True)}
        false += compare(models, "higher")[0].better is not None
    assert false <= 0.01 * boards


def write(folder: Path, name: str, values: list[float], half: float = 1.0, reference: bool = False) -> None:
    """A row of as many seeds as values, each with an interval of that half-width, beside real images."""
    task = TaskRef("somebodys-card", 1, "text-to-image", "c" * 64)
    for seed, value in enumerate(values):
        score = Score("fid", value, value - half, value + half, 200, "lower", "network", {"n_real": 300})
        model = ModelRef(name, "ldbench", "0.1.0", reference=reference)
        one = Result(task, model, "measured", [score], seed=seed, split_hash="5" * 64, card_seeds=[0, 1, 2])
        result_file.write(one, folder / name / f"seed-{seed}" / "result.json")


def test_a_spread_is_in_standard_errors_of_one_run_and_over_ranked_rows_of_several_seeds(tmp_path: Path) -> None:
    write(tmp_path, "quiet", [50.0, 51.0, 52.0])  # standard deviation 1, error 1 / 1.96
    write(tmp_path, "loud", [60.0, 63.0, 66.0])
    write(tmp_path, "alone", [70.0])
    write(tmp_path, "two", [40.0, 60.0])  # one difference says little of how far seeds lie apart
    write(tmp_path, "real", [5.0, 9.0], reference=True)
    write(tmp_path, "exact", [80.0, 80.0], half=0.0)
    spread = table(tmp_path).metrics["fid"]
    assert (spread.rows, spread.n, spread.real) == (2, 200, 300)
    assert spread.widest == pytest.approx(3 * 1.96, rel=0.01)
    assert spread.usual == pytest.approx(5**0.5 * 1.96, rel=0.01)


@pytest.mark.parametrize(("rows", "kept"), [(5, True), (6, False), (9, False)])
def test_a_metric_keeps_its_spread_until_as_many_rows_say_another(rows: int, kept: bool) -> None:
    new = replace(OLD, rows=rows, usual=0.5)
    made = renewed({"fid": OLD}, {"fid": new}).metrics
    assert made == {"fid": OLD if kept else new}
    assert renewed(made, {"fid": new}).metrics == made


@pytest.mark.parametrize("rows", [1, FEWEST, 9])
def test_one_loud_row_makes_an_allowance_wide_and_no_quiet_ones_make_it_narrow(rows: int) -> None:
    loud, quiet = replace(OLD, rows=rows, widest=8.0), replace(OLD, rows=rows, widest=0.5)
    assert renewed({"fid": OLD}, {"fid": loud}).metrics["fid"].widest == 8.0
    assert renewed({"fid": OLD}, {"fid": quiet}).metrics["fid"].widest == OLD.widest


def test_a_metric_without_a_spread_gets_one_from_a_few_rows_and_not_from_fewer() -> None:
    few, enough = replace(OLD, rows=FEWEST - 1), replace(OLD, rows=FEWEST)
    assert list(renewed({"fid": OLD}, {"auc": enough, "kid": few}).metrics) == ["auc", "fid"]
