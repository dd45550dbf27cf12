"""The command `ldbench gate`, which `ldbench report --check` does, too."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ldbench.cli.options import AllowMissing, JUnit, MeasuredOnly, Results, Summary, Tolerances, results_or_runs


def register(app: typer.Typer) -> None:
    """Add the command to the suite's command line."""
    app.command()(gate)


def gate(
    against: Annotated[Path, typer.Option(help="The baseline: a leaderboard JSON, or a folder of them.")],
    results: Results = None,
    tolerance: Tolerances = None,
    allow_missing: AllowMissing = False,
    junit: JUnit = None,
    summary: Summary = None,
    measured_only: MeasuredOnly = False,
) -> None:
    """Hold RESULTS against a baseline; exit code 1 where a metric of a row got worse."""
    from ldbench.report.gate.gather import GateRequest, run_gate

    request = GateRequest(against, tuple(tolerance or ()), allow_missing, junit, summary)
    text, passed = run_gate(results_or_runs(results), request, measured_only)
    typer.echo(text, nl=False)
    if not passed:
        raise typer.Exit(1)
