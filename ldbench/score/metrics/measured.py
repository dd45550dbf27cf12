"""A score together with what each unit it was measured on adds to it, so that two scores can be compared by pairs.

The contributions `c_u` of a value sum to zero within each kind of unit, and the sum of their squares is the value's
variance over such units: (x_u - mean) / sqrt(n (n - 1)) for a mean of n cases, and the jackknife's or DeLong's part of
each sample elsewhere. Intervals are made of it, but for a share's (Wilson's) and for an area over several trainings,
whose own chance is no unit's: runs with other seeds show it. The variance of the difference of two values over the same
units is then the sum of (a_u - b_u)^2, whatever the metric. Refuses to be stored: a result holds the plain score
(`Measured.score`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

import numpy as np
import numpy.typing as npt

from ldbench.records.score import Score
from ldbench.score.metrics.intervals import Array


@dataclass(frozen=True)
class Measured(Score):
    """A `Score` with its contributions by kind of unit: "cases" (generated images), "scans" (real ones), "groups"
    (groups of both), each an array `(n,)` in the order of the images that were given."""

    contributions: Mapping[str, Array] = field(default_factory=dict, compare=False, repr=False)

    @property
    def score(self) -> Score:
        """The score alone, as a result stores it."""
        return Score(**{each.name: getattr(self, each.name) for each in fields(Score)})

    def among(self, kept_n: npt.NDArray[np.bool_]) -> Measured:
        """The same where only the `kept_n` of the cases were measured: the others add nothing."""
        spread_n = np.zeros(len(kept_n))
        spread_n[kept_n] = self.contributions["cases"]
        return replace(self, contributions={**self.contributions, "cases": spread_n})


def of_mean(values: Array) -> Array:
    """What each of `values (n,)` adds to their mean; a lone one says nothing of its error."""
    count = len(values)
    if count < 2:
        return np.zeros(count)
    return np.asarray((values - values.mean()) / (count * (count - 1)) ** 0.5, dtype=np.float64)


def of_deletions(replicates: Array) -> Array:
    """What each unit adds to a statistic whose values without it are `replicates (n,)`: the jackknife's reading."""
    count = len(replicates)
    return np.asarray((replicates.mean() - replicates) * ((count - 1) / count) ** 0.5, dtype=np.float64)
