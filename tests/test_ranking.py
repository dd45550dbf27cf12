"""Ranks by interval: the definition on cases worked by hand, its promises on random ones."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldbench.ranking import Interval, ranks

number = st.floats(-100, 100, allow_nan=False)
interval = st.tuples(number, number, number).map(
    lambda three: Interval(sorted(three)[1], min(three), max(three))
)
direction = st.sampled_from(["lower", "higher"])
Way = Literal["lower", "higher"]


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        ([(1, 0, 2), (5, 4, 6), (9, 8, 10)], [1, 2, 3]),
        ([(1, 0, 2), (2, 1, 3), (9, 8, 10)], [1, 1, 3]),
        ([(1, 0, 2), (3, 2, 4)], [1, 1]),  # touching intervals overlap
        ([(1, 0, 2), (2.5, 1.5, 3.5), (4, 3, 5)], [1, 1, 2]),  # a chain: the last is clear of the first alone
        ([(1, 0, 2), (4, 3, 5), (6, 1, 11)], [1, 2, 2]),  # width buys no place: the last reaches 1, yet ties
        ([(7, 6, 8)], [1]),
        ([], []),
    ],
)
def test_cases_worked_by_hand(intervals: list[tuple[float, float, float]], expected: list[int]) -> None:
    lower = [Interval(*numbers) for numbers in intervals]
    assert ranks(lower, "lower") == expected
    mirrored = [Interval(-one.value, -one.high, -one.low) for one in lower]
    assert ranks(mirrored, "higher") == expected


@settings(deadline=None)
@given(st.lists(interval, max_size=8), direction, st.randoms())
def test_a_rank_does_not_depend_on_the_order(intervals: list[Interval], way: Way, random: object) -> None:
    order = list(range(len(intervals)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = ranks([intervals[index] for index in order], way)
    assert shuffled == [ranks(intervals, way)[index] for index in order]


@settings(deadline=None)
@given(st.lists(interval, min_size=2, max_size=8), direction)
def test_a_clearly_better_row_ranks_strictly_better(intervals: list[Interval], way: Way) -> None:
    placed = ranks(intervals, way)
    for one, rank in zip(intervals, placed, strict=True):
        for other, other_rank in zip(intervals, placed, strict=True):
            if (one.high < other.low) if way == "lower" else (one.low > other.high):
                assert rank < other_rank


@settings(deadline=None)
@given(st.lists(interval, min_size=1, max_size=8), direction)
def test_ranks_follow_the_values_and_the_best_value_has_rank_one(intervals: list[Interval], way: Way) -> None:
    sign = 1 if way == "lower" else -1
    pairs = zip(intervals, ranks(intervals, way), strict=True)
    placed = [rank for _, rank in sorted(pairs, key=lambda pair: sign * pair[0].value)]
    assert placed == sorted(placed)
    assert placed[0] == 1


@settings(deadline=None)
@given(st.lists(interval, min_size=2, max_size=8), direction)
def test_all_of_rank_one_overlap_the_best(intervals: list[Interval], way: Way) -> None:
    placed = ranks(intervals, way)
    winners = [one for one, rank in zip(intervals, placed, strict=True) if rank == 1]
    sign = 1 if way == "lower" else -1
    best = min(intervals, key=lambda one: sign * one.value)
    assert all(one.low <= best.high and best.low <= one.high for one in winners)


def test_a_value_outside_its_bias_corrected_interval_still_loses_to_a_clearly_better_row() -> None:
    assert ranks([Interval(5, 1, 2), Interval(4, 3, 6)], "lower") == [1, 2]
