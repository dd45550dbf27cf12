"""A leaderboard as a page draws it: cells with their text, and the interval's place on the metric's axis.

The text is `ldbench.report.tables.content`'s, so that a page says what the other forms say. Ranks come with the
leaderboard; rows without one stand in blocks of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ldbench.board.leaderboard import BoardRow, FoldedScore, Leaderboard
from ldbench.plugins.kinds import METRICS
from ldbench.report.html.axis import Axis, Whisker, spanning, stretched, whisker
from ldbench.report.tables.content import BoardLine, BoardTable, ScoreCell, page
from ldbench.report.tables.headline import axis_of, headline
from ldbench.report.tables.notes import notes_on_parts
from ldbench.report.tables.seeds_told import seeds_in_words
from ldbench.report.tables.text_table import TextTable

WIDTH = 92.0


@dataclass(frozen=True)
class MetricColumn:
    """A metric's heading: `way` is lower or higher; the extractor may be empty, the axis None.

    `question` is what the metric helps to answer, such as fidelity, empty where it doesn't say; `leads`: whether it is
    shown before the others unfold.
    `catches` and `blind_to` are what the metric's record says of known failures; empty where it says nothing.
    """

    metric: str
    way: str
    extractor: str
    n: int
    axis: Axis | None
    question: str = ""
    leads: bool = True
    catches: tuple[str, ...] = ()
    blind_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class DrawnScore:
    """One cell; `order` is what it sorts by, None where it is empty; `rank` and `tied` only where the row competes."""

    text: ScoreCell
    order: float | None = None
    drawn: Whisker | None = None
    rank: int | None = None
    rank_interval: str = ""
    tied: bool = False


@dataclass(frozen=True)
class DrawnRow:
    """One row: its label, the seeds of its runs in words, its cells in the columns' order, and where its runs are."""

    label: str
    seeds: str
    entries: tuple[DrawnScore, ...]
    anchor: str

    @property
    def leads(self) -> bool:
        """Whether it has rank 1 on the first metric."""
        return bool(self.entries) and self.entries[0].rank == 1


@dataclass(frozen=True)
class BoardView:
    """All that a page says of a leaderboard; `competing` and `others` share the columns, `reported` is apart."""

    title: str
    columns: tuple[MetricColumn, ...]
    competing: tuple[DrawnRow, ...]
    others: tuple[DrawnRow, ...]
    reported: tuple[BoardTable, ...]
    notes: tuple[str, ...]
    guarantee: tuple[str, ...] = ()
    asides: tuple[TextTable, ...] = ()

    @property
    def further(self) -> int:
        """How many metrics unfold."""
        return sum(not column.leads for column in self.columns)


def board_view(leaderboard: Leaderboard) -> BoardView:
    """The drawable content of a leaderboard."""
    content = page(leaderboard)
    parts = notes_on_parts(name for table in content.tables for name in table.names)
    notes = (*parts, *(note for note in content.notes if note not in content.guarantee))
    measured = [(place, row) for place, row in enumerate(leaderboard.rows) if row.origin == "measured"]
    rows = [item for item in measured if item[1].competes] + [item for item in measured if not item[1].competes]
    table = next((table for table in content.tables if table.ranked), None)
    if table is None:
        return BoardView(content.title, (), (), (), content.tables, notes)
    metrics, ahead = table.names, headline(table.names)
    columns = [_column(leaderboard, name, [row for _, row in rows], name in ahead) for name in metrics]
    ranks = {name: Counter(score.rank for _, row in rows if (score := row.score(name))) for name in metrics}
    lines = [line for block in table.blocks for line in block]
    entrants = [
        _entrant(row, line, columns, ranks, anchor(place)) for (place, row), line in zip(rows, lines, strict=True)
    ]
    count = sum(row.competes for _, row in rows)
    reported = tuple(table for table in content.tables if not table.ranked)
    competing, others = tuple(entrants[:count]), tuple(entrants[count:])
    drawn = tuple(columns), competing, others
    return BoardView(content.title, *drawn, reported, notes, content.guarantee, content.asides)


def anchor(place: int) -> str:
    """The id of the section on the runs of the leaderboard's row at `place`."""
    return f"row-{place}"


def _column(leaderboard: Leaderboard, name: str, rows: Sequence[BoardRow], leads: bool) -> MetricColumn:
    scores = [(row.competes, score) for row in rows if (score := row.score(name)) is not None]
    competing = [score for competes, score in scores if competes]
    if len(competing) < 2:  # one row alone would have its own interval for an axis
        competing = [score for _, score in scores]
    axis = spanning((end for score in competing for end in (score.ci_low, score.value, score.ci_high)), WIDTH)
    if axis is not None:  # a perfect reference may lie so far off that all others would become one dot
        axis = stretched(axis, [score.value for _, score in scores])
    metric = next(metric for metric in leaderboard.metrics if metric.metric == name)
    record = METRICS.installed(name)
    known = ((), ()) if record is None else (record.catches, record.blind_to)
    return MetricColumn(
        name, metric.direction, metric.extractor or "", metric.n, axis, axis_of(name) or "", leads, *known
    )


def _entrant(
    row: BoardRow, line: BoardLine, columns: Sequence[MetricColumn], ranks: dict[str, Counter[int | None]], where: str
) -> DrawnRow:
    entries = tuple(
        _entry(row.score(column.metric), cell, column, ranks[column.metric])
        for column, cell in zip(columns, line.cells, strict=True)
    )
    return DrawnRow(line.model, seeds_in_words(row), entries, where)


def _entry(score: FoldedScore | None, cell: ScoreCell, column: MetricColumn, ranks: Counter[int | None]) -> DrawnScore:
    if score is None:
        return DrawnScore(cell)
    drawn = whisker(column.axis, score.ci_low, score.value, score.ci_high) if column.axis else None
    if score.rank is None:
        return DrawnScore(cell, score.value, drawn)
    low, high = score.rank_low, score.rank_high
    interval = "" if low is None or high is None else f"{low}" if low == high else f"{low}-{high}"
    return DrawnScore(cell, score.value, drawn, score.rank, interval, ranks[score.rank] > 1)
