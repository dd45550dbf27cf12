"""The curve of a search for a parameter's value, as a page draws it beside the model it was made for.

A search on another card is not shown. One with other settings of the model is shown, and the page says which differ.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ldbench.board.leaderboard import BoardRow, Leaderboard
from ldbench.errors import ResultError
from ldbench.records.from_table import TypedError, build
from ldbench.records.names import one_line
from ldbench.records.result import ModelRef
from ldbench.report.html.axis import Axis, short, spanning

NAME = "search.json"
WIDTH, HEIGHT = 420.0, 150.0
_KEPT = ("task", "model", "parameter", "distance", "images", "seed", "curve", "best", "training_distance", "compared")


@dataclass(frozen=True)
class Tried:
    """One value that was tried."""

    text: str
    value: float | str | None
    distance: float
    low: float
    high: float
    share: float


@dataclass(frozen=True)
class Best:
    """The value with the smallest distance, and where resamples put it."""

    set: str
    value: float | str | None
    low: float | None
    high: float | None
    at_edge: bool


@dataclass(frozen=True)
class SearchedTask:
    """The card that was searched on."""

    id: str
    version: int
    card_hash: str


@dataclass(frozen=True)
class Search:
    """What a page needs of a search.json."""

    task: SearchedTask
    model: ModelRef
    parameter: str
    distance: str
    images: int
    seed: int
    curve: tuple[Tried, ...]
    best: Best
    compared: str
    training_distance: float | None = None


@dataclass(frozen=True)
class Mark:
    """One value's dot and interval, in user units from the top left, with its tick's text."""

    x: float
    y: float
    low: float
    high: float
    text: str
    best: bool


@dataclass(frozen=True)
class CurveView:
    """A search in words and user units: `line` joins the dots, `band` and `training` are None where there is none."""

    title: str
    marks: tuple[Mark, ...]
    line: str
    band: tuple[float, float] | None
    training: float | None
    top: str
    words: tuple[str, ...]
    table: tuple[Tried, ...]


def find(paths: Iterable[Path]) -> list[Search]:
    """Every search below the given folders, by path; `ResultError` for a file that is none."""
    files = sorted({file.resolve() for path in paths if path.is_dir() for file in path.rglob(NAME)})
    return [read(file) for file in files]


def read(path: Path) -> Search:
    """A search.json of `ldbench search`; `ResultError` for anything else."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        kept = {name: record[name] for name in _KEPT if name in record}
        model, task = record["model"], record["task"]
        kept["model"] = {name: model[name] for name in ("name", "distribution", "version", "parameters")}
        kept["task"] = {name: task[name] for name in ("id", "version", "card_hash")}
        found: Search = build(Search, kept)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, TypedError) as error:
        raise ResultError(f"{path}: expected a record of `ldbench search`, got {error!r:.80}; remove it") from error
    if not found.curve:
        raise ResultError(f"{path}: expected the values that were tried, got none; remove it")
    return found


def curves(searches: Sequence[Search], leaderboard: Leaderboard, row: BoardRow) -> list[CurveView]:
    """The searches made on the leaderboard's card for a row's model, drawn."""
    task = leaderboard.task
    return [
        _view(found, row) for found in searches
        if (found.task.id, found.task.version, found.task.card_hash) == (task.id, task.version, task.card_hash)
        and (found.model.name, found.model.distribution) == (row.model.name, row.model.distribution)
    ]


def _view(found: Search, row: BoardRow) -> CurveView:
    numbers = [point.value for point in found.curve if isinstance(point.value, float)]
    ordered = len(numbers) == len(found.curve)
    across = spanning(numbers if ordered else map(float, range(len(found.curve))), WIDTH) or Axis(0, 1, WIDTH)
    places = numbers if ordered else [float(index) for index in range(len(found.curve))]
    top = max([point.high for point in found.curve] + [found.training_distance or 0.0])
    up = Axis(0, top or 1.0, HEIGHT)
    marks = tuple(
        Mark(
            across.at(place), _flip(up, point.distance), _flip(up, point.low), _flip(up, point.high), point.text,
            point.value == found.best.value,
        )
        for place, point in zip(places, found.curve, strict=True)
    )
    line = "M" + "L".join(f"{mark.x:g} {mark.y:g}" for mark in marks) if ordered else ""
    training = None if found.training_distance is None else _flip(up, found.training_distance)
    low, high = found.best.low, found.best.high
    band = None if low is None or high is None or low >= high else (across.at(low), across.at(high))
    title = f"Search of {found.parameter}: best at {found.best.set} ({found.distance}, seed {found.seed})"
    return CurveView(
        one_line(title), marks, line, band, training, short(top), tuple(_words(found, row)), found.curve
    )


def _flip(axis: Axis, number: float) -> float:
    """From the top, as SVG counts."""
    return round(axis.width - axis.at(number), 1)


def _words(found: Search, row: BoardRow) -> list[str]:
    low, high = found.best.low, found.best.high
    words = [f"{found.images} images a value. Compared: {found.compared}."]
    if low is not None and high is not None:
        words.append(f"In 95 % of resamples the smallest lies from {low:g} to {high:g}.")
    if found.best.at_edge:
        words.append("The smallest lies at the edge of what was tried: a better value may lie beyond.")
    if found.training_distance is not None:
        words.append(f"Real training images of the same prompts: {short(found.training_distance)} (dashed).")
    own, its = row.model.parameters, found.model.parameters
    differ = sorted(key for key in {*own, *its} - {found.parameter} if own.get(key) != its.get(key))
    if differ or found.model.version != row.model.version:
        shown = [f"{key}={json.dumps(its.get(key))}" for key in differ]
        words.append(f"Searched with other settings than these runs: {', '.join(shown) or 'another version'}.")
    return [one_line(word) for word in words]
