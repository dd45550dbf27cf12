"""Items are made when they are asked for, and only those."""

from __future__ import annotations

import pytest

from ldbench.data.ids import Ids
from ldbench.data.on_demand import ById, OnDemand, picked


def test_only_what_is_asked_for_is_made() -> None:
    made: list[int] = []

    def make(number: int) -> str:
        made.append(number)
        return "x" * number

    items = OnDemand(make, (3, 1, 2))
    assert (len(items), items[0], items[-1], items[1:]) == (3, "xxx", "xx", ("x", "xx"))
    assert made == [3, 2, 1, 2]
    assert list(items) == ["xxx", "x", "xx"]
    with pytest.raises(IndexError):
        items[3]


def test_items_at_places_and_by_id() -> None:
    chosen = picked(["a", "b", "c"], (2, 0))
    assert list(chosen) == ["c", "a"]
    by_id = ById(Ids(["last", "first"]), chosen)
    assert (dict(by_id), len(by_id), "other" in by_id) == ({"last": "c", "first": "a"}, 2, False)
    with pytest.raises(KeyError):
        by_id["other"]
