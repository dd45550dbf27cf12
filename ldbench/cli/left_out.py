"""How a command that reads results ends where some of them can't be used: a line each, and exit code 2."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ldbench.errors import LdbenchError, ResultError
from ldbench.records.names import one_line

if TYPE_CHECKING:
    from ldbench.board.gather import BoardSet

WITHOUT = "all of this is left out of what is made of the other results"
UNCOMPARED = "--check compares what all results make; nothing was compared"
UNJUDGED = "a gate judges all results or none; nothing was judged"


def boards_of(
    results: Sequence[Path], reported: Sequence[str], measured_only: bool, left_out: list[ResultError]
) -> BoardSet:
    """`read_boards` with what it leaves out in the list; where nothing is left, the command ends with exit code 2."""
    from ldbench.board.gather import read_boards

    boards = read_boards(results, reported, measured_only, left_out.append)
    if left_out and not boards.boards:
        raise typer.Exit(LdbenchError.exit_code)
    return boards


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
