"""A leaderboard as Markdown: GitHub tables, best values in bold, notes as a list, and, where given, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ldbench.board.leaderboard import Leaderboard
from ldbench.report.tables.content import BoardLine, BoardTable, ScoreCell, page
from ldbench.report.tables.text_table import Strong, TextCell, TextTable, escape, to_markdown


def render(leaderboard: Leaderboard, pictures: Mapping[str, str] = MappingProxyType({})) -> str:
    """The leaderboard as GitHub-flavoured Markdown, with a heading of the third level.

    `pictures` maps a row's label to a link to its picture; without any the text has no such section.
    """
    content = page(leaderboard).unfolded()
    tables = [f"{escape(table.caption)}\n\n{table_text(table)}".strip() for table in content.tables]
    notes = [f"- {escape(note)}" for note in content.notes]
    if content.marks_best:
        notes.append("- **Bold**: rank 1 on that metric, ties included; none where no row is told from another.")
    pictured = [f"{escape(name)}:\n\n![{escape(name)}]({link})" for name, link in pictures.items()]
    pictured = ["#### Pictures", *pictured] if pictured else []
    return "\n\n".join([f"### {escape(content.title)}", *tables, "\n".join(notes), *pictured]).rstrip() + "\n"


def table_text(table: BoardTable) -> str:
    """The table alone, without its caption."""
    lead = ("#", "model") if table.ranked else ("model",)
    rows = [_row(line, table.ranked) for block in table.blocks for line in block]
    return to_markdown(TextTable((*lead, *table.metrics), rows, "l" * len(lead) + "r" * len(table.metrics)))


def _row(line: BoardLine, ranked: bool) -> list[TextCell]:
    return [*([line.place] if ranked else []), line.model, *map(_cell, line.cells)]


def _cell(cell: ScoreCell) -> TextCell:
    value = f"{cell.value} ± {cell.spread}" if cell.spread else cell.value
    return Strong(value, cell.interval) if cell.best else f"{value} {cell.interval}"
