"""The command line in the process of a test: what a command printed, and how it ended."""

from __future__ import annotations

import functools

import typer.testing
from click.testing import Result
from typer.testing import CliRunner

from ldbench.cli.main import app

# else each call builds all commands anew, a tenth of a second, as a process does once
typer.testing._get_command = functools.cache(typer.testing._get_command)  # type: ignore[attr-defined]


def called(*words: object) -> Result:
    """What came of a command; an error that ended it is its `exception`."""
    return CliRunner().invoke(app, [*map(str, words)])


def raising(*words: object) -> Result:
    """The same, but an error that ends the command is raised, as in the program below `main`."""
    return CliRunner().invoke(app, [*map(str, words)], catch_exceptions=False)


def said(*words: object) -> str:
    """What a command prints on standard output; it must end well, and its error is raised."""
    ended = raising(*words)
    assert ended.exit_code == 0, ended.output
    return ended.stdout
