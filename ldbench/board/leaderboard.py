"""Results of one task, folded over seeds and ranked per metric: one leaderboard.

A pure fold: the same results give the same bytes, in whatever order and from whatever folder they come. A reported
row may name its task by id alone (an empty card hash, `ldbench.board.published`): it joins the board of that id,
decides nothing of it, and stands there as it was printed.
What was not measured alike is never compared (`ldbench.board.compatible`). Reference rows, rows that saw the truth, and
rows reported elsewhere do not compete and have no rank.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from ldbench.api import Direction, ParameterValue, Score
from ldbench.board.compatible import distinct
from ldbench.board.entries import Entry, entries, is_ranked
from ldbench.board.fresh_gaps import NO_ROUNDS, FreshGap, fold_gaps
from ldbench.board.notes_on_seeds import mixed
from ldbench.board.paired_tests import Comparison
from ldbench.board.ranks import RankInterval, standings
from ldbench.board.seed_allowance import allowance
from ldbench.board.seeds import pool
from ldbench.plugins.kinds import metric_bounds
from ldbench.records.files import json_text, read_record, write_text_atomic
from ldbench.records.fresh import FreshRounds
from ldbench.records.identity import Found, method, names_a_card, real_images
from ldbench.records.result import ModelRef, Result, TaskRef
from ldbench.score.metrics.intervals import Interval

SCHEMA_VERSION = 3  # 2: without seed_allowance, other_seeds, on_card, same_images, ignores_the_seed, unranked_by, fresh
_OLDEST = 2


@dataclass(frozen=True)
class BoardMetric:
    """How one metric was measured, the same for every measured row; `n` counts generated images.

    `parameters` are those of the method; seeds and observations of single runs stay in the results. `seed_allowance` is
    the standard deviation between seeds, in standard errors of a score, that comparisons allow a row of one seed.
    """

    metric: str
    direction: Direction
    extractor: str | None
    n: int
    parameters: dict[str, ParameterValue]
    seed_allowance: float | None = None


@dataclass(frozen=True)
class FoldedScore:
    """One metric of one row: the mean over runs and its 95 % interval (`ldbench.board.seeds`).

    `spread` is the standard deviation over runs, None for one run; `rank` and its 95 % interval from `rank_low` to
    `rank_high` (`ldbench.board.ranks`) are None where there is none.
    """

    metric: str
    value: float
    ci_low: float
    ci_high: float
    spread: float | None
    runs: int
    n: int
    direction: Direction
    extractor: str | None
    rank: int | None = None
    rank_low: int | None = None
    rank_high: int | None = None


@dataclass(frozen=True)
class BoardRow:
    """One generator with one set of parameters; `seeds` are those of the complete runs that are folded.

    These have seeds of the card's list; `other_seeds` were run, too, and are not folded. Where no seed is of the list,
    all are folded, `on_card` is false, and the row has no rank. `same_images` are models with the same images, which
    have no row of their own. `ignores_the_seed`: several seeds gave the same images. `unranked_by` is the metric that
    says that the row must have no rank, such as one that found copies of training images; "" where none does. `fresh`
    says what test sets that nobody had seen change.
    """

    model: ModelRef
    origin: Literal["measured", "reported"]
    source: str | None
    seeds: tuple[int | None, ...]
    notes: tuple[str, ...]
    scores: tuple[FoldedScore, ...]
    other_seeds: tuple[int | None, ...] = ()
    on_card: bool = True
    same_images: tuple[ModelRef, ...] = ()
    ignores_the_seed: bool = False
    unranked_by: str = ""
    fresh: tuple[FreshGap, ...] = ()

    @property
    def competes(self) -> bool:
        """Whether the row is ranked."""
        return is_ranked(self.model, self.origin, self.on_card, self.unranked_by)

    def score(self, metric: str) -> FoldedScore | None:
        """The row's score on `metric`, or None where it has none."""
        return next((score for score in self.scores if score.metric == metric), None)


@dataclass(frozen=True)
class FailedRun:
    """A run that ended in an error."""

    model: ModelRef
    seed: int | None
    error: str | None


@dataclass(frozen=True)
class Leaderboard:
    """All rows of one task; `metrics` in the card's order, `rows` best first on the first of them.

    Rows that compete come first, then references and rows that saw the truth, then reported ones.
    """

    task: TaskRef
    split_hash: str | None
    metrics: tuple[BoardMetric, ...]
    rows: tuple[BoardRow, ...]
    failed: tuple[FailedRun, ...] = field(default_factory=tuple)
    schema_version: int = SCHEMA_VERSION


def by_task(results: Iterable[Found]) -> dict[str, list[Found]]:
    """The results of each task id, sorted by id, copies dropped. Raises `ResultError`, naming both files, where two
    results of a task can't share a table."""
    groups: dict[str, list[Found]] = {}
    for path, result in results:
        groups.setdefault(result.task.id, []).append((path, result))
    return {task: distinct(groups[task]) for task in sorted(groups)}


def dumps(leaderboard: Leaderboard) -> str:
    """The file's text: sorted keys, two-space indent, NaN refused, newline at the end."""
    record = {key: value for key, value in asdict(leaderboard).items() if key in Leaderboard.__dataclass_fields__}
    known = BoardRow.__dataclass_fields__
    rows = [{key: value for key, value in row.items() if key in known} for row in record["rows"]]
    return json_text(record | {"rows": rows}, 2)


def write(leaderboard: Leaderboard, path: Path) -> None:
    """Write the leaderboard in one step, as results are written."""
    write_text_atomic(path, dumps(leaderboard))


def read(path: Path) -> Leaderboard:
    """Read a leaderboard file of this or an older schema; anything else is a `ResultError` naming file and field."""
    remedy = "the file may be old or truncated: rebuild it from its results with `ldbench leaderboard build`"
    return read_record(Leaderboard, path, "a leaderboard file", SCHEMA_VERSION, remedy, oldest=_OLDEST)


def fold_task(
    found: Sequence[Found], compared: Mapping[str, Sequence[Comparison]],
    fresh: Mapping[str, FreshRounds] = NO_ROUNDS,
) -> Leaderboard:  # fmt: skip
    """The leaderboard of one task's results from `by_task` and their `ldbench.board.ranks.comparisons`.

    `fresh` holds, by path, what `ldbench.records.fresh` reads beside a result.
    """
    results = [result for _, result in found]
    complete = [result for result in results if result.status == "complete"]
    measured = [result for result in complete if result.origin == "measured"]
    order = _metric_order(complete)
    listed = entries(found)
    standing = standings(listed, compared)
    rows = [
        _fold_row(
            entry, order, {name: places[entry.key] for name, places in standing.items() if entry.key in places}, fresh
        )
        for entry in listed
    ]
    failed = [FailedRun(item.model, item.seed, item.error) for item in results if item.status == "failed"]
    return Leaderboard(
        task=min(results, key=_card_order).task,
        split_hash=measured[0].split_hash if measured else None,
        metrics=_metrics(measured, order),
        rows=tuple(sorted(rows, key=lambda row: _row_order(row, order))),
        failed=tuple(sorted(failed, key=_failure_order)),
    )


def _metric_order(results: Sequence[Result]) -> list[str]:
    """The metrics as the fullest measured result lists them (the card's order), then what only others have."""
    listed = {(result.origin, tuple(score.metric for score in result.scores)) for result in results}
    names = (name for _, one in sorted(listed, key=lambda one: (one[0], -len(one[1]), one[1])) for name in one)
    return list(dict.fromkeys(names))


def _metrics(measured: Sequence[Result], order: Sequence[str]) -> tuple[BoardMetric, ...]:
    first = {score.metric: score for result in measured for score in result.scores}
    return tuple(_metric(first[name]) for name in order if name in first)


def _metric(score: Score) -> BoardMetric:
    most = round(allowance(score.metric, score.n, real_images(score.parameters)).most, 2)
    return BoardMetric(score.metric, score.direction, score.extractor, score.n, method(score), most)


def _fold_row(
    entry: Entry, order: Sequence[str], places: Mapping[str, RankInterval], fresh: Mapping[str, FreshRounds]
) -> BoardRow:
    runs = [result for _, result in entry.runs]
    scores: dict[str, list[Score]] = {}
    for run in runs:
        for score in run.scores:
            scores.setdefault(score.metric, []).append(score)
    return BoardRow(
        model=runs[0].model,
        origin=runs[0].origin,
        source=runs[0].source,
        seeds=_seeds(runs),
        notes=tuple(sorted({run.note for run in runs if run.note} | mixed(runs) | set(filter(None, [entry.repeats])))),
        scores=tuple(_fold_score(scores[name], places.get(name)) for name in order if name in scores),
        other_seeds=_seeds([result for _, result in entry.others]),
        on_card=entry.on_card,
        same_images=entry.same_images,
        ignores_the_seed=entry.ignores_the_seed,
        unranked_by=entry.unranked_by,
        fresh=fold_gaps([fresh[path] for path, _ in entry.runs if path in fresh], order),
    )


def _seeds(runs: Sequence[Result]) -> tuple[int | None, ...]:
    return tuple(sorted((run.seed for run in runs), key=_none_last))


def _fold_score(scores: Sequence[Score], place: RankInterval | None) -> FoldedScore:
    one = scores[0]
    interval, spread = pool([_interval(score) for score in scores], metric_bounds(one.metric))
    return FoldedScore(
        metric=one.metric, value=interval.value, ci_low=interval.low, ci_high=interval.high, spread=spread,
        runs=len(scores), n=one.n, direction=one.direction, extractor=one.extractor,
        **({} if place is None else {"rank": place.rank, "rank_low": place.low, "rank_high": place.high}),
    )


def _interval(score: Score) -> Interval:
    """As floats: a whole number given as an int must not change the file's bytes."""
    return Interval(float(score.value), float(score.ci_low), float(score.ci_high))


def _row_order(row: BoardRow, order: Sequence[str]) -> tuple[Any, ...]:
    """Blocks, then rank and value on each metric in turn (reported rows: as printed), then the model's own text."""
    block = 0 if row.competes else 2 if row.origin == "reported" else 1
    place = row.model.parameters.get("row") if row.origin == "reported" else None
    if isinstance(place, int):
        return (block, 0, row.source or "", place, row.model.name)
    keys: list[tuple[Any, ...]] = []
    for name in order:
        score = row.score(name)
        sign = -1.0 if score is not None and score.direction == "higher" else 1.0
        keys.append((1, 0, 0.0) if score is None else (0, score.rank or 0, sign * score.value))
    return (block, 1, *keys, row.model.name, json.dumps([asdict(row.model), row.source], sort_keys=True))


def _card_order(result: Result) -> tuple[bool, str, int, str]:
    """Results that name a card first; all of these name the same one."""
    task = result.task
    return (not names_a_card(result), task.kind, task.version, task.card_hash)


def _failure_order(failure: FailedRun) -> tuple[Any, ...]:
    model = json.dumps(asdict(failure.model), sort_keys=True)
    return (failure.model.name, model, _none_last(failure.seed), failure.error or "")


def _none_last(seed: int | None) -> tuple[bool, int]:
    return (seed is None, seed or 0)
