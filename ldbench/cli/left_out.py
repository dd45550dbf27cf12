"""How a command that reads results ends where some of them can't be used: a line each, and exit code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from ldbench.errors import LdbenchError, ResultError
from ldbench.records.names import one_line

WITHOUT = "all of this is left out of what is made of the other results"
UNCOMPARED = "--check compares what all results make; nothing was compared"
UNJUDGED = "a gate judges all results or none; nothing was judged"


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
