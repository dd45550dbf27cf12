"""A gate and its leaderboards as Markdown for a job's summary page: the verdict, what changed, the tables, the rest.

Without a baseline only the tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ldbench.board.leaderboard import Leaderboard
from ldbench.report.gate.findings import ROW, UNCOMPARED, Gate, GateFinding
from ldbench.report.gate.lines import WORDS, numbers, verdict
from ldbench.report.tables import markdown
from ldbench.report.tables.text_table import Strong, TextCell, TextTable, escape, to_markdown

_HEADINGS = ("", "task", "row", "metric", "then", "now", "change", "allowed", "note")


def render(boards: Mapping[str, Leaderboard], gate: Gate | None = None) -> str:
    """The summary, headings from the second level on, newline at the end."""
    tables = [markdown.render(board).rstrip() for _, board in sorted(boards.items())]
    if gate is None:
        return "\n\n".join(["## ldbench report", *tables]) + "\n"
    head = "## ldbench: nothing got worse" if gate.passed else "## ldbench: the gate is closed"
    apart = tuple(one for one in gate.findings if not one.fails and one.verdict in UNCOMPARED)
    found = [*_section("Fails", gate.failing), *_section("Better", gate.of("better"))]
    return "\n\n".join([head, escape(verdict(gate)), *found, *tables, *_section("Not compared", apart)]) + "\n"


def _section(title: str, findings: Sequence[GateFinding]) -> list[str]:
    table = TextTable(_HEADINGS, [_cells(finding) for finding in findings], "llllrrrrl", title)
    return [to_markdown(table, level=3)] if findings else []


def _cells(finding: GateFinding) -> list[TextCell]:
    word = WORDS[finding.verdict].lower()
    where = [finding.task, finding.row, finding.metric if finding.metric != ROW else "all"]
    return [Strong(word) if finding.fails else word, *where, *numbers(finding), finding.detail]
