"""Ranks and rank intervals: the definition on cases worked by hand, its promises on random ones."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldbench.api import Direction
from ldbench.board.paired_tests import Comparison
from ldbench.board.ranks import RankInterval, places

directions = st.sampled_from(["lower", "higher"])


def against(first: str, second: str, better: str | None) -> Comparison:
    return Comparison("fid", first, second, 0.0, 0.0, 0.0, 1.0, 1.0, 1, True, better)


def among(values: dict[str, float], direction: Direction, told: set[frozenset[str]]) -> dict[str, RankInterval]:
    """The places when exactly the pairs `told` are told apart, each in favour of the better value."""
    best = min if direction == "lower" else max
    pairs = [
        against(one, two, best(one, two, key=values.__getitem__) if frozenset((one, two)) in told else None)
        for one, two in combinations(values, 2)
    ]
    return places(values, direction, pairs)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([], {"a": (1, 1, 3), "b": (1, 1, 3), "c": (1, 1, 3)}),
        (["ab", "ac", "bc"], {"a": (1, 1, 1), "b": (2, 2, 2), "c": (3, 3, 3)}),
        (["ac"], {"a": (1, 1, 2), "b": (1, 1, 3), "c": (2, 2, 3)}),
        (["ac", "bc"], {"a": (1, 1, 2), "b": (1, 1, 2), "c": (3, 3, 3)}),
        (["ab"], {"a": (1, 1, 2), "b": (2, 2, 3), "c": (2, 1, 3)}),  # c is told from nobody, and still not before b
    ],
)
def test_cases_worked_by_hand(told: list[str], expected: dict[str, tuple[int, int, int]]) -> None:
    values = {"a": 1.0, "b": 2.0, "c": 3.0}
    assert among(values, "lower", {frozenset(pair) for pair in told}) == expected
    mirrored = {name: -value for name, value in values.items()}
    assert among(mirrored, "higher", {frozenset(pair) for pair in told}) == expected


@st.composite
def fields(draw: st.DrawFn) -> tuple[dict[str, float], set[frozenset[str]]]:
    values = draw(st.dictionaries(st.sampled_from("abcdefg"), st.floats(-5, 5), min_size=1))
    pairs = [frozenset(pair) for pair in combinations(values, 2) if values[pair[0]] != values[pair[1]]]
    return values, set(draw(st.lists(st.sampled_from(pairs), max_size=9)) if pairs else [])


@given(fields(), directions)
def test_the_promises(field: tuple[dict[str, float], set[frozenset[str]]], direction: Direction) -> None:
    values, told = field
    found = among(values, direction, told)
    sign = 1 if direction == "lower" else -1
    ordered = sorted(values, key=lambda name: sign * values[name])
    ranks = [found[name].rank for name in ordered]
    assert ranks == sorted(ranks)
    assert ranks[0] == 1
    for name in values:
        assert 1 <= found[name].low <= found[name].rank <= found[name].high <= len(values)
    for one, two in map(tuple, told):
        better, worse = (one, two) if sign * values[one] < sign * values[two] else (two, one)
        assert found[better].rank < found[worse].rank  # so no test separates rows that share a rank
    shuffled = dict(reversed(values.items()))
    assert among(shuffled, direction, told) == found
