"""A leaderboard as Markdown: GitHub tables, best values in bold, notes as a list, and, where given, pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
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
    asides = [aside_text(table) for table in content.asides]
    notes = [f"- {escape(note)}" for note in content.notes]
    if content.marks_best:
        notes.append("- **Bold**: rank 1 on that metric, ties included; none where most rows have it.")
    pictured = [f"{escape(name)}:\n\n![{escape(name)}]({link})" for name, link in pictures.items()]
    pictured = ["#### Pictures", *pictured] if pictured else []
    return "\n\n".join([f"### {escape(content.title)}", *tables, *asides, "\n".join(notes), *pictured]).rstrip() + "\n"


def table_text(table: BoardTable) -> str:
    """The table alone, without its caption."""
    lead, last = ("#", "model") if table.ranked else ("model",), ("seeds",) if table.seeded else ()
    rows = [_row(line, table) for block in table.blocks for line in block]
    alignments = "l" * len(lead) + "r" * len(table.metrics) + "l" * len(last)
    return to_markdown(TextTable((*lead, *table.metrics, *last), rows, alignments))


def aside_text(table: TextTable, level: int = 4, fill: Callable[[str], str] = str) -> str:
    """A table beside the board's own, below its title and what it means, which `fill` may wrap."""
    text = to_markdown(replace(table, title=""))
    return f"{'#' * level} {escape(table.title)}\n\n{fill(escape(table.meaning))}\n\n{text}"


def _row(line: BoardLine, table: BoardTable) -> list[TextCell]:
    rank, seeds = [line.place] if table.ranked else [], [line.seeds] if table.seeded else []
    return [*rank, line.model, *map(_cell, line.cells), *seeds]


def _cell(cell: ScoreCell) -> TextCell:
    return Strong(cell.value, cell.interval) if cell.best else f"{cell.value} {cell.interval}"
