"""A gate and its leaderboards as Markdown for a job's summary page: the verdict, what changed, the tables, the rest.

Without a baseline only the tables. Refuses to let a name break a table, as `ldbench.report.tables.markdown` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ldbench.board.leaderboard import Leaderboard
from ldbench.records.names import one_line
from ldbench.report.gate.findings import ROW, Finding, Gate
from ldbench.report.gate.lines import WORDS, numbers, verdict
from ldbench.report.tables import markdown

_HEADINGS = ("", "task", "row", "metric", "then", "now", "change", "allowed", "note")


def render(boards: Mapping[str, Leaderboard], gate: Gate | None = None) -> str:
    """The summary, headings from the second level on, newline at the end."""
    tables = [markdown.render(board).rstrip() for _, board in sorted(boards.items())]
    if gate is None:
        return "\n\n".join(["## ldbench report", *tables]) + "\n"
    head = "## ldbench: nothing got worse" if gate.passed else "## ldbench: the gate is closed"
    apart = tuple(one for one in gate.findings if not one.fails and one.verdict in ("new", "missing"))
    found = [*_section("Fails", gate.failing), *_section("Better", gate.of("better"))]
    return "\n\n".join([head, markdown.escape(verdict(gate)), *found, *tables, *_section("Not compared", apart)]) + "\n"


def _section(title: str, findings: Sequence[Finding]) -> list[str]:
    return [f"### {title}", _table(findings)] if findings else []


def _table(findings: Sequence[Finding]) -> str:
    rules = ["--"] * 4 + ["--:"] * 4 + ["--"]
    return "\n".join(_row(cells) for cells in (_HEADINGS, rules, *map(_cells, findings)))


def _cells(finding: Finding) -> list[str]:
    word = WORDS[finding.verdict]
    where = [finding.task, finding.row, finding.metric if finding.metric != ROW else "all"]
    shown = numbers(finding)
    then, now, by, allowed = shown or ("" if finding.then is None else f"{finding.then:.4g}", "", "", "")
    worse = finding.worse_by is not None and finding.worse_by > 0
    change = f"{'worse' if worse else 'better'} by {by}" if shown else ""
    texts = [word.lower(), *where, then, now, change, allowed, finding.detail]
    return [f"**{text}**" if text and index == 0 and finding.fails else markdown.escape(one_line(text))
            for index, text in enumerate(texts)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
