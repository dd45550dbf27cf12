"""The command `ldbench gate`, which `ldbench report --check` does, too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ldbench.cli.left_out import UNJUDGED, left_out_named, say_rounded
from ldbench.cli.options import AllowMissing, JUnit, MeasuredOnly, Results, Summary, Tolerances, results_or_runs

if TYPE_CHECKING:
    from ldbench.board.gather import BoardSet
    from ldbench.report.gate.gather import GateRequest


def gate(
    against: Annotated[Path, typer.Option(help="The baseline: a leaderboard JSON, or a folder of them.")],
    results: Results = None,
    tolerance: Tolerances = None,
    allow_missing: AllowMissing = False,
    junit: JUnit = None,
    summary: Summary = None,
    measured_only: MeasuredOnly = False,
) -> None:
    """Hold RESULTS against a baseline; exit code 1 where a metric of a row got worse.

    A result that can't be used is named, and then nothing is judged; exit code 2.
    """
    from ldbench.board.gather import read_boards
    from ldbench.report.gate.gather import GateRequest

    request = GateRequest(against, tuple(tolerance or ()), allow_missing, junit, summary)
    request.limits()
    with left_out_named(UNJUDGED) as left_out:
        boards = read_boards(results_or_runs(results), (), measured_only, left_out.append)
        say_rounded(boards)
        if not left_out:
            conclude(boards, request)


def conclude(boards: BoardSet, request: GateRequest) -> None:
    """Print what a gate says of the leaderboards; exit code 1 where it closes."""
    from ldbench.report.gate.gather import gate_of

    text, passed = gate_of(boards, request)
    typer.echo(text, nl=False)
    if not passed:
        raise typer.Exit(1)
