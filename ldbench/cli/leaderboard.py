"""The command `ldbench leaderboard build`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
    """Rebuild every leaderboard, JSON and Markdown, byte for byte from RESULTS."""
    from ldbench.report.rebuild import differences, rebuild

    paths = results_or_runs(results)
    if not check:
        typer.echo("\n".join(map(str, rebuild(paths, out, measured_only))))
        return
    found = differences(paths, out, measured_only)
    typer.echo("\n".join(found) if found else f"{out}: as the results make it, byte for byte")
    if found:
        raise typer.Exit(1)
