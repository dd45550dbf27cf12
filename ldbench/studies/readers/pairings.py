"""Which two runs meet in each preference trial, and over which class.

Pairs come in rounds in which no run plays twice, so that after any number of trials every run has had as many as every
other, to within one. For an even number of runs these are the rounds of the circle method. An odd number of runs fills
no round: there they are every second edge of Walecki's cycles through all runs (Alspach 2008, Bulletin of the ICA 52),
twice around each. Classes take turns, and within a round each pair gets the class that it, and then its runs, had less
often.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

Pair = tuple[int, int]


def pairings(count: int, runs: int, classes: Sequence[str]) -> list[tuple[Pair, str]]:
    """`count` pairs of runs, the lower one first, each with a class; no pair twice before all have met."""
    size = runs * (runs - 1) // 2
    # shifted by one each time that all have met
    labels = [classes[(index // size + index % size) % len(classes)] for index in range(count)]
    had: Counter[tuple[int | Pair, str]] = Counter()
    dealt: list[tuple[Pair, str]] = []
    while len(dealt) < count:
        for round_ in _rounds(runs):
            asked = labels[len(dealt) : len(dealt) + len(round_)]
            costs = [
                [runs * had[pair, label] + sum(had[run, label] for run in pair) for pair in round_] for label in asked
            ]
            places = linear_sum_assignment(np.array(costs).reshape(len(asked), len(round_)))[1]
            for label, place in zip(asked, places, strict=True):
                pair = round_[place]
                had.update((each, label) for each in (pair, *pair))
                dealt.append((pair, label))
    return dealt


def _rounds(runs: int) -> Iterator[list[Pair]]:
    """Every pair of runs once."""
    if runs % 2:
        for turn in range(runs // 2):
            zigzag = [1 + (turn + (-1) ** step * ((step + 1) // 2)) % (runs - 1) for step in range(runs - 1)]
            cycle = [_pair(one, other) for one, other in zip([0, *zigzag], [*zigzag, 0], strict=True)]
            yield cycle[:-1:2]
            yield cycle[-1:]  # the run that the round left out, and one that now leads by a trial
            yield cycle[1::2]
    else:
        for turn in range(runs - 1):
            yield [_pair(turn, runs - 1)] + [
                _pair((turn + step) % (runs - 1), (turn - step) % (runs - 1)) for step in range(1, runs // 2)
            ]


def _pair(one: int, other: int) -> Pair:
    return min(one, other), max(one, other)
