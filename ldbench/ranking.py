"""Ranks and rank intervals: who is better than whom, by tests and not by values.

Refuses to turn noise into an order: rows that no test tells apart share a rank.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple

from ldbench.comparison import Comparison
from ldbench.records.score import Direction


class Place(NamedTuple):
    """A rank, 1 for the best, with the bounds of its 95 % interval, `1 <= low <= rank <= high`."""

    rank: int
    low: int
    high: int


def places(values: Mapping[str, float], direction: Direction, comparisons: Sequence[Comparison]) -> dict[str, Place]:
    """The place of each row among `values`, from all pairwise comparisons of them on one metric, none of which may call
    the row with the worse value better (`ldbench.comparison.compare` never does).

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
    return {name: Place(ranks[name], 1 + len(above[name]), len(values) - len(below[name])) for name in values}


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
    """The best rank behind these rows: behind each of them, and behind as many places as they are."""
    return 1 + max(len(better), *(ranks[name] for name in better)) if better else 1
