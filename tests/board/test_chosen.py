"""Rows chosen by name: the board of their results alone, which says what was not chosen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ldbench.board.chosen import RowChoice, choice_notes
from ldbench.board.gather import board_set
from ldbench.board.leaderboard import dumps
from ldbench.errors import ResultError, UnknownNameError, UsageError
from ldbench.records.files import write_json
from tests.report.conftest import RUNS, TASK
from tests.result_files import numbered

RESULTS = numbered(RUNS)
ELSEWHERE = replace(TASK, id="another")


@pytest.mark.parametrize(
    ("choice", "kept"),
    [
        (RowChoice(only=("basic-ft", "real")), {"basic-ft", "real"}),
        (RowChoice(without=("sd", "oracle")), {"real", "mean-image", "basic-ft", "basic-ft-ld"}),
        (RowChoice(("sd", "basic-ft"), ("basic-ft",)), {"sd"}),
    ],
)
def test_the_board_is_that_of_the_chosen_results_and_names_the_others(choice: RowChoice, kept: set[str]) -> None:
    found = board_set(RESULTS, choice=choice)
    alone = board_set([item for item in RESULTS if item[1].model.name in kept])
    assert dumps(found.boards[TASK.id]) == dumps(alone.boards[TASK.id])
    assert found.compared == alone.compared
    others = sorted({one.model.name for _, one in RESULTS} - kept)
    [note] = choice_notes(found.boards[TASK.id])
    assert note.endswith(f"count no other row. Not chosen: {', '.join(others)}.")


def test_a_board_that_lacks_no_row_says_nothing() -> None:
    of_another = [(f"other/{path}", replace(one, task=ELSEWHERE)) for path, one in RESULTS if one.model.name == "sd"]
    found = board_set([*RESULTS, *of_another], choice=RowChoice(without=("real",)))
    assert [bool(choice_notes(board)) for board in found.boards.values()] == [False, True]
    found = board_set([*RESULTS, *of_another], choice=RowChoice(only=("real",)))
    assert (list(found.boards), found.without_rows) == ([TASK.id], [ELSEWHERE.id])


def test_what_is_wrong_with_other_rows_and_what_they_did_not_finish_is_not_said(tmp_path: Path) -> None:
    odd = next(one for _, one in RESULTS if one.model.name == "sd")
    found = [*RESULTS, ("odd", replace(odd, split_hash="7" * 64, seed=1))]
    for model in ("sd", "real"):
        write_json(tmp_path / model / "run.json", {"task": TASK.id, "model": model, "seed": 4})
    errors: list[ResultError] = []
    board_set(found, leave_out=errors.append)
    assert len(errors) == 1
    chosen = board_set(found, [tmp_path], errors.append, RowChoice(without=("sd",)))
    assert len(errors) == 1
    assert [run.model for run in chosen.unfinished] == ["real"]


def test_a_name_that_no_result_has_and_a_choice_of_nothing_are_one_line() -> None:
    for choice in (RowChoice(only=("basic-tf",)), RowChoice(without=("basic-tf",))):
        with pytest.raises(UnknownNameError, match=r"model in --(only|without) 'basic-tf': did you mean basic-ft"):
            board_set(RESULTS, choice=choice)
    with pytest.raises(UsageError, match="--only, --without: expected rows that stay, got none of 6 models"):
        board_set(RESULTS, choice=RowChoice(("sd",), ("sd",)))
