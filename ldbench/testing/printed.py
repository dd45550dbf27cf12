"""Findings as lines of text: what `ldbench check` prints.

Refuses to leave out what passed: the list is the contract.
"""

from __future__ import annotations

from collections.abc import Sequence

from ldbench.testing.finding import Finding


def lines(finding: Finding) -> list[str]:
    """One finding: the verdict with what was seen, what was expected, and the remedy of a broken clause."""
    verdict = "    " if not finding.judged else "ok  " if finding.passed else "FAIL"
    found = [f"{verdict}  {finding.name}: {finding.seen}"]
    if finding.judged:
        found.append(f"      expected {finding.expected}")
    if not finding.passed and finding.remedy:
        found.append(f"      remedy: {finding.remedy}")
    return found


def summary(findings: Sequence[Finding]) -> str:
    """The last line: how many clauses were looked at and which are broken."""
    judged = [finding for finding in findings if finding.judged]
    broken = [finding.name for finding in judged if not finding.passed]
    return f"{len(judged)} clauses, " + (f"{len(broken)} broken: {', '.join(broken)}" if broken else "none broken")
