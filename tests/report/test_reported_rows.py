"""Rows of publications in reports: beside measured ones, never among them, digit for digit as printed."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from ldbench.api import Score
from ldbench.board import leaderboard as board
from ldbench.board import published
from ldbench.board.gather import collect, fold, gather, read_boards
from ldbench.board.leaderboard import Leaderboard
from ldbench.errors import ResultError, UnknownNameError, UsageError
from ldbench.plugins.kinds import METRICS
from ldbench.records import result as result_file
from ldbench.records.result import ModelRef, Result, TaskRef
from ldbench.report.tables import terminal
from ldbench.report.tables.content import page
from ldbench.report.tables.formats import render
from ldbench.report.write import report
from tests.result_files import numbered

TASKS = published.task_ids()
CARD = TaskRef("brain-t2i", 3, "text-to-image", "c" * 64)
PAPER = [row for _, row in published.rows_of(["brain-t2i"])]


def measured(name: str, value: float, task: TaskRef = CARD, metrics: tuple[str, ...] = ("fid", "kid", "auc")) -> Result:
    directions = {entry.name: METRICS.load(entry.name).direction for entry in METRICS.entries()}
    scores = [Score(metric, value, value - 1, value + 1, 50, directions[metric]) for metric in metrics]
    return Result(task, ModelRef(name, "ldbench", "0.1.0"), "measured", scores, seed=0, split_hash="5" * 64)


def board_of(*results: Result) -> Leaderboard:
    (folded,) = fold([*numbered(results), *((f"paper/{index}", one) for index, one in enumerate(PAPER))]).values()
    return folded


def test_they_join_by_id_alone_and_decide_nothing() -> None:
    runs = [measured("a", 500.0), measured("b", 40.0), measured("c", 300.0)]
    alone = fold(numbered(runs))["brain-t2i"]
    together = board_of(*runs)
    assert together.task == CARD
    assert replace(together, rows=together.rows[:3]) == alone
    assert [row.origin for row in together.rows] == ["measured"] * 3 + ["reported"] * 15
    assert {score.rank for row in together.rows[3:] for score in row.scores} == {None}
    assert board.dumps(board_of(*runs[::-1])) == board.dumps(together)


def test_they_do_not_decide_the_order_of_the_columns() -> None:
    folded = board_of(measured("a", 40.0, metrics=("auc", "fid")))
    assert [score.metric for score in folded.rows[1].scores] == ["auc", "fid", "kid"]


def test_they_do_not_let_two_cards_meet() -> None:
    with pytest.raises(ResultError, match="different cards"):
        board_of(measured("a", 1.0), measured("b", 2.0, replace(CARD, version=2)))


def test_they_stand_beside_a_failed_run_on_its_card() -> None:
    failed = Result(CARD, ModelRef("sd", None, None), "measured", [], "failed", "out of memory", seed=1)
    assert board_of(failed).task == CARD


def test_a_reported_row_that_names_a_card_is_held_to_it() -> None:
    path, one = published.rows_of(["brain-t2i"])[0]
    carded = replace(one, task=replace(CARD, version=2), source="elsewhere")
    with pytest.raises(ResultError, match="version 2"):
        fold([("a", measured("a", 1.0)), (path, carded)])


def test_they_stand_in_print_order_under_their_own_caption_and_digits() -> None:
    content = page(board_of(measured("a", 500.0)))
    assert content.title.endswith(f"card {CARD.card_hash[:12]})")
    assert [table.ranked for table in content.tables] == [True, False]
    printed = content.tables[1]
    assert "not ranked, not to be compared" in printed.caption
    assert [len(block) for block in printed.blocks] == [11, 4]
    assert [line.model for line in printed.blocks[0]] == [row.model.name for row in PAPER[:11]]
    assert [cell.value for cell in printed.blocks[0][2].cells] == ["130.92", "0.125", "0.500"]
    assert [cell.value for cell in printed.blocks[0][9].cells] == ["-", "-", "0.870"]
    assert not any(cell.best or cell.interval for block in printed.blocks for line in block for cell in line.cells)
    (said,) = [note for note in content.notes if "Table 1 (Brain MR)" in note]
    assert said.startswith("11 rows: from Yeganeh et al., CVPR 2025")
    assert "protocol known only in part" in said
    assert sum("protocol known only in part" in note for note in content.notes) == 2  # once a source


@pytest.mark.parametrize("task", TASKS)
def test_every_cell_is_shown_as_printed(task: str) -> None:
    ((_, folded),) = fold(published.rows_of([task])).items()
    (table,) = page(folded).tables
    shown = [cell.value for block in table.blocks for line in block for cell in line.cells if cell.value != "-"]
    printed = [str(score.parameters["printed"]) for _, row in published.rows_of([task]) for score in row.scores]
    assert shown == printed


@pytest.mark.parametrize("claimed", ["130", "131.000", "a lot", "-131.0"])
def test_a_row_that_claims_other_digits_than_its_value_is_not_believed(claimed: str) -> None:
    one = PAPER[2]
    odd = replace(one, model=replace(one.model, parameters={"printed_fid": claimed}), source="elsewhere")
    table = page(fold([("a", odd)])["brain-t2i"]).tables[0]
    assert table.blocks[0][0].cells[0].value == "130.92"


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_the_terminal_holds_them(width: int) -> None:
    text = terminal.render(board_of(), width)
    assert max(map(len, text.splitlines())) <= width
    assert "129.21" in text
    assert "…" not in text


def test_csv_and_json_say_that_they_are_reported() -> None:
    folded = board_of(measured("a", 500.0))
    lines = list(csv.DictReader(io.StringIO(render(folded, "csv"))))
    own = [line for line in lines if line["origin"] == "reported"]
    assert len(own) == 9 * 3 + 2 + 4 * 2
    assert own[0]["rank"] == ""
    assert own[0]["source"] == "Yeganeh et al., CVPR 2025, Table 1 (Brain MR)"
    assert json.loads(own[0]["parameters"]).items() >= {"table": 1, "row": 1, "LD": "✗"}.items()
    assert {row["origin"] for row in json.loads(render(folded, "json"))["rows"]} == {"measured", "reported"}


# --- the command

def test_report_adds_them_to_their_tasks_and_to_no_other(tmp_path: Path) -> None:
    result_file.write(measured("a", 500.0), tmp_path / "result.json")
    assert "Textual Inversion \\[11\\] + LD" in report(read_boards([tmp_path]), "markdown", None)
    assert "Textual Inversion" not in report(read_boards([tmp_path], measured_only=True), "markdown", None)
    assert "Table 4" not in report(read_boards([tmp_path]), "markdown", None)
    assert "Table 4" in report(read_boards([tmp_path], ["brain-disease"]), "markdown", None)
    sandbox = tmp_path / "sandbox"
    result_file.write(measured("a", 500.0, replace(CARD, id="sandbox-brain-t2i")), sandbox / "result.json")
    assert gather([sandbox]) == collect([sandbox])


def test_the_papers_table_alone(tmp_path: Path) -> None:
    text = report(read_boards([], ["chest-t2i"]), "terminal", None)
    assert text.startswith("chest-t2i (text-to-image; reported rows alone)\n")
    assert report(read_boards([], ["chest-t2i", "brain-aging"]), "json", tmp_path).count(".json\n") == 2
    assert len(board.read(tmp_path / "brain-aging.json").rows) == 9


def test_what_cannot_be_asked_for_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="got neither"):
        gather([])
    with pytest.raises(UsageError, match="--measured-only: expected no --reported"):
        gather([tmp_path], ["chest-t2i"], measured_only=True)
    with pytest.raises(UnknownNameError, match="did you mean chest-t2i"):
        gather([], ["chest-t2"])
