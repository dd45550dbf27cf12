"""Ranks and rank intervals of the rows that compete: who is better than whom, by tests and not by values.

No test separates rows that share a rank. Rows of different ranks need not be separated: one that is not worse than its
neighbours may be worse than the best. Reference rows, rows that saw the truth and published rows have no rank.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence, Set
from types import MappingProxyType
from typing import NamedTuple

from ldbench.api import Direction
from ldbench.board.entries import Entry, entries
from ldbench.board.paired_tests import Comparison, ScoredRun, Seed, compare
from ldbench.records.identity import Found
from ldbench.records.units import Units

NO_UNITS: Mapping[str, Units] = MappingProxyType({})


class RankInterval(NamedTuple):
    """A rank, 1 for the best, with the bounds of its 95 % interval, `1 <= low <= rank <= high`."""

    rank: int
    low: int
    high: int


def places(
    values: Mapping[str, float], direction: Direction, comparisons: Sequence[Comparison]
) -> dict[str, RankInterval]:
    """The place of each row among `values`, from all pairwise comparisons of them on one metric, none of which may call
    the row with the worse value better (`ldbench.board.paired_tests.compare` never does).

    The interval runs from one more than the number of rows that are better to the number of rows less those that
    are worse, "better" being what a test corrected for all pairs says: with 95 % it holds for all rows at once
    (Mogstad, Romano, Shaikh and Wilhelm 2024, Review of Economic Studies 91(1), from pairwise tests). The rank is its
    lower end, but worse than that of every better row, and never better than that of a row with a better value, so that
    a wide interval buys no place. Rows of one value share a rank, and nothing depends on the order of the input.
    """
    above: dict[str, set[str]] = {name: set() for name in values}
    below: dict[str, set[str]] = {name: set() for name in values}
    for one in comparisons:
        if one.better is not None:
            worse = one.second if one.better == one.first else one.first
            above[worse].add(one.better)
            below[one.better].add(worse)
    ranks = _ranks(values, direction, above)
    return {name: RankInterval(ranks[name], 1 + len(above[name]), len(values) - len(below[name])) for name in values}


def _ranks(values: Mapping[str, float], direction: Direction, above: Mapping[str, Set[str]]) -> dict[str, int]:
    """The ranks, best value first: each at least the last one's, and one more than those of the rows `above` it."""
    ranks: dict[str, int] = {}
    last = 1
    ordered = sorted(values, key=values.__getitem__, reverse=direction == "higher")
    for _, group in itertools.groupby(ordered, values.get):
        names = list(group)
        last = max(last, *(_after(above[name], ranks) for name in names))
        ranks |= dict.fromkeys(names, last)
    return ranks


def _after(better: Set[str], ranks: Mapping[str, int]) -> int:
    """The best rank after these rows: worse than each of theirs, and after as many places as there are rows."""
    return 1 + max(len(better), *(ranks[name] for name in better)) if better else 1


def comparisons(
    found: Sequence[Found], units: Mapping[str, Units] = NO_UNITS, as_fitted: bool = False,
    with_references: bool = False,
) -> dict[str, list[Comparison]]:
    """By metric, every pair of the rows of one task that compete, named by `ldbench.records.identity.row_key`, and
    `with_references` each of them against every reference row, too.

    `units` holds, by path, what `ldbench.records.units` reads beside a result: with them rows are compared by
    pairs of cases, without them by their intervals. `as_fitted` as `ldbench.board.paired_tests.compare` takes it.
    """
    every = entries(found)
    references = {
        row.key for row in every if with_references and row.result.origin == "measured" and row.result.model.orients
    }
    models = _models([row for row in every if row.competes or row.key in references], units)
    return {metric: compare(rows, _direction(rows), as_fitted, references) for metric, rows in models.items()}


def standings(
    rows: Sequence[Entry], compared: Mapping[str, Sequence[Comparison]]
) -> dict[str, dict[str, RankInterval]]:
    """By metric and row key, the places of the rows of one task that compete, from their `comparisons`."""
    return {
        metric: places({name: _mean(runs) for name, runs in models.items()}, _direction(models), compared[metric])
        for metric, models in _models([row for row in rows if row.competes], NO_UNITS).items()
    }


def _models(rows: Sequence[Entry], units: Mapping[str, Units]) -> dict[str, dict[str, dict[Seed, ScoredRun]]]:
    """Runs of the rows by metric, row and seed, in an order that does not depend on the paths."""
    models: dict[str, dict[str, dict[Seed, ScoredRun]]] = {}
    for row in rows:
        for path, result in row.runs:
            for score in result.scores:
                run = ScoredRun(score, units.get(path), result.images_hash)
                models.setdefault(score.metric, {}).setdefault(row.key, {})[result.seed] = run
    return models


def _direction(rows: Mapping[str, Mapping[Seed, ScoredRun]]) -> Direction:
    return next(run.score.direction for runs in rows.values() for run in runs.values())


def _mean(runs: Mapping[Seed, ScoredRun]) -> float:
    return math.fsum(run.score.value for run in runs.values()) / len(runs)
