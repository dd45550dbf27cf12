"""Leaderboards and comparisons from Python are those of the command line, to the letter."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ldbench
from ldbench.board.leaderboard import dumps
from ldbench.errors import ResultError, UnknownNameError, UsageError
from ldbench.records import result
from ldbench.report.comparisons import render_json
from tests.command_line import said
from tests.report.conftest import FULL, RUNS, TASK, measured
from tests.result_files import lay, lay_unreadable, numbered


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the results of one task."""
    return lay(tmp_path_factory.mktemp("results") / "runs", RUNS)


def test_a_board_is_that_of_the_report(runs: Path) -> None:
    board = ldbench.leaderboard(runs)
    assert dumps(board.record) == said("report", runs, "--format", "json")
    assert board.markdown() == said("report", runs, "--format", "markdown")
    assert f"{board!r}\n" == said("report", runs)
    assert board.rows == board.record.rows
    measured_only = ldbench.leaderboard(str(runs), measured_only=True, metrics=["kid"])
    assert dumps(measured_only.record) == said("report", runs, "--format", "json", "--measured-only", "--metric", "kid")


def test_rows_are_chosen_as_on_the_command_line(runs: Path) -> None:
    board = ldbench.leaderboard(runs, only=["basic-ft", "sd"], without="sd")
    assert {row.model.name for row in board.rows} == {"basic-ft"}
    assert f"{board!r}\n" == said("report", runs, "--only", "basic-ft,sd", "--without", "sd")
    pairs = ldbench.compare(runs, without=("basic-ft-ld",))
    assert f"{pairs!r}\n" == said("compare", runs, "--without", "basic-ft-ld", "--all-metrics")
    with pytest.raises(UnknownNameError, match="model in only='sdd': did you mean sd"):
        ldbench.leaderboard(runs, only="sdd")


def test_the_tables_of_a_board_hold_what_is_printed_as_numbers(runs: Path, tmp_path: Path) -> None:
    paper = measured("of a paper", 0, {}, *FULL[0][3:])
    result.write(replace(paper, origin="reported", source="S", scores=paper.scores[:1]), tmp_path / "result.json")
    board = ldbench.leaderboard([runs, tmp_path])
    first, *_, last = board.table()
    assert list(first) == ["rank", "model", "fid", "kid", "auc"]
    best = board.rows[0].scores[0]
    assert first["rank"] == f"1-{best.rank_high}"
    assert (first["model"], first["fid"]) == ("basic-ft-ld (delta=0.1)", 58.77)
    assert (last["rank"], last["fid"], last["kid"]) == ("", 18.21, None)
    lines = list(csv.DictReader(io.StringIO(said("report", runs, tmp_path, "--format", "csv"))))
    scores = board.scores()
    assert [list(line) for line in lines] == [list(score) for score in scores]
    assert [float(line["value"]) for line in lines] == [score["value"] for score in scores]
    assert {type(score["rank"]) for score in scores} == {int, type(None)}


def test_a_notebook_draws_the_metrics_that_stand_first(runs: Path) -> None:
    drawn = ldbench.leaderboard(runs)._repr_markdown_()
    assert "| # | model | fid ↓ | auc ↑ |" in drawn
    assert "kid" not in drawn.partition("\n\n- ")[0]


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--as-fitted"], ["--with-references"], ["--metric", "auc"]])
def test_comparisons_are_those_of_the_command(options: list[str], runs: Path) -> None:
    metrics = options[1:] if "--metric" in options else None
    compared = ldbench.compare(
        runs, as_fitted="--as-fitted" in options, with_references="--with-references" in options, metrics=metrics
    )
    assert f"{compared!r}\n" == said("compare", runs, "--all-metrics", *options)
    assert render_json({TASK.id: compared.by_metric}) == said("compare", runs, "--format", "json", *options)
    assert compared.table() == [vars(pair) for pair in compared.found]
    assert {pair.metric for pair in compared.found} == set(metrics or ["fid", "kid", "auc"])


def test_results_are_read_back_and_some_of_them_are_folded(runs: Path) -> None:
    found = ldbench.read_results(runs)
    assert [(run.path, run.result) for run in found] == [(runs / path, one) for path, one in numbered(RUNS)]
    some = [run for run in found if run.result.model.name in ("sd", "basic-ft")]
    assert {row.model.name for row in ldbench.leaderboard(some, measured_only=True).rows} == {"sd", "basic-ft"}
    pairs = ldbench.compare([some[0], *(run.path for run in some[1:])], metrics=["fid"]).found
    assert [(pair.first, pair.second) for pair in pairs] == [("basic-ft", "sd")]


def test_results_of_several_tasks_have_a_board_each(runs: Path, tmp_path: Path) -> None:
    other = replace(TASK, id="sandbox-chest-t2i")
    result.write(replace(RUNS[3], task=other), tmp_path / "result.json")
    with pytest.raises(UsageError, match="of one task, got sandbox-brain-t2i, sandbox-chest-t2i; name"):
        ldbench.leaderboard([runs, tmp_path])
    board = ldbench.leaderboard([runs, tmp_path], task=other.id, measured_only=True)
    assert [row.model.name for row in board.rows] == ["sd"]
    assert ldbench.compare([runs, tmp_path], task=TASK.id).table() == ldbench.compare(runs).table()
    with pytest.raises(UnknownNameError, match="unknown task 'sandbox-brain': did you mean sandbox-brain-t2i"):
        ldbench.compare([runs, tmp_path], task="sandbox-brain")
    with pytest.raises(UnknownNameError, match="unknown metric 'fjd': did you mean fid"):
        ldbench.leaderboard(runs, metrics=["fjd"])


def test_a_bad_result_is_an_error_or_left_out(runs: Path, tmp_path: Path) -> None:
    lay_unreadable(tmp_path)
    with pytest.raises(ResultError, match="expected JSON"):
        ldbench.leaderboard([runs, tmp_path])
    with pytest.raises(ResultError, match="expected JSON"):
        ldbench.read_results([runs, tmp_path])
    errors = list[ResultError]()
    board = ldbench.leaderboard([runs, tmp_path], leave_out=errors.append)
    assert len(errors) == 1
    assert json.loads(dumps(board.record)) == json.loads(dumps(ldbench.leaderboard(runs).record))
    with pytest.raises(UsageError, match="expected results of one task, got none"):
        ldbench.leaderboard(tmp_path, leave_out=errors.append)
    # measured over other data each, so neither may stand beside the other
    lay(tmp_path, [replace(one, split_hash=digest * 64) for one, digest in zip(RUNS[3:5], "12", strict=True)])
    with pytest.raises(ResultError, match="sandbox-brain-t2i: expected results that can share a leaderboard, got none"):
        ldbench.compare([tmp_path / "0", tmp_path / "1"], leave_out=errors.append)


@pytest.mark.parametrize("read", [ldbench.read_results, ldbench.leaderboard, ldbench.compare])
@pytest.mark.parametrize(
    ("given", "got"), [([], "none"), (5, "5"), (["runs", 5], r"\['runs', 5\]"), ([None], r"\[None\]")]
)
def test_what_holds_no_results_is_one_line(read: Callable[[Any], object], given: object, got: str) -> None:
    with pytest.raises(UsageError, match=f"^results: expected folders, result files or .*, got {got}; give the folder"):
        read(given)
