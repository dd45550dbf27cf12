"""The gate as asked for on the command line, with the files that continuous integration reads.

Results are folded by `ldbench.board.leaderboard` and judged by `ldbench.report.gate.judge`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ldbench.board.gather import BoardSet
from ldbench.errors import ResultError, UsageError
from ldbench.records.files import write_text_atomic
from ldbench.records.own_files import begins_with, check_own, marked
from ldbench.report.gate import baseline, junit, lines, summary
from ldbench.report.gate.findings import NO_RESULT, Gate
from ldbench.report.gate.judge import check
from ldbench.report.gate.tolerance import Tolerances, parse

_IS_SUMMARY = begins_with("## ldbench report", "## ldbench: ")
_IS_JUNIT = marked(b'name="ldbench gate"')
_NAMED = 5  # rows that an error names


@dataclass(frozen=True)
class GateRequest:
    """A gate as asked for; without a `check`, a baseline's path, there is nothing to judge, but may be a summary."""

    check: Path | None = None
    tolerances: tuple[str, ...] = ()
    allow_missing: bool = False
    junit: Path | None = None
    summary: Path | None = None

    @property
    def anything(self) -> bool:
        """Whether any of it was asked for."""
        return self != GateRequest()

    def limits(self) -> Tolerances:
        """The tolerances; raises `UsageError` for a wrong one, and for an option that means nothing alone."""
        given = {"--tolerance": self.tolerances, "--allow-missing": self.allow_missing, "--junit": self.junit}
        for option, value in given.items():
            if value and self.check is None:
                raise UsageError(f"{option}: expected --check BASELINE beside it, got none; add a leaderboard JSON")
        return parse(self.tolerances)


def gate_of(results: BoardSet, request: GateRequest) -> tuple[str, bool]:
    """What to print, and whether the gate passed; writes the JUnit file and the summary that are asked for.

    Raises `UsageError` for a wrong request, `ResultError` for results and a baseline that don't belong together, before
    anything is written for a file that is no such JUnit file or summary, and after it where nothing was compared.
    """
    limits, boards = request.limits(), results.boards
    for option, path, own in (("--summary", request.summary, _IS_SUMMARY), ("--junit", request.junit, _IS_JUNIT)):
        check_own([path] if path else [], own, "ldbench gate", option)
    gate = None
    if request.check is not None:
        then = baseline.read(request.check)
        gate = check(boards, then, limits, request.allow_missing, results.unfinished)
    if request.summary is not None:
        write_text_atomic(request.summary, summary.render(boards, gate))
    if gate is None:
        return "", True
    if request.junit is not None:
        write_text_atomic(request.junit, junit.render(gate))
    if gate.passed and not gate.compared:  # only with `allow_missing`
        raise ResultError(_nothing_compared(gate))
    return lines.text(gate), gate.passed


def _nothing_compared(gate: Gate) -> str:
    missing = gate.of("missing")
    names = [*dict.fromkeys(one.row for one in missing)]
    listed = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    others = [f"{one.row}: {one.detail}; " for one in missing if one.detail != NO_RESULT]
    return (
        f"gate: expected a metric of a row of the baseline to compare, got none of {listed}; "
        f"{''.join(others[:_NAMED])}name the baseline of these results, or run its rows"
    )
