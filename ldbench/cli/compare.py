"""The command `ldbench compare`: paired comparisons of all models."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ldbench.cli.options import Results, results_or_runs


def compare(
    results: Results = None,
    metric: Annotated[list[str] | None, typer.Option(help="Only this metric; may be repeated.")] = None,
    as_fitted: Annotated[
        bool, typer.Option("--as-fitted", help="Compare these very runs, not what another seed would give.")
    ] = False,
    format_: Annotated[Literal["terminal", "json"], typer.Option("--format", help="How to print.")] = "terminal",
) -> None:
    """Say which of the models are better than which: paired tests over cases and seeds, corrected for all pairs."""
    from ldbench.board.collect import read_boards
    from ldbench.report.comparisons import chosen, compared, render_json, render_text

    boards = read_boards(results_or_runs(results), measured_only=True)
    tasks = chosen(compared(boards, as_fitted), metric or [])
    metrics = [metric for board in boards.boards.values() for metric in board.metrics]
    typer.echo(render_json(tasks) if format_ == "json" else render_text(tasks, as_fitted, metrics), nl=False)
