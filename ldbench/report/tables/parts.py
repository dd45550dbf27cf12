"""A table of text that is wider than its place: with the line ends of its cells, then in parts with fewer columns each.

No cell is lost or cut.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace

from ldbench.records.names import one_line
from ldbench.report.tables.text_table import TextTable, lines_of, one_line_each

_LONGEST = 18  # letters of a line, where names are broken at spaces
# How wide a line of text is, with the gap after it; `below` says that it stands below the first of a cell.
Measure = Callable[[str, bool], float]


def fitted(table: TextTable, width: float, measure: Measure) -> list[TextTable]:
    """The table with cells of one line where that takes at most `width`, else with their line ends.

    Where that is still wider, parts of it that hold all columns in their order, each as many as fit, and before them
    the table's first `lead` ones. A part has at least one column of its own, whatever its width. Only the first has the
    title.
    """
    flat = one_line_each(table)
    if sum(_widths(flat, measure)) <= width:
        return [flat]
    widths, last = _widths(table, measure), len(table.alignments)
    room = width - sum(widths[: table.lead])
    shares = _shares(range(table.lead, last), widths, room)
    if table.joint:
        apart = (range(table.lead, table.joint), range(table.joint, last))
        parted = [share for columns in apart for share in _shares(columns, widths, room)]
        shares = parted if len(parted) == len(shares) else shares
    lead = [*range(table.lead)]
    return [_of(table, [*lead, *share], "" if place else table.title) for place, share in enumerate(shares)]


def _shares(columns: Sequence[int], widths: Sequence[float], room: float) -> list[list[int]]:
    """The columns in order, shared out among as few parts as have room for them."""
    shares: list[list[int]] = []
    for column in columns:
        if not shares or sum(widths[one] for one in [*shares[-1], column]) > room:
            shares.append([])
        shares[-1].append(column)
    return shares


def broken(name: str) -> str:
    """The name with line ends at spaces, so that its column is narrow where a table is too wide."""
    return textwrap.fill(one_line(name), _LONGEST, break_long_words=False, break_on_hyphens=False)


def _widths(table: TextTable, measure: Measure) -> list[float]:
    """What each column takes; headings and the columns that name a row have no line that is drawn as one below."""
    rows = [row for row in table.rows if row is not None]
    columns: list[list[float]] = [[] for _ in table.alignments]
    for column, widths in enumerate(columns):
        widths += [measure(line, False) for line in lines_of(table.headings[column] if table.headings else "")]
        widths += [
            measure(line, place > 0 and column >= table.lead)
            for row in rows for place, line in enumerate(lines_of(row[column]))
        ]
    return [max(widths) for widths in columns]


def _of(table: TextTable, columns: Sequence[int], title: str) -> TextTable:
    rows = [None if row is None else [row[one] for one in columns] for row in table.rows]
    headings, letters = ([given[one] for one in columns if given] for given in (table.headings, table.alignments))
    return replace(table, headings=headings, rows=rows, alignments="".join(letters), title=title)
