"""A leaderboard as Markdown: GitHub tables, best values in bold, notes as a list, and, where given, pictures.

Refuses to let a name break the table: pipes, angle brackets and other marks of Markdown are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from ldbench.leaderboard import Leaderboard
from ldbench.report.table import Cell, Line, Table, page

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~])")


def render(leaderboard: Leaderboard, pictures: Mapping[str, str] = MappingProxyType({})) -> str:
    """The leaderboard as GitHub-flavoured Markdown, with a heading of the third level.

    `pictures` maps a row's label (`table.label`) to a link to its picture; without any the text has no such section.
    """
    content = page(leaderboard)
    tables = [f"{_escape(table.caption)}\n\n{_table(table)}".strip() for table in content.tables]
    notes = [f"- {_escape(note)}" for note in content.notes]
    if content.marks_best:
        notes.append("- **Bold**: rank 1 on that metric, ties included.")
    shown = [f"{_escape(name)}:\n\n![{_escape(name)}]({link})" for name, link in pictures.items()]
    shown = ["#### Pictures", *shown] if shown else []
    return "\n\n".join([f"### {_escape(content.title)}", *tables, "\n".join(notes), *shown]).rstrip() + "\n"


def _table(table: Table) -> str:
    lead = ["#", "model"] if table.ranked else ["model"]
    rules = ["--:", ":--"] if table.ranked else [":--"]
    rows = [_row([*lead, *map(_escape, table.metrics)]), _row([*rules, *["--:"] * len(table.metrics)])]
    rows.extend(_row(_line(line, table.ranked)) for block in table.blocks for line in block)
    return "\n".join(rows)


def _line(line: Line, ranked: bool) -> list[str]:
    rank = [line.rank] if ranked else []
    return [*rank, _escape(line.model), *(_cell(cell) for cell in line.cells)]


def _cell(cell: Cell) -> str:
    value = f"{cell.value} ± {cell.spread}" if cell.spread else cell.value
    shown = f"**{value}**" if cell.best else value
    return f"{shown} {_escape(cell.interval)}".rstrip()


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
