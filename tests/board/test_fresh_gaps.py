"""The gaps on a board: of copies any one counts, runs are folded, and a board says them without ranking by them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.api import Score
from ldbench.board.fresh_gaps import fold_gaps
from ldbench.board.gather import board_set, collect
from ldbench.board.leaderboard import dumps, read, write
from ldbench.records import result as result_file
from ldbench.records.fresh import FreshRound, FreshRounds, Gap, add, beside
from ldbench.records.result import ModelRef, Result, TaskRef
from ldbench.records.sidecar import beside_all
from ldbench.report.tables.content import page

TASK = TaskRef("sandbox-brain-t2i", 1, "text-to-image", "c" * 64)


def run(seed: int) -> Result:
    scores = [Score("fid", 10.0 + seed, 9.0, 13.0, 200, "lower"), Score("kid", 0.1, 0.0, 0.2, 200, "lower")]
    model = ModelRef("basic-ft", "ldbench", "0.1.0")
    return Result(TASK, model, "measured", scores, seed=seed, split_hash="5" * 64, images_hash=str(seed) * 64)


def gap(metric: str, value: float, tuned: bool = False) -> Gap:
    return Gap(metric, "lower", 10.0, 10.0 + value, value, value - 1, value + 1, tuned)


def rounds(seed: int, *gaps: Gap) -> FreshRounds:
    return FreshRounds("i" * 64, (FreshRound(TASK, seed, "5" * 64, "6" * 64, gaps),))


def test_runs_are_folded_as_scores_are_and_stand_in_the_order_of_the_metrics() -> None:
    runs = [rounds(7, gap("fid", 1.0), gap("auc", 0.0)), rounds(7, gap("fid", 3.0, tuned=True), gap("auc", 0.5))]
    folded = fold_gaps(runs, ("auc", "fid"))
    assert [(one.metric, one.data_seed, one.runs, one.tuned) for one in folded] == [
        ("auc", 7, 2, 0), ("fid", 7, 2, 1),
    ]  # fmt: skip
    assert folded[1].gap == pytest.approx(2.0)
    assert folded[1].ci_low < 1.0 < 3.0 < folded[1].ci_high
    assert fold_gaps([], ("auc",)) == ()


def test_a_board_says_the_gaps_and_ranks_as_without(tmp_path: Path) -> None:
    for seed in (0, 1):
        result_file.write(run(seed), tmp_path / f"first/{seed}/result.json")
        result_file.write(run(seed), tmp_path / f"copy/{seed}/result.json")
    without = board_set(collect([tmp_path])).boards[TASK.id]
    new = FreshRound(TASK, 7, "5" * 64, "6" * 64, (gap("fid", 4.0, tuned=True), gap("kid", 0.0)))
    add(tmp_path / "copy/0/result.json", run(0), new)
    found = collect([tmp_path])
    assert set(beside_all(found, beside)) == {str(tmp_path / name / "0/result.json") for name in ("first", "copy")}
    board = board_set(found).boards[TASK.id]
    (row,) = board.rows
    assert [(one.metric, one.runs, one.tuned) for one in row.fresh] == [("fid", 1, 1), ("kid", 1, 0)]
    assert (row.scores, board.metrics) == (without.rows[0].scores, without.metrics)
    [shown] = page(board).asides
    assert (shown.title, shown.headings) == ("Fresh test sets, seed 7", ["model", "fid", "worse beyond chance"])
    assert shown.rows == [["basic-ft", "+4.0 [3.0, 5.0]", "fid in 1 of 1 runs"]]
    assert page(without).asides == ()
    write(board, tmp_path / "board.json")
    assert dumps(read(tmp_path / "board.json")) == dumps(board)
