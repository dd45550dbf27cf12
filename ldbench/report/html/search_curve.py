"""The curve of a search for a parameter's value, as a page draws it beside the model it was made for.

A search on another card is not shown. One with other settings of the model is shown, and the page says which differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ldbench.board.leaderboard import BoardRow, Leaderboard
from ldbench.records.names import one_line, readable_json
from ldbench.records.search import Search, Tried
from ldbench.report.html.axis import Axis, short, spanning

WIDTH, HEIGHT = 420.0, 150.0


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
    """A search in words and user units: `line` joins the dots, `band` and `real` are None where there is none."""

    title: str
    marks: tuple[Mark, ...]
    line: str
    band: tuple[float, float] | None
    real: float | None
    top: str
    words: tuple[str, ...]
    table: tuple[Tried, ...]


def curves(searches: Sequence[Search], leaderboard: Leaderboard, row: BoardRow) -> list[CurveView]:
    """The searches made on the leaderboard's card for a row's model, drawn."""
    task = leaderboard.task
    return [
        _view(found, row) for found in searches
        if (found.task.id, found.task.version, found.task.card_hash) == (task.id, task.version, task.card_hash)
        and (found.model.name, found.model.distribution) == (row.model.name, row.model.distribution)
    ]


def _view(found: Search, row: BoardRow) -> CurveView:
    values = [point.value for point in found.curve]
    numbers = [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    ordered = len(numbers) == len(found.curve)
    across = spanning(numbers if ordered else map(float, range(len(found.curve))), WIDTH) or Axis(0, 1, WIDTH)
    places = numbers if ordered else [float(index) for index in range(len(found.curve))]
    top = max([point.high for point in found.curve] + [found.real_distance or 0.0])
    up = Axis(0, top or 1.0, HEIGHT)
    marks = tuple(
        Mark(
            across.at(place), _flip(up, point.distance), _flip(up, point.low), _flip(up, point.high), point.text,
            point.value == found.best.value,
        )
        for place, point in zip(places, found.curve, strict=True)
    )
    line = "M" + "L".join(f"{mark.x:g} {mark.y:g}" for mark in marks) if ordered else ""
    real = None if found.real_distance is None else _flip(up, found.real_distance)
    low, high = found.best.low, found.best.high
    band = None if low is None or high is None or low >= high else (across.at(low), across.at(high))
    title = f"Search of {found.parameter}: best at {found.best.set} ({found.distance}, seed {found.seed})"
    return CurveView(
        one_line(title), marks, line, band, real, short(top), tuple(_words(found, row)), found.curve
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
    if found.real_distance is not None:
        words.append(f"Expected of as many new real images: {short(found.real_distance)} (dashed).")
    own, its = row.model.parameters, found.model.parameters
    differ = sorted(key for key in {*own, *its} - {found.parameter} if own.get(key) != its.get(key))
    if differ or found.model.version != row.model.version:
        shown = [f"{key}={readable_json(its.get(key))}" for key in differ]
        words.append(f"Searched with other settings than these runs: {', '.join(shown) or 'another version'}.")
    return [one_line(word) for word in words]
