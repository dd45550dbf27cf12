"""The gate from result folders and a baseline's path, with the files that continuous integration reads.

Refuses nothing of its own: results are folded by `ldbench.board.leaderboard`, judged by `ldbench.report.gate.judge`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ldbench.board.collect import fold_with_units, gather
from ldbench.errors import UsageError
from ldbench.records.files import write_text_atomic
from ldbench.report.gate import baseline, junit, lines, summary, tolerance
from ldbench.report.gate.judge import check


@dataclass(frozen=True)
class Wanted:
    """A gate as asked for on the command line; without a `check` there is nothing to judge, but may be a summary."""

    check: Path | None = None
    tolerances: tuple[str, ...] = ()
    allow_missing: bool = False
    junit: Path | None = None
    summary: Path | None = None

    @property
    def anything(self) -> bool:
        """Whether any of it was asked for."""
        return self != Wanted()


def run_gate(paths: Sequence[Path], wanted: Wanted, measured_only: bool = False) -> tuple[str, bool]:
    """What to print, and whether the gate passed; writes the JUnit file and the summary that are wanted.

    Raises `UsageError` for an option that means nothing without a baseline, `ResultError` for results or a baseline
    that can't be read or don't belong together.
    """
    if wanted.check is None:
        _require_baseline(wanted)
    limits = tolerance.parse(wanted.tolerances)
    before = None if wanted.check is None else baseline.read(wanted.check)
    boards = fold_with_units(gather(paths, (), measured_only))
    gate = None if before is None else check(boards, before, limits, wanted.allow_missing)
    if wanted.summary is not None:
        write_text_atomic(wanted.summary, summary.render(boards, gate))
    if gate is None:
        return "", True
    if wanted.junit is not None:
        write_text_atomic(wanted.junit, junit.render(gate))
    return lines.text(gate), gate.passed


def _require_baseline(wanted: Wanted) -> None:
    given = {"--tolerance": wanted.tolerances, "--allow-missing": wanted.allow_missing, "--junit": wanted.junit}
    for option, value in given.items():
        if value:
            raise UsageError(f"{option}: expected --check BASELINE beside it, got none; add a leaderboard JSON")
