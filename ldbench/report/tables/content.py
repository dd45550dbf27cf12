"""A leaderboard as titles, headings, cells and notes: what every printed form shows, in no form's syntax.

Refuses to decide on looks: a renderer chooses the marks for best, for rules and for line breaks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from ldbench.api import Direction
from ldbench.board.leaderboard import FoldedScore, Leaderboard, Row
from ldbench.board.published import PRINTED
from ldbench.board.row_labels import SCORED_MARK, TRUTH_MARK, Labels, labels
from ldbench.plugins.kinds import METRICS
from ldbench.records.names import one_line
from ldbench.report.cheats import cheat_notes
from ldbench.report.digits import fixed, shortest, with_interval
from ldbench.report.fresh_notes import fresh_notes
from ldbench.report.guarantee import GUARANTEE, RULE, allowance_sentence
from ldbench.report.tables.headline import headline, narrowed

FURTHER = "Further metrics"
ARROWS: Mapping[Direction, str] = {"lower": "↓", "higher": "↑"}


@dataclass(frozen=True)
class ScoreCell:
    """One score as text; `interval` and `spread` may be empty; `best` is rank 1, ties included, if any row is worse."""

    value: str = "-"
    interval: str = ""
    spread: str = ""
    best: bool = False


@dataclass(frozen=True)
class BoardLine:
    """One row: the rank on the first metric (empty where not ranked), the model, a cell a metric.

    `between` is the rank's 95 % interval, such as "1-3", empty where it is the rank alone.
    """

    rank: str
    model: str
    cells: tuple[ScoreCell, ...]
    between: str = ""

    @property
    def place(self) -> str:
        """The rank with its interval: "1-3" where it begins at the rank, else "2 (1-3)"."""
        if not self.between or self.between.startswith(f"{self.rank}-"):
            return self.between or self.rank
        return f"{self.rank} ({self.between})"


@dataclass(frozen=True)
class BoardTable:
    """Blocks of lines under the same columns, a rule between blocks; `metrics` are headings with arrows."""

    caption: str
    metrics: tuple[str, ...]
    blocks: tuple[tuple[BoardLine, ...], ...]
    ranked: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics without their arrows."""
        return tuple(heading.rpartition(" ")[0] for heading in self.metrics)

    def columns(self, start: int, stop: int) -> BoardTable:
        """The same rows with the metrics from `start` to before `stop`."""
        return self._of(range(start, stop))

    def folded(self) -> tuple[BoardTable, BoardTable | None]:
        """The same rows with the headline metrics, and with all others, None where there are no others."""
        first = headline(self.names)
        ahead = [index for index, name in enumerate(self.names) if name in first]
        behind = [index for index, name in enumerate(self.names) if name not in first]
        return self._of(ahead), replace(self._of(behind), caption=FURTHER) if behind else None

    def _of(self, chosen: Sequence[int]) -> BoardTable:
        blocks = tuple(
            tuple(replace(line, cells=tuple(line.cells[index] for index in chosen)) for line in block)
            for block in self.blocks
        )
        return replace(self, metrics=tuple(self.metrics[index] for index in chosen), blocks=blocks)


@dataclass(frozen=True)
class BoardPage:
    """All there is to print of one leaderboard, from title to notes, each note a sentence or two.

    `guarantee` are those of the notes that say what "better" promises.
    """

    title: str
    tables: tuple[BoardTable, ...]
    notes: tuple[str, ...]
    guarantee: tuple[str, ...] = ()

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
        tables.append(_table(caption, list(_by_source(reported).values()), labelled, ranked=False))
    task = leaderboard.task
    measured_on = f", version {task.version} ({task.kind}; card {task.card_hash[:12]})"
    title = task.id + (measured_on if task.card_hash else f" ({task.kind}; reported rows alone)")
    notes = tuple(one_line(note) for note in _notes(leaderboard, measured, reported, labelled))
    return BoardPage(one_line(title), tuple(tables), notes, _guarantee(leaderboard))


def short_page(leaderboard: Leaderboard) -> BoardPage:
    """The same with the headline metrics alone: of all others there is a note with their names, and nothing else."""
    measured = {score.metric for row in leaderboard.rows if row.origin == "measured" for score in row.scores}
    names = [metric.metric for metric in leaderboard.metrics if metric.metric in measured]
    first = headline(names)
    further = [name for name in names if name not in first]
    short = page(narrowed(leaderboard, first, ("measured",)))
    note = f"{FURTHER}, shown by --all-metrics: {', '.join(further)}."
    return replace(short, notes=(*short.notes, note)) if further else short


def _table(caption: str, blocks: Sequence[Sequence[Row]], labelled: Labels, ranked: bool) -> BoardTable:
    filled = [block for block in blocks if block]
    fullest_first = sorted((row for block in filled for row in block), key=lambda row: -len(row.scores))
    headings: dict[str, Direction] = {}
    for score in (score for row in fullest_first for score in row.scores):
        headings.setdefault(score.metric, score.direction)
    # where no row is better than another, every row has rank 1, and a mark on all of them would say nothing
    told = {score.metric for row in fullest_first for score in row.scores if score.rank is not None and score.rank > 1}
    lines = tuple(tuple(_line(row, labelled.of(row), list(headings), told) for row in block) for block in filled)
    return BoardTable(caption, tuple(f"{name} {ARROWS[way]}" for name, way in headings.items()), lines, ranked)


def _line(row: Row, name: str, names: Sequence[str], told: Set[str]) -> BoardLine:
    scores = [row.score(name) for name in names]
    first = scores[0] if scores else None
    cells = tuple(_cell(score, row, told) for score in scores)
    if first is None or first.rank is None:
        return BoardLine("", name, cells)
    between = "" if first.rank_low == first.rank_high else f"{first.rank_low}-{first.rank_high}"
    return BoardLine(str(first.rank), name, cells, between)


def _cell(score: FoldedScore | None, row: Row, told: Set[str]) -> ScoreCell:
    if score is None:
        return ScoreCell()
    if row.origin == "reported" and score.ci_low == score.ci_high:
        return ScoreCell(_printed(score, row))
    value, interval = with_interval(score.value, score.ci_low, score.ci_high)
    spread = "" if score.spread is None else fixed(score.spread, len(value.partition(".")[2]))
    return ScoreCell(value, interval, spread, score.rank == 1 and score.metric in told)


def _printed(score: FoldedScore, row: Row) -> str:
    """The text that the publication printed, its last zeros included, where the row has it."""
    text = row.model.parameters.get(f"{PRINTED}{score.metric}")
    if isinstance(text, str) and text in (shortest(score.value), fixed(score.value, len(text.partition(".")[2]))):
        return text
    return shortest(score.value)


def _notes(leaderboard: Leaderboard, measured: Sequence[Row], reported: Sequence[Row], labelled: Labels) -> list[str]:
    notes = [_metric_note(leaderboard, metric.metric) for metric in leaderboard.metrics]
    if any(row.competes for row in measured):
        first = leaderboard.metrics[0].metric if leaderboard.metrics else ""
        notes.append(
            f"#: rank on {first} and, where it is not certain, its 95 % interval. {RULE} Others tie."
        )
    notes.extend(_guarantee(leaderboard))
    notes.extend(_seed_notes(measured, labelled))
    for row in (*measured, *reported):
        if rest := labelled.untold(row):
            notes.append(f"{labelled.of(row)}: with {', '.join(f'{key}={value}' for key, value in rest.items())}.")
    for row in measured:
        notes.extend(_row_notes(row, labelled))
    if any(row.model.sees_truth for row in measured):
        notes.append(f"{TRUTH_MARK} sees the true answers.")
    if any(row.model.scored for row in measured):
        notes.append(f"{SCORED_MARK}: images that another program made; only their scores were computed here.")
    if any(not row.competes for row in measured):
        notes.append("Rows without a rank are for orientation and do not compete.")
    notes.extend(cheat_notes(leaderboard))
    notes.extend(fresh_notes(leaderboard))
    notes.extend(_of_measured(measured, labelled))
    for source, rows in _by_source(reported).items():
        notes.extend(_notes_of_source(source, rows, labelled))
    for failure in leaderboard.failed:
        seed = "" if failure.seed is None else f", seed {failure.seed}"
        notes.append(f"Failed: {failure.model.name}{seed}: {failure.error or 'no error recorded'}")
    return notes


def _of_measured(measured: Sequence[Row], labelled: Labels) -> list[str]:
    """What is said of measured rows; what is said of several stands once, under all their names."""
    names: dict[tuple[str | None, tuple[str, ...]], list[str]] = {}
    for row in measured:
        names.setdefault((row.source, row.notes), []).append(labelled.of(row))
    return [line for (source, notes), rows in names.items() for line in _said(", ".join(rows), source, notes)]


def _guarantee(leaderboard: Leaderboard) -> tuple[str, ...]:
    """What "better" promises, and what that rests on; nothing where fewer than two rows compete."""
    if sum(row.competes for row in leaderboard.rows) < 2:
        return ()
    return tuple(filter(None, (GUARANTEE, allowance_sentence(leaderboard.metrics))))


def _row_notes(row: Row, labelled: Labels) -> list[str]:
    """What sets a row apart from one of several seeds of its own: no seed of the card, no effect of it, other names."""
    name, notes = labelled.of(row), []
    if not row.on_card:
        notes.append(f"{name}: not ranked, since none of its seeds is of the card's list.")
    if row.unranked_by and not row.model.reference:  # which has no rank anyway
        metric = METRICS.installed(row.unranked_by)
        said = f" ({metric.title.lower()})" if metric else ""
        notes.append(f"{name}: not ranked, because of its {row.unranked_by}{said}.")
    if row.ignores_the_seed:
        notes.append(f"{name}: deterministic, since every seed gave the same images; another seed changes nothing.")
    if row.same_images:
        others = ", ".join(labelled.of(replace(row, model=model)) for model in row.same_images)
        notes.append(f"{name}: the same images as {others}, so they are one row.")
    return notes


def _said(name: str, source: str | None, notes: Sequence[str]) -> list[str]:
    said = [*([f"from {source}"] if source else []), *filter(None, notes)]
    return [f"{name}: {'; '.join(said)}"] if said else []


def _by_source(rows: Sequence[Row]) -> dict[str | None, list[Row]]:
    groups: dict[str | None, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.source, []).append(row)
    return groups


def _notes_of_source(source: str | None, rows: Sequence[Row], labelled: Labels) -> list[str]:
    """What is said of a source's rows: of a lone one under its name; of several, what most say once, then the rest."""
    if len(rows) == 1:
        return _said(labelled.of(rows[0]), source, rows[0].notes)
    said = [[part for note in row.notes for part in note.split("; ")] for row in rows]
    spoken = [part for parts in said for part in parts]
    common = [part for part in dict.fromkeys(spoken) if spoken.count(part) > len(rows) / 2]
    lines = _said(f"{len(rows)} rows", source, common)
    for row, parts in zip(rows, said, strict=True):
        lines.extend(_said(labelled.of(row), None, ["; ".join(part for part in parts if part not in common)]))
    return lines


def _metric_note(leaderboard: Leaderboard, name: str) -> str:
    metric = next(metric for metric in leaderboard.metrics if metric.metric == name)
    network = f"{metric.extractor}, " if metric.extractor else ""
    method = metric.parameters.get("interval")
    interval = f", interval: {method}" if isinstance(method, str) else ""
    return f"{name} {ARROWS[metric.direction]}: {network}n = {metric.n}{interval}"


def _seed_notes(rows: Sequence[Row], labelled: Labels) -> list[str]:
    """Which seeds were run, rows with the same ones together; with several seeds, what is shown."""
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(seeds_in_words(row), []).append(labelled.of(row))
    if len(groups) == 1:
        listed = f"{next(iter(groups))} in every row"
    else:
        listed = "; ".join(f"{seeds}: {', '.join(names)}" for seeds, names in groups.items())
    several = any(len(row.seeds) > 1 for row in rows)
    shown = " A value over several seeds is their mean ± standard deviation; its interval covers both errors."
    return [f"Runs: {listed}.{shown if several else ''}"] if rows else []


def seeds_in_words(row: Row) -> str:
    """The seeds of a row's runs: "seed 0", "seeds 0, 1", "seed unknown", "seed 0 (not counted: 7)"."""
    known = [str(seed) for seed in row.seeds if seed is not None]
    words = f"{'seed' if len(known) == 1 else 'seeds'} {', '.join(known)}" if known else "seed unknown"
    others = ", ".join("unknown" if seed is None else str(seed) for seed in row.other_seeds)
    return f"{words} (not counted: {others})" if others else words
