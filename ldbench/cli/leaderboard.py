"""The command `ldbench leaderboard build`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ldbench.cli.left_out import UNCOMPARED, WITHOUT, boards_of, left_out_named
from ldbench.cli.options import MeasuredOnly, Results, results_or_runs

leaderboard = typer.Typer(
    name="leaderboard", no_args_is_help=True, callback=lambda: None, help="Rebuild leaderboard files from results.",
)


@leaderboard.command()
def build(
    out: Annotated[Path, typer.Option(help="Folder for TASK.json and TASK.md.")],
    results: Results = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; say which file differs and where; exit code 1 if one does.")
    ] = False,
    measured_only: MeasuredOnly = False,
) -> None:
    """Rebuild every leaderboard, JSON and Markdown, byte for byte from RESULTS.

    A result that can't be used is left out and named; exit code 2. With --check nothing is compared then.
    """
    from ldbench.report.rebuild import differences, rebuild

    with left_out_named(UNCOMPARED if check else WITHOUT) as left_out:
        boards = boards_of(results_or_runs(results), (), measured_only, left_out).boards
        if left_out and check:
            return
        if not check:
            typer.echo("\n".join(map(str, rebuild(boards, out))))
            return
        found = differences(boards, out)
        typer.echo("\n".join(found) if found else f"{out}: as the results make it, byte for byte")
        if found:
            raise typer.Exit(1)
