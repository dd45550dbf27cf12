"""The command `ldbench compare`: paired comparisons of all models."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ldbench.cli.comma_lists import parse_names
from ldbench.cli.left_out import WITHOUT, boards_of, left_out_named, say_chosen, say_without
from ldbench.cli.options import Only, Results, Without, results_or_runs

_Format = Literal["terminal", "markdown", "latex", "csv", "json"]


def compare(
    results: Results = None,
    metric: Annotated[list[str] | None, typer.Option(help="Only these metrics, by commas or repeated.")] = None,
    all_metrics: Annotated[
        bool, typer.Option("--all-metrics", help="In the terminal, compare on every metric and not on one a question.")
    ] = False,
    only: Only = None,
    without: Without = None,
    with_references: Annotated[
        bool, typer.Option("--with-references", help="Test the rows that compete against each reference row, too.")
    ] = False,
    as_fitted: Annotated[
        bool, typer.Option("--as-fitted", help="Compare these very runs, not what another seed would give.")
    ] = False,
    format_: Annotated[
        _Format, typer.Option("--format", help="How to print; all but terminal hold every metric.")
    ] = "terminal",
) -> None:
    """Say which of the models are better than which: paired tests over cases and seeds, corrected for all pairs."""
    from ldbench.report.comparison_tables import RENDERERS
    from ldbench.report.comparisons import chosen, compared, leading, render_json, render_text

    with left_out_named(WITHOUT) as left_out:
        boards = boards_of(results_or_runs(results), (), True, left_out, only, without)
        metrics = parse_names(metric, "--metric") if metric else []
        tasks = chosen(compared(boards, as_fitted, with_references), metrics)
        say_without(boards, tasks, metrics)
        if format_ != "terminal":
            say_chosen(boards)
            typer.echo(render_json(tasks) if format_ == "json" else RENDERERS[format_](tasks), nl=False)
            return
        kept = tasks if metrics or all_metrics else leading(tasks)
        further = dict.fromkeys(name for task, of_task in tasks.items() for name in of_task if name not in kept[task])
        typer.echo(render_text(kept, as_fitted, boards.boards, list(further)), nl=False)
