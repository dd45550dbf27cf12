"""Results that can't be used: left out and named, and the leaderboards are those of the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ldbench.api import Score
from ldbench.board.gather import BoardSet, board_set, read_boards
from ldbench.board.leaderboard import dumps
from ldbench.errors import ResultError
from ldbench.records import result
from ldbench.records import units as units_file
from ldbench.records.result import Result
from ldbench.records.run_folder import FRESH, SUBGROUPS, UNITS
from ldbench.records.units import Contributions, Units
from tests.report.conftest import FULL, TASK, measured

GOOD = {f"runs/{index}": measured(*one) for index, one in enumerate(FULL)}
OTHER = replace(measured(*FULL[0]), model=replace(measured(*FULL[0]).model, name="other"))


def lenient(root: Path) -> tuple[BoardSet, list[str]]:
    errors: list[ResultError] = []
    boards = read_boards([root], measured_only=True, leave_out=errors.append)
    return boards, list(map(str, errors))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, one in GOOD.items():
        result.write(one, tmp_path / name / "result.json")
    return tmp_path


def interval_beside_its_value(text: str) -> str:
    return text.replace('"ci_low": ', '"ci_low": 9', 1)


def scored_otherwise(one: Result) -> Result:
    return replace(one, scores=[replace(score, parameters={"resize": "bicubic"}) for score in one.scores])


BAD: dict[str, tuple[Callable[[str], str], str]] = {
    "cut": (lambda text: text[:40], "expected JSON"),
    "unknown field": (lambda text: text.replace('"seed"', '"sead"'), "sead"),
    "contradicts itself": (interval_beside_its_value, "expected"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_unreadable_file_is_named_and_the_others_make_the_board(name: str, root: Path) -> None:
    expected = dumps(read_boards([root], measured_only=True).boards[TASK.id])
    change, said = BAD[name]
    file = root / "bad" / "result.json"
    file.parent.mkdir()
    file.write_text(change(result.dumps(OTHER)), encoding="utf-8")
    boards, [line] = lenient(root)
    assert dumps(boards.boards[TASK.id]) == expected
    assert str(file) in line
    assert said in line
    with pytest.raises(ResultError):
        read_boards([root], measured_only=True)


@pytest.mark.parametrize("name", [UNITS, FRESH, SUBGROUPS])
def test_a_run_goes_with_a_damaged_file_beside_its_result(name: str, root: Path) -> None:
    expected = dumps(read_boards([root], measured_only=True).boards[TASK.id])
    result.write(OTHER, root / "bad" / "result.json")
    (root / "bad" / name).write_text("{", encoding="utf-8")
    boards, [line] = lenient(root)
    assert dumps(boards.boards[TASK.id]) == expected
    assert str(root / "bad" / name) in line


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        (replace(OTHER, task=replace(TASK, version=2)), "version 2"),
        (replace(OTHER, split_hash="7" * 64), "split_hash 777777777777"),
        (scored_otherwise(OTHER), "fid measured with"),
    ],
)
def test_what_most_files_agree_on_stays(odd: Result, said: str, root: Path) -> None:
    expected = dumps(read_boards([root], measured_only=True).boards[TASK.id])
    result.write(odd, root / "a" / "result.json")  # the first by path: its place doesn't decide
    boards, [line] = lenient(root)
    assert dumps(boards.boards[TASK.id]) == expected
    assert said in line
    assert str(root / "a" / "result.json") in line


def test_with_as_many_on_either_side_a_task_has_no_board_and_another_has(tmp_path: Path) -> None:
    elsewhere = replace(OTHER, task=replace(TASK, id="another"))
    found = [("a", OTHER), ("b", replace(OTHER, split_hash="7" * 64, seed=1)), ("c", elsewhere)]
    errors: list[ResultError] = []
    assert list(board_set(found, leave_out=errors.append).boards) == ["another"]
    assert len(errors) == 1


def test_neither_of_two_answers_of_a_run_is_taken(root: Path) -> None:
    expected = dumps(read_boards([root], measured_only=True).boards[TASK.id])
    score = OTHER.scores[0]
    for name, one in {"a": OTHER, "b": replace(OTHER, scores=[replace(score, ci_high=score.ci_high + 1)])}.items():
        result.write(one, root / name / "result.json")
    boards, [line] = lenient(root)
    assert dumps(boards.boards[TASK.id]) == expected
    assert "one run, two answers" in line
    assert not {str(root / name / "result.json") for name in "ab"} & {path for path, _ in boards.found}


def test_of_answers_that_rounding_alone_makes_two_the_earliest_counts_with_its_own_files(root: Path) -> None:
    early = replace(OTHER, images_hash="d" * 64, created="2026-01-01")
    late = replace(early, scores=[rounded(score) for score in early.scores], created="2026-01-02")
    units = {"early": 3.0, "late": 1.0}  # of files alone, the late one's text would be the first
    for name, one in {"early": early, "late": late}.items():
        result.write(one, root / name / "result.json")
        contributions = {score.metric: Contributions(score.value, {"cases": (units[name],)}) for score in one.scores}
        units_file.write(Units({"cases": ("x",)}, contributions), root / name / UNITS)
    boards, lines = lenient(root)
    assert lines == []
    kept, left = (str(root / name / "result.json") for name in ("early", "late"))
    assert boards.rounded == [f"{left}: the same images as {kept}, and its scores but for rounding; that one counts"]
    assert kept in dict(boards.found)
    assert left not in dict(boards.found)
    assert {one.by_unit["cases"] for one in boards.units[kept].metrics.values()} == {(3.0,)}
    row = next(row for row in boards.boards[TASK.id].rows if row.model == OTHER.model)
    assert [score.value for score in row.scores] == [score.value for score in early.scores]


def rounded(score: Score) -> Score:
    return replace(score, value=score.value * (1 - 1e-7))


def test_a_task_that_lost_all_its_measured_rows_is_no_board_of_published_ones() -> None:
    published = replace(OTHER, origin="reported", source="a paper", split_hash=None, seed=None)
    found = [("a", OTHER), ("b", replace(OTHER, note="edited")), ("c", published)]
    errors: list[ResultError] = []
    assert not board_set(found, leave_out=errors.append).boards
    assert list(board_set(found[2:]).boards) == [TASK.id]
