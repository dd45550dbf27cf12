"""A leaderboard as titles, headings, cells and notes: what every printed form shows, in no form's syntax.

The renderer of each form chooses the marks for best values, rules and line breaks.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

from ldbench.api import Direction
from ldbench.board.leaderboard import BoardRow, FoldedScore, Leaderboard
from ldbench.board.published import PRINTED
from ldbench.board.row_labels import Labels, labels
from ldbench.records.names import one_line
from ldbench.report.digits import decimals_for, fixed, shortest, with_interval
from ldbench.report.tables.cheats import cheat_table
from ldbench.report.tables.fresh_sets import fresh_table
from ldbench.report.tables.headline import ARROWS, headline, narrowed
from ldbench.report.tables.notes import board_notes, by_source, guarantee
from ldbench.report.tables.seeds_told import seeds_differ, seeds_in_short
from ldbench.report.tables.text_table import TextTable

FURTHER = "Further metrics"
_MOST_FIRST = 0.75  # of the ranked rows: with more of them first, a mark on each would say nothing


@dataclass(frozen=True)
class ScoreCell:
    """One score as text; `interval` and `spread` may be empty; `best` is rank 1, where not most rows are."""

    value: str = "-"
    interval: str = ""
    spread: str = ""
    best: bool = False


@dataclass(frozen=True)
class BoardLine:
    """One row: the rank on the first metric (empty where not ranked), the model, a cell a metric, the runs' seeds.

    `between` is the rank's 95 % interval, such as "1-3", empty where it is the rank alone.
    """

    rank: str
    model: str
    cells: tuple[ScoreCell, ...]
    between: str = ""
    seeds: str = ""

    @property
    def place(self) -> str:
        """The rank with its interval: "1-3" where it begins at the rank, else "2 (1-3)"."""
        if not self.between or self.between.startswith(f"{self.rank}-"):
            return self.between or self.rank
        return f"{self.rank} ({self.between})"


@dataclass(frozen=True)
class BoardTable:
    """Blocks of lines under the same columns, a rule between blocks; `metrics` are headings with arrows.

    `seeded`: whether rows differ in their seeds, so that these are a column.
    """

    caption: str
    metrics: tuple[str, ...]
    blocks: tuple[tuple[BoardLine, ...], ...]
    ranked: bool
    seeded: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics without their arrows."""
        return tuple(heading.rpartition(" ")[0] for heading in self.metrics)

    def columns(self, start: int, stop: int) -> BoardTable:
        """The same rows with the metrics from `start` to before `stop`, the seeds beside the first of them."""
        return replace(self._of(range(start, stop)), seeded=self.seeded and start == 0)

    def folded(self) -> tuple[BoardTable, BoardTable | None]:
        """The same rows with the headline metrics, and with all others, None where there are no others."""
        first = headline(self.names)
        ahead = [index for index, name in enumerate(self.names) if name in first]
        behind = [index for index, name in enumerate(self.names) if name not in first]
        return self._of(ahead), replace(self._of(behind), caption=FURTHER, seeded=False) if behind else None

    def _of(self, chosen: Sequence[int]) -> BoardTable:
        blocks = tuple(
            tuple(replace(line, cells=tuple(line.cells[index] for index in chosen)) for line in block)
            for block in self.blocks
        )
        return replace(self, metrics=tuple(self.metrics[index] for index in chosen), blocks=blocks)


@dataclass(frozen=True)
class BoardPage:
    """All there is to print of one leaderboard, from title to notes, each note a sentence or two.

    `guarantee` are those of the notes that say what "better" promises; `asides` are small tables on how to read the
    scores.
    """

    title: str
    tables: tuple[BoardTable, ...]
    notes: tuple[str, ...]
    guarantee: tuple[str, ...] = ()
    asides: tuple[TextTable, ...] = ()

    @property
    def marks_best(self) -> bool:
        """Whether any cell is marked best, so that the mark needs a note."""
        lines = [line for table in self.tables for block in table.blocks for line in block]
        return any(cell.best for line in lines for cell in line.cells)

    def unfolded(self) -> BoardPage:
        """The same with the ranked tables in two: the headline metrics, then all others."""
        halves = [table.folded() if table.ranked else (table, None) for table in self.tables]
        return replace(self, tables=tuple(table for pair in halves for table in pair if table is not None))


def page(leaderboard: Leaderboard) -> BoardPage:
    """The printable content of a leaderboard."""
    measured = [row for row in leaderboard.rows if row.origin == "measured"]
    reported = [row for row in leaderboard.rows if row.origin == "reported"]
    labelled = labels(leaderboard.rows)
    tables = []
    if measured:
        blocks = [[row for row in measured if row.competes], [row for row in measured if not row.competes]]
        tables.append(_table("", blocks, labelled, ranked=True))
    if reported:
        caption = "Reported elsewhere under a protocol known only in part: not ranked, not to be compared"
        tables.append(_table(caption, list(by_source(reported).values()), labelled, ranked=False))
    task = leaderboard.task
    measured_on = f", version {task.version} ({task.kind}; card {task.card_hash[:12]})"
    title = task.id + (measured_on if task.card_hash else f" ({task.kind}; reported rows alone)")
    notes = tuple(one_line(note) for note in board_notes(leaderboard, measured, reported, labelled))
    asides = tuple(table for table in (cheat_table(leaderboard), fresh_table(leaderboard)) if table is not None)
    return BoardPage(one_line(title), tuple(tables), notes, guarantee(leaderboard), asides)


def short_page(leaderboard: Leaderboard) -> BoardPage:
    """The same with the headline metrics alone: of all others there is a note with their names, and nothing else."""
    measured = {score.metric for row in leaderboard.rows if row.origin == "measured" for score in row.scores}
    names = [metric.metric for metric in leaderboard.metrics if metric.metric in measured]
    first = headline(names)
    further = [name for name in names if name not in first]
    short = page(narrowed(leaderboard, first, ("measured",)))
    note = f"{FURTHER}, shown by --all-metrics: {', '.join(further)}."
    return replace(short, notes=(*short.notes, note)) if further else short


def _table(caption: str, blocks: Sequence[Sequence[BoardRow]], labelled: Labels, ranked: bool) -> BoardTable:
    filled = [block for block in blocks if block]
    fullest_first = sorted((row for block in filled for row in block), key=lambda row: -len(row.scores))
    headings: dict[str, Direction] = {}
    for score in (score for row in fullest_first for score in row.scores):
        headings.setdefault(score.metric, score.direction)
    told = {name for name in headings if _tells([row.score(name) for row in fullest_first])}
    lines = tuple(tuple(_line(row, labelled.of(row), list(headings), told) for row in block) for block in filled)
    seeded = ranked and seeds_differ([row for block in filled for row in block])
    return BoardTable(caption, tuple(f"{name} {ARROWS[way]}" for name, way in headings.items()), lines, ranked, seeded)


def _tells(scores: Sequence[FoldedScore | None]) -> bool:
    """Whether rank 1 says something of a row: not where most rows have it."""
    ranks = [score.rank for score in scores if score is not None and score.rank is not None]
    return ranks.count(1) <= _MOST_FIRST * len(ranks)


def _line(row: BoardRow, name: str, names: Sequence[str], told: Set[str]) -> BoardLine:
    scores = [row.score(name) for name in names]
    first = scores[0] if scores else None
    cells = tuple(_cell(score, row, told) for score in scores)
    if first is None or first.rank is None:
        return BoardLine("", name, cells, seeds=seeds_in_short(row))
    between = "" if first.rank_low == first.rank_high else f"{first.rank_low}-{first.rank_high}"
    return BoardLine(str(first.rank), name, cells, between, seeds_in_short(row))


def _cell(score: FoldedScore | None, row: BoardRow, told: Set[str]) -> ScoreCell:
    if score is None:
        return ScoreCell()
    if row.origin == "reported" and score.ci_low == score.ci_high:
        return ScoreCell(_printed(score, row))
    value, interval = with_interval(score.value, score.ci_low, score.ci_high)
    decimals = decimals_for((score.ci_high - score.ci_low) / 2, score.value) if score.spread else 0
    spread = "" if score.spread is None else fixed(score.spread, decimals)
    return ScoreCell(value, interval, spread, score.rank == 1 and score.metric in told)


def _printed(score: FoldedScore, row: BoardRow) -> str:
    """The text that the publication printed, its last zeros included, where the row has it."""
    text = row.model.parameters.get(f"{PRINTED}{score.metric}")
    if isinstance(text, str) and text in (shortest(score.value), fixed(score.value, len(text.partition(".")[2]))):
        return text
    return shortest(score.value)


