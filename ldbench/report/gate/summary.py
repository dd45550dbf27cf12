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

_FEW = 12  # rows of a section that is open
_HEADINGS = ("", "task", "row", "metric", "then", "now", "change", "allowed", "note")


def render(boards: Mapping[str, Leaderboard], gate: Gate | None = None) -> str:
    """The summary, headings from the second level on, newline at the end."""
    tables = [markdown.render(board).rstrip() for _, board in sorted(boards.items())]
    if gate is None:
        return "\n\n".join(["## ldbench report", *tables]) + "\n"
    unsure, same = gate.of("unsure"), gate.of("same")
    apart = tuple(one for one in gate.findings if not one.fails and one.verdict in UNCOMPARED and one not in unsure)
    found = [*_section("Fails", gate.failing), *_section("Unsure", unsure), *_section("Better", gate.of("better"))]
    rest = [*_folded("Same", same), *_section("Not compared", apart)]
    return "\n\n".join([f"## ldbench: {_end(gate)}", escape(verdict(gate)), *found, *tables, *rest]) + "\n"


def _end(gate: Gate) -> str:
    if not gate.passed:
        return "the gate is closed"
    if not gate.compared:
        return "nothing was compared"
    return "nothing got visibly worse" if gate.of("unsure") else "nothing got worse"


def _section(title: str, findings: Sequence[GateFinding]) -> list[str]:
    table = TextTable(_HEADINGS, [_cells(finding) for finding in findings], "llllrrrrl", title)
    return [to_markdown(table, level=3)] if findings else []


def _folded(title: str, findings: Sequence[GateFinding]) -> list[str]:
    """A section that a reader unfolds, open where it is short."""
    few = " open" if len(findings) <= _FEW else ""
    begin = f"<details{few}><summary>{title} ({len(findings)})</summary>"
    return [begin, *_section("", findings), "</details>"] if findings else []


def _cells(finding: GateFinding) -> list[TextCell]:
    word = WORDS[finding.verdict].lower()
    where = [finding.task, finding.row, finding.metric if finding.metric != ROW else "all"]
    return [Strong(word) if finding.fails else word, *where, *numbers(finding), finding.detail]
