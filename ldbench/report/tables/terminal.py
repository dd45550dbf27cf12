"""A leaderboard for the terminal: a rich table as wide as the metrics need or, if that is too wide, stacked.

It is readable without colour: what is bold also carries a mark.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from ldbench.board.leaderboard import Leaderboard
from ldbench.report.tables.content import BoardLine, BoardPage, BoardTable, ScoreCell, page, short_page
from ldbench.report.tables.notes import notes_on_parts
from ldbench.report.tables.text_table import Strong, TextCell, TextTable, plain_text, rich_table

BEST_MARK = "*"
DEFAULT_WIDTH = 100
_FOLDED_NAME = 18  # a longer model name is folded before the metrics are taken apart
_UNBOUNDED = 10_000
_BEST_NOTE = f"{BEST_MARK} rank 1 on that metric, ties included; no mark where most rows have it."


class _Widths(NamedTuple):
    """Characters before the decimal point, and from the point on, in one column."""

    whole: int
    fraction: int


CellText = Callable[[ScoreCell, _Widths], str]


def render(leaderboard: Leaderboard, width: int = DEFAULT_WIDTH, all_metrics: bool = False) -> str:
    """The leaderboard as plain text, at most `width` columns wide, without colours or control codes."""
    return plain_text(renderable(leaderboard, width, all_metrics), width)


def renderable(leaderboard: Leaderboard, width: int = DEFAULT_WIDTH, all_metrics: bool = False) -> RenderableType:
    """The leaderboard as something a `rich.console.Console` of that width prints, with its colours.

    Without `all_metrics` it has one metric an axis, and a note names the others.
    """
    content = page(leaderboard) if all_metrics else short_page(leaderboard)
    parts: list[RenderableType] = [Text(content.title, style="bold")]
    for table in content.tables:
        parts.extend([Text(table.caption, style="italic")] if table.caption else [])
        parts.extend(_fitting(table, width))
    parts.extend(part for table in content.asides for part in _aside(table, width))
    return Group(*parts, *(Text(note, style="dim") for note in _notes(content)))


def _aside(table: TextTable, width: int) -> list[RenderableType]:
    """A table beside the board's own; where it is too wide, intervals go below their values and names are folded."""
    drawn = rich_table(table, gap=2)
    if _needed(drawn) > width:
        rows = [[_broken(cell) for cell in row] for row in table.rows if row is not None]
        names = [index for index, letter in enumerate(table.alignments) if letter == "l"]
        drawn = rich_table(replace(table, rows=rows), gap=2, folds=names)
    return [Text(table.title, style="bold"), Text(table.meaning, style="dim"), drawn]


def _broken(cell: TextCell) -> TextCell:
    return cell.replace(" [", "\n[") if isinstance(cell, str) else cell


def _notes(content: BoardPage) -> list[str]:
    parts = notes_on_parts(name for table in content.tables for name in table.names)
    return [*parts, *content.notes, *([_BEST_NOTE] if content.marks_best else [])]


def _fitting(table: BoardTable, width: int) -> list[RichTable]:
    """The table with cells of one line if that fits, else of two, else in parts with fewer metrics each."""
    wide, narrow = _rich_table(table, _one_line), _rich_table(table, _two_lines)
    if _needed(wide) <= width:
        return [wide]
    longest = max(len(line.model) for block in table.blocks for line in block)
    foldable = max(0, longest - _FOLDED_NAME)
    if _needed(narrow) - foldable <= width or len(table.metrics) < 2:
        return [narrow]
    middle = (len(table.metrics) + 1) // 2
    parts = table.columns(0, middle), table.columns(middle, len(table.metrics))
    return [fitting for part in parts for fitting in _fitting(part, width)]


def _needed(table: RichTable) -> int:
    """Columns the table takes where there is room for all."""
    console = Console(width=_UNBOUNDED, file=io.StringIO())
    return Measurement.get(console, console.options, table).maximum


def _rich_table(table: BoardTable, text_of: CellText) -> RichTable:
    lead, last = ("#", "model") if table.ranked else ("model",), ("seeds",) if table.seeded else ()
    lines = [line for block in table.blocks for line in block]
    widths = [_widths([line.cells[index] for line in lines]) for index in range(len(table.metrics))]
    rows: list[list[TextCell] | None] = []
    for block in table.blocks:
        rows += [_row(line, table, widths, text_of) for line in block]
        rows.append(None)
    headings = (*lead, *table.metrics, *last)
    return rich_table(TextTable(headings, rows, "l" * len(headings)), folds=(len(lead) - 1,))


def _row(line: BoardLine, table: BoardTable, widths: Sequence[_Widths], text_of: CellText) -> list[TextCell]:
    name = Strong(line.model) if line.rank == "1" else line.model
    texts = [(cell.best, text_of(cell, width)) for cell, width in zip(line.cells, widths, strict=True)]
    rank, seeds = [line.place] if table.ranked else [], [line.seeds] if table.seeded else []
    return [*rank, name, *(Strong(text) if best else text for best, text in texts), *seeds]


def _widths(cells: list[ScoreCell]) -> _Widths:
    whole = max(len(cell.value.partition(".")[0]) for cell in cells)
    fraction = max(len("".join(cell.value.partition(".")[1:])) for cell in cells)
    return _Widths(whole, fraction)


def _value(cell: ScoreCell, widths: _Widths) -> str:
    """The value with its decimal point under the others', and its mark."""
    whole, point, fraction = cell.value.partition(".")
    marked = point + fraction + (BEST_MARK if cell.best else "")
    return f"{whole:>{widths.whole}}{marked:<{widths.fraction + 1}}"


def _one_line(cell: ScoreCell, widths: _Widths) -> str:
    return f"{_value(cell, widths)} {cell.interval}".rstrip()


def _two_lines(cell: ScoreCell, widths: _Widths) -> str:
    return f"{_value(cell, widths).rstrip()}\n{cell.interval}"
