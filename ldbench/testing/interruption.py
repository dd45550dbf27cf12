"""A fit that is cut off half-way, as a crash or a time limit would cut it: through its reports of progress.

Only a fit that reports progress can be cut off from outside. Refuses to judge what comes of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from ldbench.testing.finding import ClauseError
from ldbench.testing.trial import Trial


class CutOff(BaseException):
    """Like a keyboard's interrupt, so that no `except Exception` of a plugin swallows it."""


@dataclass
class Counting:
    """A `Progress` that counts its calls and, where `last` is one of them, cuts off there."""

    last: int | None = None
    calls: int = 0

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Count; raise at the last."""
        self.calls += 1
        if self.calls == self.last:
            raise CutOff


def cut_off(trial: Trial, folder: str, calls: int) -> str:
    """Leave in the folder what a fit leaves that ends after half of its reports; in words, where. Empty: no reports."""
    if not calls:
        return ""
    last = (calls + 1) // 2
    try:
        trial.fitted(folder, Counting(last))
    except CutOff:
        return f"cut off at report {last} of {calls}"
    raise ClauseError(f"no end at report {last} of {calls}: fewer reports, or the interrupt was swallowed")
