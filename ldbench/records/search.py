"""The record of a search for a parameter's value, `search.json`: what a page needs of it.

The file says more, of the machine for one: what is not known here is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ldbench.api import ParameterValue
from ldbench.errors import ResultError
from ldbench.records.files import read_json
from ldbench.records.from_table import TypedError, build
from ldbench.records.result import ModelRef
from ldbench.records.walk import walk

NAME = "search.json"


@dataclass(frozen=True)
class Tried:
    """One value: its distance with a 95 % interval, and the share of resamples in which it was the smallest."""

    text: str
    value: ParameterValue
    distance: float
    low: float
    high: float
    share: float


@dataclass(frozen=True)
class Best:
    """The value with the smallest distance, and where resamples put it."""

    set: str
    value: ParameterValue
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
    """The curve of a search, its best value, what was asked for, and the distance that is expected of as many new
    real images. Older records have the distance of training images in place of that, which is no such bound."""

    task: SearchedTask
    model: ModelRef
    parameter: str
    distance: str
    images: int
    seed: int
    curve: tuple[Tried, ...]
    best: Best
    compared: str
    real_distance: float | None = None


def find(paths: Iterable[Path]) -> list[Search]:
    """Every search below the given folders, by path; `ResultError` for a file that is none."""
    places = (place for path in paths for place, _, names in walk(path, hidden=True) if NAME in names)
    files = sorted({(place / NAME).resolve() for place in places})
    return [read(file) for file in files]


def read(path: Path) -> Search:
    """A search.json of `ldbench search`; `ResultError` for anything else."""
    try:
        record = read_json(path, "a record of `ldbench search`", "remove it")
        model, task = _known(ModelRef, record["model"]), _known(SearchedTask, record["task"])
        found: Search = build(Search, {**_known(Search, record), "model": model, "task": task})
    except (OSError, ValueError, KeyError, TypeError, TypedError) as error:
        raise ResultError(f"{path}: expected a record of `ldbench search`, got {error!r:.80}; remove it") from error
    if not found.curve:
        raise ResultError(f"{path}: expected the values that were tried, got none; remove it")
    return found


def _known(cls: type[Any], table: dict[str, object]) -> dict[str, object]:
    return {item.name: table[item.name] for item in fields(cls) if item.name in table}
