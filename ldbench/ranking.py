"""Ranks by interval: who is clearly better than whom.

Refuses to turn noise into an order: two rows whose intervals overlap are not told apart by that alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ldbench.metrics.score import Direction


class Interval(NamedTuple):
    """A value with the two ends of its interval, `low <= high`."""

    value: float
    low: float
    high: float


def ranks(intervals: Sequence[Interval], direction: Direction) -> list[int]:
    """The rank of each interval, 1 for the best, in the order given.

    A row is *clearly better* than another when its whole interval lies on the better side of the other's
    (touching intervals overlap). The rank of a row is one more than the number of rows clearly better than
    it, but never better than the rank of a row with a better value, so that a wide interval buys no place. It
    follows that rows tie when the interval of the worse reaches the best, that a clearly better row always
    ranks strictly better, and that a rank never depends on the order of the input.
    """
    oriented = [_lower_is_better(interval) if direction == "higher" else interval for interval in intervals]
    raw = [1 + sum(other.high < interval.low for other in oriented) for interval in oriented]
    places = [_place(interval) for interval in oriented]
    return [
        max(rank for rank, other in zip(raw, places, strict=True) if other <= place) for place in places
    ]


def _lower_is_better(interval: Interval) -> Interval:
    return Interval(-interval.value, -interval.high, -interval.low)


def _place(interval: Interval) -> float:
    """The value, held within its interval: a bias-corrected interval may leave the value outside."""
    return min(max(interval.value, interval.low), interval.high)
