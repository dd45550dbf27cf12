"""Names of rows: by label, folder or model, one for each row, and no key or rank changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.board.gather import BoardSet, board_set, collect
from ldbench.board.leaderboard import dumps
from ldbench.board.named_rows import name_notes, with_names
from ldbench.board.row_labels import labels
from ldbench.errors import UnknownNameError, UsageError
from ldbench.records.identity import row_key
from ldbench.records.run_folder import RunFolder
from tests.report.conftest import RUNS, TASK
from tests.result_files import lay


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> BoardSet:
    return board_set(collect([lay(tmp_path_factory.mktemp("runs"), RUNS)]))


def shown(results: BoardSet) -> list[str]:
    board = results.boards[TASK.id]
    names = labels(board.rows)
    return [names.of(row) for row in board.rows]


def test_a_row_is_named_by_label_folder_or_model(results: BoardSet) -> None:
    own = shown(results)
    folder = RunFolder.of(Path(), TASK.id, RUNS[6].model, 0).path.parent.name
    named = with_names(results, ["basic-ft-ld (delta=0.0)=A=B", f"{folder}=C", "oracle=D", "real= Real\nscans "])
    new = {"basic-ft-ld (delta=0.0)": "A=B", "basic-ft-ld (delta=0.1)": "C", "oracle †": "D †", "real": "Real scans"}
    assert shown(named) == [new.get(label, label) for label in own]
    assert new.keys() <= {*own}
    by_end = with_names(results, [f"{folder.rpartition('-')[2]}=C"])
    assert shown(by_end).count("C") == 1
    board, before = named.boards[TASK.id], results.boards[TASK.id]
    assert [row_key(row) for row in board.rows] == [row_key(row) for row in before.rows]
    assert dumps(board) == dumps(before)
    [note] = name_notes(board.rows)
    assert "C is basic-ft-ld (delta=0.1); " in note
    assert "D is oracle †" in note
    assert name_notes(before.rows) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["basic-ft"], "expected ROW=NAME, .* got 'basic-ft'"),
        (["sd= "], "expected a name after sd=, got none"),
        (["basic-ft-ld=Ours"], r"--name basic-ft-ld: expected one row, got 2: basic-ft-ld \(delta=0.1\); basic-ft-ld"),
        (["sd=Ours", "real=Ours"], "expected another name for each row, got Ours for 2"),
        (["sd=real"], "expected another name for each row, got real for 2; give others"),
        (["sd=One", "sd=Two"], "expected one name for sd, got One and Two"),
    ],
)
def test_what_would_leave_rows_without_one_name_each_is_refused(
    results: BoardSet, given: list[str], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        with_names(results, given)


def test_an_unknown_row_is_one_line_with_those_known(results: BoardSet) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown row 'x=y'.*basic-ft-ld \(delta=0.1\) or [0-9a-f]{8}, "):
        with_names(results, ["x=y=z"])
