"""How a command that reads results ends where some of them can't be used: a line each, and exit code 2."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ldbench.cli.comma_lists import parse_names
from ldbench.errors import LdbenchError, ResultError
from ldbench.records.names import one_line

if TYPE_CHECKING:
    from ldbench.board.gather import BoardSet
    from ldbench.report.by_group import TaskGroups

WITHOUT = "all of this is left out of what is made of the other results"
UNCOMPARED = "--check compares what all results make; nothing was compared"
UNJUDGED = "a gate judges all results or none; nothing was judged"


def boards_of(
    results: Sequence[Path], reported: Sequence[str], measured_only: bool, left_out: list[ResultError],
    only: list[str] | None = None, without: list[str] | None = None,
) -> BoardSet:
    """`read_boards` with what it leaves out in the list; where nothing is left, the command ends with exit code 2.

    Tasks that have none of the rows that were chosen, and copies of a run that differ by rounding alone, are named on
    standard error.
    """
    from ldbench.board.chosen import RowChoice
    from ldbench.board.gather import read_boards

    choice = RowChoice(*(tuple(parse_names(names, option) if names else ()) for option, names in
                         (("--only", only), ("--without", without))))
    boards = read_boards(results, reported, measured_only, left_out.append, choice)
    if boards.without_rows:
        typer.echo(f"without a row that was chosen, so not shown: {', '.join(boards.without_rows)}", err=True)
    say_rounded(boards)
    if left_out and not boards.boards:
        raise typer.Exit(LdbenchError.exit_code)
    return boards


def say_rounded(boards: BoardSet) -> None:
    """One line on standard error for each copy of a run that differs from the one that counts by rounding alone."""
    for line in boards.rounded:
        typer.echo(f"skipped    {line}", err=True)


def say_chosen(boards: BoardSet) -> None:
    """One line on standard error for each board of chosen rows, for formats that hold no notes."""
    from ldbench.board.chosen import choice_notes

    for task, board in boards.boards.items():
        for note in choice_notes(board):
            typer.echo(f"{task}: {note}", err=True)


def say_unmeasured(tasks: Mapping[str, TaskGroups]) -> None:
    """One line on standard error for each task with metrics that groups are not measured or not compared by, for the
    same formats."""
    from ldbench.report.tables.group_tables import unmeasured_notes

    for task, groups in tasks.items():
        for note in unmeasured_notes(groups.unmeasured, groups.uncompared):
            typer.echo(f"{task}: {note}", err=True)


def say_without(boards: BoardSet, kept: Collection[str], metrics: Sequence[str]) -> None:
    """One line on standard error that names the tasks that have none of the metrics and so are not shown."""
    if without := [task for task in boards.boards if task not in kept]:
        typer.echo(f"without {' or '.join(metrics)}, so not shown: {', '.join(without)}", err=True)


@contextmanager
def left_out_named(rest: str) -> Iterator[list[ResultError]]:
    """A list for the errors of results that are left out, which are named when the block ends.

    Then comes what became of the `rest`, where the block has made something of it.
    """
    errors: list[ResultError] = []
    try:
        yield errors
    finally:
        for error in errors:
            typer.echo(f"error: {one_line(str(error))}", err=True)
    if errors:
        typer.echo(f"error: {rest}", err=True)
        raise typer.Exit(LdbenchError.exit_code)
