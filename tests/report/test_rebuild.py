"""Leaderboard files rebuilt from results, and what is said where they are not what is there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ldbench.board import leaderboard
from ldbench.board.gather import read_boards
from ldbench.errors import ResultError
from ldbench.records import result
from ldbench.report.rebuild import differences, rebuild
from ldbench.report.write import report
from tests.result_files import lay

from .conftest import RUNS, TASK


def boards_of(paths: Sequence[Path]) -> Mapping[str, leaderboard.Leaderboard]:
    return read_boards(paths).boards


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return lay(tmp_path / "runs", RUNS)


def test_built_files_are_those_of_a_report_and_differ_in_nothing(runs: Path, tmp_path: Path) -> None:
    made = rebuild(boards_of([runs]), tmp_path / "boards")
    assert made == [tmp_path / f"boards/{TASK.id}.json", tmp_path / f"boards/{TASK.id}.md"]
    assert made[0].read_text(encoding="utf-8") == report(read_boards([runs]), "json", None)
    assert made[1].read_text(encoding="utf-8") == report(read_boards([runs]), "markdown", None)
    assert differences(boards_of(sorted(runs.rglob("*.json"))[::-1]), tmp_path / "boards") == []


def test_no_file_is_replaced_where_one_is_no_leaderboard(runs: Path, tmp_path: Path) -> None:
    _, notes = made = rebuild(boards_of([runs]), tmp_path)
    notes.write_text("# Notes\n", encoding="utf-8")
    made[0].unlink()
    with pytest.raises(ResultError, match=rf"{notes}: expected a file of `ldbench leaderboard build` or none"):
        rebuild(boards_of([runs]), tmp_path)
    assert notes.read_text(encoding="utf-8") == "# Notes\n"
    assert not made[0].exists()


def test_the_first_field_and_line_that_differ_are_named(runs: Path, tmp_path: Path) -> None:
    file, text = rebuild(boards_of([runs]), tmp_path / "boards")
    record = json.loads(file.read_text(encoding="utf-8"))
    value = record["rows"][1]["scores"][2]["value"]
    record["rows"][1]["scores"][2]["value"], record["rows"][3]["origin"] = 0.5, "reported"
    file.write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    lines = text.read_text(encoding="utf-8").split("\n")
    text.write_text("\n".join([*lines[:4], lines[4].replace("basic", "Basic"), *lines[5:]]), encoding="utf-8")
    field, line = differences(boards_of([runs]), tmp_path / "boards")
    assert field == f"{file}: rows[1].scores[2].value: 0.5 there, {value} by the results"
    assert line.startswith(f"{text}: line 5, column {lines[4].index('basic') + 1}: 'Basic-ft-ld ")
    assert "there, 'basic-ft-ld " in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "expected JSON, got"), ("[]", ": [] there, {"), ("{}", "failed: nothing there, [] by the results"),
        (None, "can't be read: No such file"),
    ],
)
def test_a_file_that_is_no_leaderboard_is_named(text: str | None, said: str, runs: Path, tmp_path: Path) -> None:
    file = rebuild(boards_of([runs]), tmp_path / "boards")[0]
    file.unlink() if text is None else file.write_text(text, encoding="utf-8")
    [line] = differences(boards_of([runs]), tmp_path / "boards")
    assert line.startswith(f"{file}: ")
    assert said in line


def test_equal_fields_in_other_bytes_and_a_row_too_many_are_told(runs: Path, tmp_path: Path) -> None:
    file = rebuild(boards_of([runs]), tmp_path / "boards")[0]
    record = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(record), encoding="utf-8")
    assert differences(boards_of([runs]), tmp_path / "boards") == [
        f"{file}: equal fields, but other bytes: white space or the order of keys"
    ]
    record["rows"].append(record["rows"][0])
    file.write_text(json.dumps(record), encoding="utf-8")
    assert differences(boards_of([runs]), tmp_path / "boards") == [f"{file}: rows: 8 of them there, 7 by the results"]


def test_a_leaderboard_that_no_result_makes_is_named_and_other_files_are_not(runs: Path, tmp_path: Path) -> None:
    file = rebuild(boards_of([runs]), tmp_path / "boards")[0]
    stale = replace(leaderboard.read(file), task=replace(TASK, id="gone"))
    leaderboard.write(stale, tmp_path / "boards/gone.json")
    (tmp_path / "boards/package.json").write_text('{"name": "something else"}', encoding="utf-8")
    said = differences(boards_of([runs]), tmp_path / "boards")
    assert said == [f"{tmp_path / 'boards/gone.json'}: no result makes it"]


def test_nothing_is_written_where_results_contradict_each_other(runs: Path, tmp_path: Path) -> None:
    result.write(replace(RUNS[0], task=replace(TASK, version=2)), runs / "other/result.json")
    with pytest.raises(ResultError, match="version 2"):
        rebuild(boards_of([runs]), tmp_path / "boards")
    assert not (tmp_path / "boards").exists()
