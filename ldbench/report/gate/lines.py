"""A gate's findings as lines of plain text: the verdict last, where a log is read first."""

from __future__ import annotations

from collections.abc import Mapping

from ldbench.records.names import one_line
from ldbench.report.digits import decimals_for, fixed
from ldbench.report.gate.findings import ROW, Gate, GateFinding, Verdict

WORDS: Mapping[Verdict, str] = {
    "worse": "WORSE", "moved": "MOVED", "missing": "MISSING", "failed": "FAILED", "unfinished": "UNFINISHED",
    "unsure": "unsure", "better": "better", "new": "new", "same": "same",
}


def text(gate: Gate) -> str:
    """Every finding but the unchanged ones, those that fail first, then one line of verdict."""
    said = [*gate.failing, *(one for one in gate.findings if not one.fails and one.verdict != "same")]
    return "".join(f"{line}\n" for line in [*map(line_of, said), verdict(gate)])


def line_of(finding: GateFinding) -> str:
    """One finding: verdict, task, row, metric, and the numbers where it has any."""
    where = ": ".join(part for part in (finding.task, finding.row, finding.metric) if part != ROW)
    word = WORDS[finding.verdict] if finding.fails else WORDS[finding.verdict].lower()
    return f"{word:7} {one_line(': '.join(part for part in (where, said(finding)) if part))}"


def said(finding: GateFinding) -> str:
    """The numbers and the note of a finding: "62.3 then, 70.1 now, worse by 7.8, allowed 5.6 (...)"."""
    then, now, change, allowed = numbers(finding)
    detail = one_line(finding.detail)
    if not now:
        return f"{then} then; {detail}" if then else detail
    return f"{then} then, {now} now, {change}, allowed {allowed}{f' ({detail})' if detail else ''}"


def numbers(finding: GateFinding) -> tuple[str, str, str, str]:
    """Then, now, "worse by 7.8" or "unchanged" and what was allowed, to two significant digits of the last; empty where
    unknown."""
    then, now, worse_by, allowed = finding.then, finding.now, finding.worse_by, finding.allowed
    if then is None or now is None or worse_by is None or allowed is None:
        return "" if then is None else f"{then:.4g}", "", "", ""
    decimals = decimals_for(allowed, then)
    change = f"{'worse' if worse_by > 0 else 'better'} by {fixed(abs(worse_by), decimals)}" if worse_by else "unchanged"
    return fixed(then, decimals), fixed(now, decimals), change, fixed(allowed, decimals)


def verdict(gate: Gate) -> str:
    """The gate in one sentence: how it ended, how many scores or rows had which fate, and the tolerance."""
    verdicts = [finding.verdict for finding in gate.findings]
    counts = ", ".join(f"{verdicts.count(one)} {one}" for one in WORDS if one in verdicts)
    end = "failed" if not gate.passed else "passed" if gate.compared else "compared nothing"
    return f"check {end}: {counts}; tolerance {gate.tolerances}"
