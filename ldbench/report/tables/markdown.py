"""A leaderboard as Markdown: GitHub tables, best values in bold, notes as a list, and, where given, pictures.

Refuses to let a name break the table: pipes, angle brackets and other marks of Markdown are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from ldbench.board.leaderboard import Leaderboard
from ldbench.report.tables.content import Cell, Line, Table, page

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~])")


def render(leaderboard: Leaderboard, pictures: Mapping[str, str] = MappingProxyType({})) -> str:
    """The leaderboard as GitHub-flavoured Markdown, with a heading of the third level.

    `pictures` maps a row's label (`table.label`) to a link to its picture; without any the text has no such section.
    """
    content = page(leaderboard)
    tables = [f"{escape(table.caption)}\n\n{_table(table)}".strip() for table in content.tables]
    notes = [f"- {escape(note)}" for note in content.notes]
    if content.marks_best:
        notes.append("- **Bold**: rank 1 on that metric, ties included; none where no row is told from another.")
    shown = [f"{escape(name)}:\n\n![{escape(name)}]({link})" for name, link in pictures.items()]
    shown = ["#### Pictures", *shown] if shown else []
    return "\n\n".join([f"### {escape(content.title)}", *tables, "\n".join(notes), *shown]).rstrip() + "\n"


def _table(table: Table) -> str:
    lead = ["#", "model"] if table.ranked else ["model"]
    rules = [":--", ":--"] if table.ranked else [":--"]
    rows = [_row([*lead, *map(escape, table.metrics)]), _row([*rules, *["--:"] * len(table.metrics)])]
    rows.extend(_row(_line(line, table.ranked)) for block in table.blocks for line in block)
    return "\n".join(rows)


def _line(line: Line, ranked: bool) -> list[str]:
    rank = [line.place] if ranked else []
    return [*rank, escape(line.model), *(_cell(cell) for cell in line.cells)]


def _cell(cell: Cell) -> str:
    value = f"{cell.value} ± {cell.spread}" if cell.spread else cell.value
    shown = f"**{value}**" if cell.best else value
    return f"{shown} {escape(cell.interval)}".rstrip()


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def escape(text: str) -> str:
    """The text with every mark of Markdown escaped, so that it shows as it is."""
    return _SPECIAL.sub(r"\\\1", text)
