"""The command `ldbench report`.

Options in, one call, lines out, as everywhere in `ldbench.cli`; nothing is imported before the command runs.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How a report can be written."""

    terminal = "terminal"
    markdown = "markdown"
    latex = "latex"
    csv = "csv"
    json = "json"
    html = "html"
    site = "site"


def register(app: typer.Typer) -> None:
    """Add the command to the suite's command line."""
    app.command()(report)


def report(
    paths: Annotated[list[Path] | None, typer.Argument(help="Result files, or folders that hold some.")] = None,
    format_: Annotated[
        Format, typer.Option("--format", help="html: one page a task that needs nothing else; site: a folder of pages.")
    ] = Format.terminal,
    out: Annotated[Path | None, typer.Option(help="Folder to write one file a task to, instead of printing.")] = None,
    reported: Annotated[
        list[str] | None, typer.Option(help="A task whose published rows to show, with results or without.")
    ] = None,
    measured_only: Annotated[bool, typer.Option("--measured-only", help="Leave out published rows.")] = False,
    gallery: Annotated[int, typer.Option(help="Cases shown of every run on a page.")] = 24,
    check: Annotated[
        Path | None, typer.Option(help="A leaderboard JSON or a folder of them; exit code 1 where a metric got worse.")
    ] = None,
    tolerance: Annotated[
        list[str] | None,
        typer.Option(help="How much worse is fine beside the interval: 0.02 (of the value), or fid=2 (in its unit)."),
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Rows of the baseline may be gone.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(help="Write what --check found as JUnit XML.")] = None,
    summary: Annotated[Path | None, typer.Option(help="Write a Markdown summary, such as a CI job shows.")] = None,
) -> None:
    """Fold results into leaderboards, one a task, with what publications report beside them, unranked."""
    from ldbench.report.gate.gather import Wanted, run_gate

    wanted = Wanted(check, tuple(tolerance or ()), allow_missing, junit, summary)
    if wanted.anything:
        text, passed = run_gate(paths or [], wanted, measured_only)
        typer.echo(text, nl=False)
        if not passed:
            raise typer.Exit(1)
        if format_ is Format.terminal and out is None:
            return
    _write(paths or [], format_, out, reported or [], measured_only, gallery)


def _write(
    paths: list[Path], format_: Format, out: Path | None, reported: list[str], measured_only: bool, gallery: int
) -> None:
    from rich.console import Console

    from ldbench.report.write import report_paths, show

    if format_ in (Format.html, Format.site):
        from ldbench.report.html.from_results import report_pages

        written = report_pages(paths, format_, out, tasks=reported, measured_only=measured_only, gallery=gallery)
        typer.echo("\n".join(map(str, written)))
    elif format_ is Format.terminal and out is None and (console := Console()).is_terminal:
        show(paths, console, reported, measured_only)
    else:
        typer.echo(report_paths(paths, format_, out, reported, measured_only), nl=False)
