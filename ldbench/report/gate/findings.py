"""What a gate found, one line a row and metric, and whether it closes.

Text, JUnit and Markdown are made of it by other modules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ldbench.api import Direction
from ldbench.report.gate.tolerance import Tolerances

Verdict = Literal["same", "better", "worse", "moved", "missing", "failed", "unfinished", "new", "unsure"]
UNCOMPARED: tuple[Verdict, ...] = ("missing", "unfinished", "new", "unsure")  # where they do not fail
ROW = ""  # the metric of a finding that is about a whole row
NO_RESULT = "no result of this row"


@dataclass(frozen=True)
class GateFinding:
    """One row on one metric, or a whole row where `metric` is `ROW`; `then` is the baseline's value, `now` today's.

    `worse_by` is positive where it got worse, in the metric's unit; `allowed` is how far it might have gone.
    """

    task: str
    row: str
    verdict: Verdict
    fails: bool
    metric: str = ROW
    direction: Direction = "lower"
    then: float | None = None
    now: float | None = None
    worse_by: float | None = None
    allowed: float | None = None
    detail: str = ""


@dataclass(frozen=True)
class Gate:
    """All findings, in the baseline's order of tasks, rows and metrics, and the tolerances that they were judged by."""

    findings: tuple[GateFinding, ...]
    tolerances: Tolerances

    @property
    def passed(self) -> bool:
        """Whether nothing fails."""
        return not any(finding.fails for finding in self.findings)

    @property
    def compared(self) -> bool:
        """Whether any score of today was held against one of the baseline."""
        return any(finding.now is not None for finding in self.findings)

    @property
    def failing(self) -> tuple[GateFinding, ...]:
        """The findings that close the gate."""
        return tuple(finding for finding in self.findings if finding.fails)

    def of(self, verdict: Verdict) -> tuple[GateFinding, ...]:
        """The findings with this verdict."""
        return tuple(finding for finding in self.findings if finding.verdict == verdict)
