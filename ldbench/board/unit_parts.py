"""What each unit adds to a folder's score, by its name, so that scores of several folders are compared unit by unit.

The real images are in all scores, so what each of them adds is taken off before the error of a difference is made of
it, and so is what generated images of the same name or subject add. What is known of one folder alone counts as
independent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
    kinds = dict.fromkeys(kind for parts in scores for kind in parts)
    names = [
        (kind, name) for kind in kinds for name in dict.fromkeys(one for parts in scores for one in parts.get(kind, ()))
    ]
    return [np.array([parts.get(kind, {}).get(name, 0.0) for kind, name in names]) for parts in scores]


def mean_parts(scores: Sequence[Parts]) -> Parts:
    """What each unit adds to the mean of several scores."""
    found = dict[str, dict[str, float]]()
    for parts in scores:
        for kind, values in parts.items():
            of_kind = found.setdefault(kind, {})
            for name, value in values.items():
                of_kind[name] = of_kind.get(name, 0.0) + value / len(scores)
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
