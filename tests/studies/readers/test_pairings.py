"""Pairs of runs: all of them, balanced after any number of trials, over classes too."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable

import pytest

from ldbench.studies.readers.pairings import pairings

CLASSES = ("healthy", "ill")


def spread(counts: Counter[int], runs: int) -> int:
    each = [counts[run] for run in range(runs)]
    return max(each) - min(each)


def runs_of(pairs: Iterable[tuple[int, int]]) -> Counter[int]:
    return Counter(run for pair in pairs for run in pair)


@pytest.mark.parametrize("runs", range(2, 13))
def test_runs_come_equally_often_after_any_number_of_trials(runs: int) -> None:
    every = list(itertools.combinations(range(runs), 2))
    dealt = [pair for pair, _ in pairings(2 * len(every), runs, CLASSES)]
    assert sorted(dealt) == sorted(2 * every)
    assert len(set(dealt[: len(every)])) == len(every)  # all have met before any meets again
    for trials in range(1, len(dealt) + 1):
        prefix = [pair for pair, _ in pairings(trials, runs, CLASSES)]
        assert len(prefix) == trials
        assert spread(runs_of(prefix), runs) <= 1
        assert max(Counter(prefix).values()) - (min(Counter(prefix).values()) if trials >= len(every) else 0) <= 1


@pytest.mark.parametrize("runs", range(2, 13))
def test_classes_come_equally_often_and_each_run_has_them_all(runs: int) -> None:
    for trials in (20, runs * (runs - 1) // 2, runs * (runs - 1)):
        dealt = pairings(trials, runs, CLASSES)
        labels = Counter(label for _, label in dealt)
        assert abs(labels[CLASSES[0]] - labels[CLASSES[1]]) <= 1
        ill, healthy = (runs_of(pair for pair, label in dealt if label == name) for name in CLASSES)
        assert all(abs(ill[run] - healthy[run]) <= 4 for run in range(runs))


def test_a_pair_that_meets_again_meets_over_another_class() -> None:
    assert pairings(6, 3, CLASSES) == [
        ((0, 1), "healthy"), ((0, 2), "ill"), ((1, 2), "healthy"),
        ((0, 1), "ill"), ((0, 2), "healthy"), ((1, 2), "ill"),
    ]
