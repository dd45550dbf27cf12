"""Whether readers agree with each other and with themselves.

Between readers: Krippendorff's alpha for nominal data (Krippendorff 2011, Computing Krippendorff's Alpha-Reliability),
which takes any number of readers and unanswered trials; 1 is full agreement, 0 what chance gives. Within a reader: the
share of repeated trials answered alike. Where alpha has no meaning there is none: with fewer than two readers on every
trial, or with the same answer everywhere.
"""

from __future__ import annotations

import numpy as np

from ldbench.studies.readers.estimates import Array, Estimate, bounds


def krippendorff_alpha(counts_tc: Array, random: np.random.Generator) -> Estimate | None:
    """Alpha of a table with the number of readers who gave each answer to each trial, `(T, C)`.

    The interval comes from resampled trials. `n` counts the answers to trials that two readers or more answered. None
    where alpha is undefined.
    """
    paired = counts_tc[counts_tc.sum(axis=1) >= 2]
    if len(paired) == 0:
        return None
    value = float(_alpha(paired, np.ones((1, len(paired))))[0])
    drawn = bounds(lambda _, trial_bt: _alpha(paired, trial_bt), 1, [len(paired)], random)
    return None if drawn is None or not np.isfinite(value) else Estimate(value, *drawn, int(paired.sum()))


def _alpha(counts_tc: Array, trial_bt: Array) -> Array:
    """1 - observed / expected disagreement, each trial counted as often as it was drawn, `(B,)`."""
    readers_t = counts_tc.sum(axis=1)
    # ordered pairs of readers who differ, over the number of partners that a reader has
    apart_t = (readers_t**2 - (counts_tc**2).sum(axis=1)) / (readers_t - 1)
    total_b = trial_bt @ readers_t
    each_bc = trial_bt @ counts_tc
    expected_b = (total_b**2 - (each_bc**2).sum(axis=1)) / (total_b - 1)
    observed_b = trial_bt @ apart_t
    ratio_b: Array = np.divide(observed_b, expected_b, out=np.full_like(observed_b, np.nan), where=expected_b > 0)
    return 1 - ratio_b
