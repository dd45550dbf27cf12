"""What each unit adds to a value, for `ldbench.api.Measured`: of a mean, and of any statistic by its deletions.

Intervals are made of it, but for a share's (Wilson's) and for an area over several trainings, whose own chance is no
unit's: runs with other seeds show it.
"""

from __future__ import annotations

import numpy as np

from ldbench.score.metrics.intervals import Array


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
