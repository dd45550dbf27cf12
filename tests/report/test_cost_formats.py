"""What rows cost: means over the runs that were timed as a whole, the same numbers in every form."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

import ldbench
from ldbench.board.costs import RowCost
from ldbench.board.gather import BoardSet, board_set, collect
from ldbench.errors import UsageError
from ldbench.records import result as result_file
from ldbench.records.result import Environment, Result, Stage
from ldbench.report.cost_formats import costs_of_board, report_costs
from tests.command_line import raising, said
from tests.report.conftest import FULL, TASK, measured

GPU = Environment("NVIDIA H200", None, "3.12", "Linux-x86_64")
CPU = Environment("cpu", 2, "3.12", "Linux-x86_64")


def timed(result: Result, machine: Environment, fit: float, image: float, whole: bool | None = True) -> Result:
    stages = [
        Stage("fit", fit, 2048.0, whole), Stage("generate", image * 50, 1536.0 + image, whole, 50), Stage("score", 9.0),
    ]
    return replace(result, environment=machine, stages=stages)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two seeds of a row on one GPU, a row on a CPU, one that was killed, and some of before."""
    for index, one in enumerate(FULL):
        run = measured(*one)
        if one[0] == "basic-ft":
            run = timed(run, GPU, 600 + 60 * one[1], 0.02 + 0.02 * one[1])
        elif one[0] == "basic-ft-ld" and index == 6:
            run = timed(run, CPU, 90, 2.5)
        elif one[0] == "sd":
            run = timed(run, GPU, 0.5, 0.03, whole=False)
        result_file.write(run, tmp_path / f"runs/{index}/result.json")
    return tmp_path / "runs"


@pytest.fixture
def results(folder: Path) -> BoardSet:
    return board_set(collect([folder]))


def test_a_row_has_the_mean_of_its_whole_runs_and_the_highest_peak(results: BoardSet) -> None:
    costs = costs_of_board(results.boards[TASK.id], results.found)
    assert [len(of_row) for of_row in costs.values()] == [1, 1, 1]  # rows of before were timed nowhere
    folded, slow, killed = (
        next(of_row[0] for label, of_row in costs.items() if of_row[0].device == device and of_row[0].runs == runs)
        for device, runs in (("NVIDIA H200", 2), ("cpu, 2 threads", 1), ("NVIDIA H200", 1))
    )
    assert folded == RowCost("NVIDIA H200", 2, 630, 2, pytest.approx(0.03), 2, 2048, 1536.04)
    assert slow == RowCost("cpu, 2 threads", 1, 90, 1, 2.5, 1, None, None)
    assert killed == RowCost("NVIDIA H200", 1, None, 0, None, 0, 2048, 1536.03)


def test_runs_of_one_row_on_two_devices_are_two_lines(results: BoardSet) -> None:
    moved = [
        (path, replace(one, environment=CPU) if (one.model.name, one.seed) == ("basic-ft", 1) else one)
        for path, one in results.found
    ]
    costs = costs_of_board(results.boards[TASK.id], moved)
    assert [[cost.device for cost in of_row] for of_row in costs.values() if len(of_row) > 1] == [
        ["NVIDIA H200", "cpu, 2 threads"]
    ]


def test_every_form_has_the_numbers(results: BoardSet, tmp_path: Path) -> None:
    text = report_costs(results, "terminal", None)
    line = next(line for line in text.splitlines() if "NVIDIA H200" in line and " 2 " in line)
    assert line.split()[-9:] == ["2", "10", "min", "30", "ms", "2.0", "GiB", "1.5", "GiB"]
    assert "2.5 s" in text
    assert "are in no mean" in text
    record = json.loads(report_costs(results, "json", None))[TASK.id]
    rows = list(csv.DictReader(io.StringIO(report_costs(results, "csv", None))))
    assert [float(row["image_seconds"] or "nan") for row in rows] == pytest.approx(
        [float("nan") if row["image_seconds"] is None else row["image_seconds"] for row in record], nan_ok=True
    )
    assert set(record[0]) == {"model", *(field.name for field in fields(RowCost))}
    assert "| NVIDIA H200 | 2 | 10 min |" in report_costs(results, "markdown", None)
    assert r"\begin{tabular}{llrrrrr}" in report_costs(results, "latex", None)
    file = tmp_path / "out" / f"{TASK.id}-cost.md"
    assert report_costs(results, "markdown", tmp_path / "out") == f"{file}\n"
    assert file.read_text(encoding="utf-8") == report_costs(results, "markdown", None)


def test_python_has_what_the_command_prints(folder: Path) -> None:
    printed = said("report", folder, "--cost", "--format", "json", "--measured-only")
    assert ldbench.leaderboard(folder, measured_only=True).costs() == json.loads(printed)[TASK.id]


def test_results_that_tell_nothing_of_cost_are_refused(tmp_path: Path) -> None:
    result_file.write(measured(*FULL[0]), tmp_path / "result.json")
    with pytest.raises(UsageError, match="--cost: expected results of `ldbench run`, which times its stages, got none"):
        report_costs(board_set(collect([tmp_path])), "terminal", None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--by sex", "expected one of --by and --cost, got both"),
        ("--format html --out o", "--cost: expected a format of tables beside it"),
        ("--metric fid", "--metric: expected no --cost beside it"),
        ("--all-metrics", "--all-metrics: expected no --cost beside it"),
    ],
)
def test_cost_stands_alone(options: str, said: str, folder: Path) -> None:
    with pytest.raises(UsageError, match=f"^{said}"):
        raising("report", folder, "--cost", *options.split())
