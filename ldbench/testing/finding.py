"""A clause of the contract, and what was found when a generator was held against it.

`judge` turns one look into one finding; whatever a plugin raises on the way is a finding too. `lines` and `summary` are
what `ldbench check` prints. The clauses stand in `ldbench.testing.contract`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ldbench.errors import LdbenchError
from ldbench.plugins.blame import ANYTHING


@dataclass(frozen=True)
class Clause:
    """One promise: its name, what is expected of a generator, and how to repair one that breaks it; one line each."""

    name: str
    expected: str
    remedy: str = ""


@dataclass(frozen=True)
class Finding:
    """One clause held against a generator: its name (with the kind of task, where it has one), expected and seen.

    `judged` is False for what is only measured or can't be judged, which always passes.
    """

    name: str
    passed: bool
    expected: str
    seen: str
    remedy: str = ""
    judged: bool = True

    @property
    def detail(self) -> str:
        """One line: what was seen and, of a broken clause, what was expected and how to repair it."""
        if self.passed:
            return self.seen
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"expected {self.expected}, got {self.seen}{remedy}"


class ClauseError(Exception):
    """Raised by a look that sees a clause broken; its text is what was seen, the remedy may be its own."""

    def __init__(self, seen: str, remedy: str | None = None) -> None:
        super().__init__(seen)
        self.remedy = remedy


class NotJudgedError(Exception):
    """Raised by a look that can't say whether a clause is kept, as another one is broken; its text names that one."""


def judge(clause: Clause, look: Callable[[], str]) -> Finding:
    """The finding of one look, which returns what it saw or raises."""
    try:
        return Finding(clause.name, True, clause.expected, look())
    except ClauseError as broken:
        remedy = clause.remedy if broken.remedy is None else broken.remedy
        return Finding(clause.name, False, clause.expected, str(broken), remedy)
    except NotJudgedError as reason:
        return measured(clause, f"not judged: {reason}")
    except ANYTHING as error:  # a plugin's own code may raise it
        return stopped(clause, error)


def stopped(clause: Clause, error: BaseException) -> Finding:
    """The finding of a look that raised."""
    return Finding(clause.name, False, clause.expected, raised(error), clause.remedy)


def measured(clause: Clause, seen: str) -> Finding:
    """What was measured, or why nothing was judged, for information."""
    return Finding(clause.name, True, clause.expected, seen, judged=False)


def raised(error: BaseException) -> str:
    """Somebody else's error in one line; the suite's own errors say enough without their type."""
    text = " ".join(str(error).split())
    return text if isinstance(error, LdbenchError) else f"{type(error).__name__}: {text:.300}"


def lines(finding: Finding) -> list[str]:
    """One finding: the verdict with what was seen, and of a broken clause what was expected and the remedy."""
    verdict = "    " if not finding.judged else "ok  " if finding.passed else "FAIL"
    text = [f"{verdict}  {finding.name}: {finding.seen}"]
    if not finding.passed:
        text.append(f"      expected {finding.expected}")
        text += [f"      remedy: {finding.remedy}"] if finding.remedy else []
    return text


def summary(findings: Sequence[Finding]) -> str:
    """The last line: how many clauses were looked at and which are broken."""
    judged = [finding for finding in findings if finding.judged]
    broken = [finding.name for finding in judged if not finding.passed]
    return f"{len(judged)} clauses, " + (f"{len(broken)} broken: {'; '.join(broken)}" if broken else "none broken")
