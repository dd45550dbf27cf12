"""The command `ldbench report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ldbench.cli import options
from ldbench.cli.comma_lists import parse_names
from ldbench.cli.gate import conclude
from ldbench.cli.left_out import (
    UNJUDGED,
    WITHOUT,
    boards_of,
    left_out_named,
    say_chosen,
    say_unmeasured,
    say_without,
)
from ldbench.cli.printing import output_width
from ldbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ldbench.board.gather import BoardSet


ReportFormat = Literal["terminal", "markdown", "latex", "latex-tabular", "csv", "json", "html", "site"]
WITHOUT_NOTES = ("latex-tabular", "csv", "json")
Format = Annotated[
    ReportFormat,
    typer.Option(
        "--format",
        help="html: one page a task that needs nothing else; site: a folder of pages; latex-tabular: no caption, no "
        "notes.",
    ),
]
_Names = Annotated[
    list[str] | None,
    typer.Option(
        help='ROW=NAME, such as "basic-ft-ld=Ours": what to call a row, given by its label or the folder of its runs; '
        "may be repeated."
    ),
]
_Cards = Annotated[
    list[str] | None,
    typer.Option(help="For pages and LaTeX, the card's path of a task that is not an installed one; may be repeated."),
]


def report(
    results: options.Results = None,
    format_: Format = "terminal",
    out: Annotated[Path | None, typer.Option(help="Folder to write one file a task to, instead of printing.")] = None,
    reported: Annotated[
        list[str] | None, typer.Option(help="A task whose published rows to show, with results or without.")
    ] = None,
    measured_only: options.MeasuredOnly = False,
    metric: Annotated[list[str] | None, typer.Option(help="Only these metrics, by commas or repeated.")] = None,
    all_metrics: Annotated[
        bool, typer.Option("--all-metrics", help="In the terminal, show every metric and not one a question.")
    ] = False,
    only: options.Only = None,
    without: options.Without = None,
    name: _Names = None,
    by: Annotated[
        list[str] | None,
        typer.Option(help="Instead, how rows serve groups of cases: by sex, age or another attribute, or by all."),
    ] = None,
    cost: Annotated[
        bool, typer.Option("--cost", help="Instead, what rows cost: training, time an image, memory of a GPU.")
    ] = False,
    gallery: Annotated[int | None, typer.Option(help="Cases shown of every run on a page.", show_default="24")] = None,
    task: _Cards = None,
    check: Annotated[
        Path | None, typer.Option(help="The baseline of a gate, as `ldbench gate --against` takes it.")
    ] = None,
    tolerance: options.Tolerances = None,
    allow_missing: options.AllowMissing = False,
    junit: options.JUnit = None,
    summary: options.Summary = None,
) -> None:
    """Fold results into leaderboards, one a task, with what publications report beside them, unranked."""
    from ldbench.report.gate.gather import GateRequest

    request = GateRequest(check, tuple(tolerance or ()), allow_missing, junit, summary)
    request.limits()
    instead = {"--by": bool(by), "--cost": cost}
    pages = {"--task": bool(task), "--gallery": gallery is not None}
    _check_options(format_, out, pages, instead, gated_choice=bool(check and (only or without)))
    _check_cost(cost, {"--metric": bool(metric), "--all-metrics": all_metrics})
    paths = options.results_or_runs(results) if results or not reported else ()
    with left_out_named(UNJUDGED if check else WITHOUT) as left_out:
        boards = boards_of(paths, reported or (), measured_only, left_out, only, without)
        if left_out and check:
            return
        if request.anything:
            conclude(boards, request)
            if format_ == "terminal" and out is None and not by and not cost:
                return
        kept = _of_metrics(_named(boards, name or (), format_), parse_names(metric, "--metric") if metric else [])
        if cost:
            _write_costs(kept, format_, out)
        elif by:
            _write_groups(kept, parse_names(by, "--by"), format_, out, all_metrics or bool(metric))
        else:
            _write(kept, format_, out, gallery, all_metrics or bool(metric), task or (), check)


def _check_options(
    format_: ReportFormat, out: Path | None, pages: Mapping[str, bool], instead: Mapping[str, bool], gated_choice: bool
) -> None:
    """Raises `UsageError` for options that the format does not take; `pages` are those for pages alone, `instead` those
    for other tables."""
    if format_ in ("html", "site") and out is None:
        raise UsageError(f"--format {format_}: expected a folder to write to, got none; add --out FOLDER")
    asked = [name for name, given in instead.items() if given]
    for option in (name for name, given in pages.items() if given):
        formats = ["html", "site", *(["latex"] if option == "--task" and not asked else [])]
        if format_ not in formats:
            listed = f"{', '.join(formats[:-1])} or {formats[-1]}"
            raise UsageError(f"{option}: expected --format {listed} beside it, got {format_}; other tables have none")
    if len(asked) > 1:
        raise UsageError(f"expected one of {' and '.join(asked)}, got both; call `ldbench report` twice")
    if asked and format_ in ("html", "site"):
        raise UsageError(f"{asked[0]}: expected a format of tables beside it, got {format_}; pages show it anyway")
    if gated_choice:
        raise UsageError("--check: expected no --only or --without beside it: a gate judges all rows; leave them out")


def _check_cost(cost: bool, of_metrics: Mapping[str, bool]) -> None:
    for option in (name for name, given in of_metrics.items() if cost and given):
        raise UsageError(f"{option}: expected no --cost beside it, as what a run costs is of no metric; leave one out")


def _named(boards: BoardSet, names: Sequence[str], format_: ReportFormat) -> BoardSet:
    from ldbench.board.named_rows import name_notes, with_names

    named = with_names(boards, names)
    for task, board in named.boards.items():
        for note in name_notes(board.rows) if format_ in WITHOUT_NOTES else ():
            typer.echo(f"{task}: {note}", err=True)
    return named


def _of_metrics(boards: BoardSet, metrics: Sequence[str]) -> BoardSet:
    from ldbench.report.write import with_metrics

    kept = with_metrics(boards, metrics)
    say_without(boards, kept.boards, metrics)
    return kept


def _write_groups(
    boards: BoardSet, attributes: Sequence[str], format_: ReportFormat, out: Path | None, all_metrics: bool
) -> None:
    from ldbench.report.by_group import by_attributes
    from ldbench.report.group_formats import report_groups

    tasks = by_attributes(boards, attributes)
    say_without(boards, tasks, attributes)
    if format_ in WITHOUT_NOTES:
        say_unmeasured(tasks)
    typer.echo(report_groups(tasks, format_, out, all_metrics, output_width()), nl=False)


def _write_costs(boards: BoardSet, format_: ReportFormat, out: Path | None) -> None:
    from ldbench.report.cost_formats import report_costs

    typer.echo(report_costs(boards, format_, out, output_width()), nl=False)


def _write(
    boards: BoardSet, format_: ReportFormat, out: Path | None, gallery: int | None, all_metrics: bool,
    cards: Sequence[str], baseline: Path | None,
) -> None:
    from rich.console import Console

    from ldbench.report import write

    if format_ in WITHOUT_NOTES:
        say_chosen(boards)
    if format_ in ("html", "site") and out is not None:
        from ldbench.report.html.write import GALLERY, write_pages

        shown = GALLERY if gallery is None else gallery
        typer.echo("\n".join(map(str, write_pages(boards, out, format_ == "site", shown, cards))))
        for run in boards.unfinished:
            if run.task not in boards.boards:  # no page names it
                typer.echo(run.line, err=True)
    elif format_ == "terminal" and out is None and (console := Console(width=output_width())).is_terminal:
        write.show(boards, console, all_metrics)
    else:
        typer.echo(write.report(boards, format_, out, all_metrics, cards, baseline), nl=False)
