"""The program `ldbench`: its commands, and how a mistake or an interruption ends it.

Imports nothing heavy before a command needs it, so `--help` and `list` answer at once. An `LdbenchError` becomes one
line on standard error and exit code 2.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ldbench import __version__
from ldbench.cli import (
    cases,
    check,
    compare,
    data,
    gate,
    leaderboard,
    list_,
    matrix,
    new,
    parameters,
    report,
    run,
    score,
    study,
    verify,
)
from ldbench.errors import LdbenchError

INTERRUPTED = 130  # the exit code that a shell, and typer, give to Ctrl-C
# in the order that `ldbench --help` shows
COMMANDS = (
    run, score, cases, report, compare, gate, parameters, matrix, data, new, check, list_, verify, leaderboard, study,
)

app = typer.Typer(
    name="ldbench", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Benchmark generators of medical images and counterfactuals.",
)
for _command in COMMANDS:
    _command.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ldbench {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Benchmark generators of medical images and counterfactuals."""


def main() -> None:
    """Run the command line; a user's mistake is one line and exit code 2, nothing more."""
    try:
        app()
    except LdbenchError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            typer.echo("interrupted; a run goes on from here when the same command is given again", err=True)
        raise
