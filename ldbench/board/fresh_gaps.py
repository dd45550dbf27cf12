"""How the scores of a row change on a test set that nobody had seen: the gaps of its runs, folded.

Nothing is ranked by them: a gap is a sign that a row was tuned to the public test set, and says nothing of how good it
is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ldbench.board.seeds import pool
from ldbench.records.fresh import FreshRounds, Gap
from ldbench.score.metrics.intervals import Interval

NO_ROUNDS: Mapping[str, FreshRounds] = MappingProxyType({})


@dataclass(frozen=True)
class FreshGap:
    """One metric on the fresh set of `data_seed`, less the public one: mean over `runs`, and its 95 % interval.

    `tuned`: how many of the runs are worse on the fresh set, over all of their metrics together.
    """

    metric: str
    data_seed: int
    gap: float
    ci_low: float
    ci_high: float
    runs: int
    tuned: int


def fold_gaps(rounds: Sequence[FreshRounds], order: Sequence[str]) -> tuple[FreshGap, ...]:
    """The gaps of one row's runs by fresh set and, within a set, by metric in the order given."""
    gaps: dict[tuple[int, str], list[Gap]] = {}
    for one in (one for of_run in rounds for one in of_run.rounds):
        for gap in one.gaps:
            gaps.setdefault((one.data_seed, gap.metric), []).append(gap)
    places = {name: place for place, name in enumerate(order)}
    return tuple(
        _folded(seed, gaps[seed, name])
        for seed, name in sorted(gaps, key=lambda key: (key[0], places.get(key[1], len(places)), key[1]))
    )


def _folded(data_seed: int, gaps: Sequence[Gap]) -> FreshGap:
    mean = pool([Interval(gap.gap, gap.ci_low, gap.ci_high) for gap in gaps]).interval
    tuned = sum(gap.tuned for gap in gaps)
    return FreshGap(gaps[0].metric, data_seed, mean.value, mean.low, mean.high, len(gaps), tuned)
