"""The command line of paired comparisons: options in, one call, lines out.

Holds no logic, and imports nothing heavy before the command is called.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How comparisons can be printed."""

    terminal = "terminal"
    json = "json"


def register(app: typer.Typer) -> None:
    """Add the command to `ldbench`."""
    app.command()(compare)


def compare(
    paths: Annotated[list[Path], typer.Argument(help="Result files, or folders that hold some.")],
    metric: Annotated[list[str] | None, typer.Option(help="Only this metric; may be repeated.")] = None,
    as_fitted: Annotated[
        bool, typer.Option("--as-fitted", help="Compare these very runs, not what another seed would give.")
    ] = False,
    format_: Annotated[Format, typer.Option("--format", help="terminal or json.")] = Format.terminal,
) -> None:
    """Say which of the models are better than which: paired tests over cases and seeds, corrected for all pairs."""
    from ldbench.board import leaderboard
    from ldbench.board.collect import collect
    from ldbench.records.contributions import beside_all
    from ldbench.report.comparisons import chosen, pairs, render_json, render_text

    found = collect(paths)
    units = beside_all(found)
    boards = leaderboard.fold(found, units)
    tasks = chosen({task: pairs(found, board, units, as_fitted) for task, board in boards.items()}, metric or [])
    typer.echo(render_json(tasks) if format_ is Format.json else render_text(tasks, as_fitted), nl=False)
