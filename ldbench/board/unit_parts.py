"""What each unit adds to a folder's score, by its name, so that scores of several folders are compared unit by unit.

The real images are in all scores, so what each of them adds is taken off before the error of a difference is made of
it, and so is what generated images of the same name or subject add. What is known of one folder alone counts as
independent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, repeat

import numpy as np

from ldbench.api import Measured
from ldbench.records.units import SCANS
from ldbench.score.metrics.intervals import Array, numbered, of_subjects

Parts = Mapping[str, Mapping[str, float]]  # what each unit adds, by kind and name


def by_unit(score: Measured, units: Mapping[str, Sequence[str]]) -> Parts:
    """What each unit adds to a score, by its kind and name; images of one subject are one."""
    found = dict[str, Mapping[str, float]]()
    for kind, values in score.contributions.items():
        names = units.get(kind) or [str(place) for place in range(len(values))]  # groups have no names
        if len(names) == len(values):
            measured = None if kind == SCANS else score.n
            folded = of_subjects(np.asarray(values), numbered(names), score.metric, measured)
            found[kind] = dict(zip(dict.fromkeys(names), folded.tolist(), strict=True))
    return found


def aligned(scores: Sequence[Parts]) -> list[Array]:
    """What each unit adds to each score `(units,)`; to a score that it is not in it adds nothing."""
    by_kind = [columns for _, columns in _by_kind(scores).values()]
    return [np.concatenate([columns[place] for columns in by_kind]) for place in range(len(scores))]


def mean_parts(scores: Sequence[Parts]) -> Parts:
    """What each unit adds to the mean of several scores."""
    return {
        kind: dict(zip(names, np.mean(columns, axis=0).tolist(), strict=True))
        for kind, (names, columns) in _by_kind(scores).items()
    }


def _by_kind(scores: Sequence[Parts]) -> dict[str, tuple[list[str], list[Array]]]:
    """The units of any of the scores and, score by score, what they add to it."""
    found = dict[str, tuple[list[str], list[Array]]]()
    for kind in dict.fromkeys(chain.from_iterable(scores)):
        of_kind = [parts.get(kind, {}) for parts in scores]
        names = list(dict.fromkeys(chain.from_iterable(of_kind)))
        columns = [np.array(list(map(each.get, names, repeat(0.0))), np.float64) for each in of_kind]
        found[kind] = names, columns
    return found


def variance(parts: tuple[Parts, Parts]) -> float:
    """That of the difference of two scores."""
    one_u, other_u = aligned(parts)
    return float(((one_u - other_u) ** 2).sum())


def degrees(scores: Sequence[Measured], parts: Sequence[Parts]) -> float:
    """The degrees of freedom of what scores have in common: those of the one with the fewest, at least 1."""
    of_each = (
        min(map(len, each.values())) - 1 if score.degrees is None else score.degrees
        for score, each in zip(scores, parts, strict=True)
    )
    return max(min(of_each), 1)
