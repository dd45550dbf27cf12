"""A table of text, and its two printed forms: columns for the terminal, GitHub's Markdown.

Whatever is printed as a table is one of these first. Control characters become spaces, line ends too where they are not
asked for, and marks of Markdown are escaped, so that no cell breaks its table.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from rich import box
from rich.console import Console, JustifyMethod, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from ldbench.records.names import one_line

# marks within a line, what begins a formula or spells an entity, and what would be a heading or a list at the start
# of a line
_MARKS = re.compile(r"([\\`*_{}\[\]<>|~$]|&(?=#?\w+;)|^(?:#+|[-+])(?=\s))")
_WIDE = 1_000_000  # columns of a terminal in which no table is folded
_BREAK = "<br>"
# As rich's SIMPLE_HEAD, with a rule between blocks.
_RULED = box.Box("    \n    \n ── \n    \n ── \n ── \n    \n    \n")


@dataclass(frozen=True)
class Strong:
    """A cell that stands out; in Markdown `rest` follows as it is."""

    text: str
    rest: str = ""


TextCell = str | Strong


@dataclass(frozen=True)
class TextTable:
    """Rows under headings, None between two of them for a rule; `alignments` has a letter a column, l or r.

    Without `headings` only the terminal can show it; an empty `title` is not shown, nor is a rule in Markdown.
    `meaning` says what its cells are, where the table's surroundings don't. `label` is what LaTeX refers to it by, the
    title where there is none. The first `lead` columns name a row: a table in parts repeats them. From column `joint`
    on, where it is one, columns say something else: parts rather end before it.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[TextCell] | None]
    alignments: str
    title: str = ""
    meaning: str = ""
    label: str = ""
    lead: int = 1
    joint: int = 0


def lines_of(cell: TextCell) -> list[str]:
    """The lines of a cell's text, control characters as spaces."""
    text = cell if isinstance(cell, str) else f"{cell.text} {cell.rest}"
    return [*map(one_line, text.split("\n"))]


def one_line_each(table: TextTable) -> TextTable:
    """The table with headings and cells of one line."""
    rows = [None if row is None else [_one_line(cell) for cell in row] for row in table.rows]
    return replace(table, rows=rows, headings=[*map(one_line, table.headings)])


def to_terminal(table: TextTable, keep_lines: bool = False) -> str:
    """The table as plain text, as wide as it needs, newline at the end; `keep_lines` breaks lines where cells do."""
    drawn = _several_lines(table) if keep_lines else one_line_each(table)
    text = plain_text(rich_table(drawn, gap=2, edge=False), _WIDE)
    return (f"{one_line(table.title)}\n" if table.title else "") + text


def to_markdown(table: TextTable, level: int = 2, keep_lines: bool = False) -> str:
    """The table as GitHub-flavoured Markdown, below a heading of this level where it has a title; `keep_lines` breaks
    lines where cells do."""
    rules = [":--" if letter == "l" else "--:" for letter in table.alignments]
    drawn = table if keep_lines else one_line_each(table)
    rows = [[_marked(cell) for cell in row] for row in (drawn.headings, *drawn.rows) if row is not None]
    lines = [f"| {' | '.join(cells)} |" for cells in (rows[0], rules, *rows[1:])]
    return "\n".join([*([f"{'#' * level} {escape(table.title)}", ""] if table.title else []), *lines])


def escape(text: str) -> str:
    """The text as one line in which no character is a mark of Markdown, so that it shows as it is."""
    return _MARKS.sub(r"\\\1", one_line(text))


def rich_table(table: TextTable, gap: int = 3, edge: bool = True, folds: Collection[int] = ()) -> RichTable:
    """The table as `rich` draws it, `gap` spaces between columns; the columns `folds` alone give way to the others.

    Cells may hold line ends here: a row is then several lines high.
    """
    result = RichTable(
        box=_RULED, pad_edge=False, show_edge=edge, show_header=bool(table.headings), padding=(0, 1, 0, gap - 2),
    )
    for index, letter in enumerate(table.alignments):
        side: JustifyMethod = "left" if letter == "l" else "right"
        heading = table.headings[index] if table.headings else ""
        result.add_column(Text(heading), justify=side, no_wrap=index not in folds, overflow="fold")
    for row in table.rows:
        if row is None:
            result.add_section()
        else:
            result.add_row(*map(_styled, row))
    return result


def plain_text(renderable: RenderableType, width: int) -> str:
    """What `rich` draws as text without colours, control codes or spaces at the ends of lines."""
    target = io.StringIO()
    console = Console(file=target, width=width, color_system=None, force_terminal=False, legacy_windows=False)
    console.print(renderable)
    return "\n".join(line.rstrip() for line in target.getvalue().splitlines()) + "\n"


def _one_line(cell: TextCell) -> TextCell:
    return one_line(cell) if isinstance(cell, str) else Strong(one_line(cell.text), one_line(cell.rest))


def _several_lines(table: TextTable) -> TextTable:
    """The table with the line ends of its cells, and no other control character."""
    rows = [
        None if row is None else [
            "\n".join(lines_of(cell)) if isinstance(cell, str) else _one_line(cell) for cell in row
        ]
        for row in table.rows
    ]
    return replace(table, rows=rows, headings=["\n".join(lines_of(heading)) for heading in table.headings])


def _styled(cell: TextCell) -> Text:
    return Text(cell) if isinstance(cell, str) else Text(" ".join(filter(None, (cell.text, cell.rest))), style="bold")


def _marked(cell: TextCell) -> str:
    if isinstance(cell, str):
        return _BREAK.join(map(escape, lines_of(cell)))
    return f"**{escape(cell.text)}** {escape(cell.rest)}".rstrip()
