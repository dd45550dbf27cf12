"""The program `ldbench`: its commands, and how a mistake or an interruption ends it.

Imports nothing heavy before a command needs it, so `--help` and `list` answer at once. An `LdbenchError` becomes one
line on standard error and exit code 2, and so does a disk that is full or mustn't be written.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Annotated

import typer

from ldbench import __version__
from ldbench.cli.ablate import ablate
from ldbench.cli.cache import cache
from ldbench.cli.cases import cases
from ldbench.cli.check import check
from ldbench.cli.collect import collect
from ldbench.cli.compare import compare
from ldbench.cli.data import data
from ldbench.cli.figure import figure
from ldbench.cli.gate import gate
from ldbench.cli.gauntlet import gauntlet
from ldbench.cli.host import host
from ldbench.cli.leaderboard import leaderboard
from ldbench.cli.list_ import list_
from ldbench.cli.matrix import matrix
from ldbench.cli.measure import measure
from ldbench.cli.new import new
from ldbench.cli.options import INTERRUPTED
from ldbench.cli.printing import print_anything, print_error
from ldbench.cli.reference import reference
from ldbench.cli.report import report
from ldbench.cli.run import run
from ldbench.cli.score import score
from ldbench.cli.search import search
from ldbench.cli.study import study
from ldbench.cli.submit import submit
from ldbench.cli.verify import verify
from ldbench.errors import LdbenchError

# in the order that `ldbench --help` shows
COMMANDS = (
    run, score, measure, reference, cases, report, compare, gate, search, ablate, matrix, collect, gauntlet, check,
    list_, verify, submit,
)  # fmt: skip
GROUPS = (figure, data, new, leaderboard, study, host, cache)
# what keeps the work that is done, and takes it up when the same command is given again
GO_ON = ("run", "matrix", "search", "ablate", "gauntlet", "figure sweep", "figure trajectory", "data prepare")

# what a disk or its owner refuses, wherever it happens, is the user's to put right
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENOLCK)

app = typer.Typer(
    name="ldbench", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Benchmark generators of medical images and counterfactuals.",
)
for _command in COMMANDS:
    app.command(_command.__name__.strip("_"))(_command)
for _group in GROUPS:
    app.add_typer(_group)


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


def _interrupted(arguments: Sequence[str]) -> str:
    goes_on = any(arguments[: len(command.split())] == command.split() for command in GO_ON)
    return f"interrupted{'; it goes on from here when the same command is given again' if goes_on else ''}"


def _say_when_ended() -> None:
    """On SIGTERM, which SLURM and containers send, say what Ctrl-C says before the process ends as it would without."""
    here = os.getpid()

    def ended(number: int, frame: FrameType | None) -> None:
        if os.getpid() == here:  # a fork of the process has the handler, too
            os.write(2, f"{_interrupted(sys.argv[1:])}\n".encode())  # safe amid another write
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, ended)


def main() -> None:
    """Run the command line; a user's mistake is one line and exit code 2, nothing more."""
    print_anything()
    _say_when_ended()
    if os.name == "nt":
        typer.echo("error: expected Linux or macOS, got Windows; use its subsystem for Linux (WSL)", err=True)
        sys.exit(LdbenchError.exit_code)
    gc.set_threshold(20_000)  # at 700, importing torch and diffusers is for a seventh a search for garbage
    try:
        app()
    except LdbenchError as error:
        print_error(error)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno not in _DISK:
            raise
        where = f"can't use {error.filename}" if error.filename else "can't write"
        remedy = "" if error.errno == errno.EROFS else "free space, or "
        typer.echo(f"error: {where}: {error.strerror}; {remedy}choose a folder that you may write", err=True)
        sys.exit(LdbenchError.exit_code)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            typer.echo(_interrupted(sys.argv[1:]), err=True)
        raise
