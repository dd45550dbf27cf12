"""What came of a verification: the verdict over all metrics, as lines for the terminal and as an exit code.

Control characters are never printed: names come from a file that a stranger may have written.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ldbench.run.verify.checks import Check, Verdict

_NAME_WIDTH = 15, 40  # of the column of metrics, in letters: the least, and the most


@dataclass(frozen=True)
class Verification:
    """What came of a result: `faults` say how its images are not its own, and then no score was recomputed. `machine`
    holds what is other here than where it ran; `lacking` says which metrics a folder of images had no images for;
    `written` are the files that were written."""

    what: str
    faults: tuple[str, ...]
    checks: tuple[Check, ...]
    machine: tuple[str, ...]
    seconds: float
    lacking: tuple[str, ...] = ()
    written: tuple[Path, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of the checks'; images that are not the result's, and a result without scores, differ."""
        verdicts = {check.verdict for check in self.checks}
        if self.faults or not verdicts or "differs" in verdicts:
            return "differs"
        return "reproduced" if "reproduced" in verdicts else "equal"

    @property
    def exit_code(self) -> int:
        """0 where the scores are equal or reproduced, else 1."""
        return 1 if self.verdict == "differs" else 0

    def lines(self) -> list[str]:
        """One line a metric, one of verdict, and what is other on this machine where not all is equal."""
        heads = [f"{head:>12}" for head in ("recorded", "recomputed", "difference")]
        least, most = _NAME_WIDTH
        width = min(max([least, *(len(check.metric) for check in self.checks)]), most)
        table = [" ".join([f"{'metric':{width}}", *heads]), *(check.line(width) for check in self.checks)]
        other = [f"other here: {', '.join(self.machine)}"] if self.machine and self.verdict != "equal" else []
        written = [f"wrote {path}" for path in self.written]
        first = [self.what, *self.faults, *self.lacking, *(table if self.checks else [])]
        lines = [*first, self._conclusion(), *other, *written]
        return ["".join(letter if letter.isprintable() else "?" for letter in line) for line in lines]

    def _conclusion(self) -> str:
        if self.faults:
            return "differs: the images are not those that were scored; no score was recomputed"
        named = ", ".join(check.metric for check in self.checks if check.verdict == self.verdict)
        count, seconds = len(self.checks), f"({self.seconds:.0f} s)"
        if self.verdict == "equal":
            return f"equal: all {count} scores {seconds}"
        if self.verdict == "differs":
            return f"differs: {named or 'no score at all'} {seconds}"
        return f"reproduced: {named} within their intervals, all others of {count} scores equal {seconds}"
