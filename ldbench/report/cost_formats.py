"""What the rows of boards cost, in every printed form. CSV and JSON have every number in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path

from ldbench.board.costs import RowCost, costs_of_rows
from ldbench.board.gather import BoardSet
from ldbench.board.leaderboard import Leaderboard
from ldbench.board.named_rows import name_notes
from ldbench.board.row_labels import labels
from ldbench.errors import UsageError
from ldbench.records.files import json_text
from ldbench.records.identity import Found, row_key
from ldbench.records.names import slug
from ldbench.records.own_files import write_own
from ldbench.report.tables.cost_table import cost_notes, cost_table
from ldbench.report.tables.csv_ import csv_text
from ldbench.report.tables.formats import RENDERERS
from ldbench.report.tables.plain_formats import PLAIN, TablesOfTask, terminal, to_text
from ldbench.report.tables.terminal import DEFAULT_WIDTH

ByRow = Mapping[str, Sequence[RowCost]]  # by the row's label


def costs_of_board(board: Leaderboard, found: Sequence[Found]) -> ByRow:
    """What the board's rows cost by their labels, in its order; rows of which no run tells are left out."""
    costs, names = costs_of_rows(one for one in found if one[1].task.id == board.task.id), labels(board.rows)
    return {names.of(row): costs[row_key(row)] for row in board.rows if row_key(row) in costs}


def records(by_row: ByRow) -> list[dict[str, object]]:
    """One dict a row and device: its `model` and the fields of its `RowCost`."""
    return [{"model": label, **asdict(cost)} for label, costs in by_row.items() for cost in costs]


def report_costs(results: BoardSet, format: str, out: Path | None, width: int = DEFAULT_WIDTH) -> str:
    """What to print: a table a task in a format of `ldbench report` or, with `out`, the files that were written there,
    which are as wide whatever terminal they are written from.

    Raises `UsageError` where no run of any board was timed.
    """
    tasks = {task: by_row for task, board in results.boards.items() if (by_row := costs_of_board(board, results.found))}
    if not tasks:
        raise UsageError(
            "--cost: expected results of `ldbench run`, which times its stages, got none; images that were scored and "
            "published rows tell nothing of their cost"
        )
    names = {task: name_notes(board.rows) for task, board in results.boards.items()}
    if out is None:
        return _text(tasks, format, width, names=names)
    files = {
        out / f"{slug(task)}-cost.{RENDERERS[format][0]}": _text({task: by_row}, format, names=names)
        for task, by_row in tasks.items()
    }
    return "".join(f"{path}\n" for path in write_own(files, "ldbench report"))


def _text(
    tasks: Mapping[str, ByRow], format: str, width: int = DEFAULT_WIDTH, *, names: Mapping[str, Sequence[str]]
) -> str:
    content: list[TablesOfTask] = [
        ([cost_table(task, by_row)], [*cost_notes(by_row), *names[task]]) for task, by_row in tasks.items()
    ]
    if format == "terminal":
        return "\n".join(terminal(tables, notes, width) for tables, notes in content)
    if format in PLAIN:
        return to_text(content, format)
    if format == "json":
        return json_text({task: records(by_row) for task, by_row in tasks.items()})
    rows = [[task, *record.values()] for task, by_row in tasks.items() for record in records(by_row)]
    return csv_text(["task", "model", *(field.name for field in fields(RowCost))], rows)
