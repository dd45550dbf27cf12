"""Whether readers agree with each other.

Krippendorff's alpha for nominal data (Krippendorff 2011, Computing Krippendorff's Alpha-Reliability) takes any number
of readers and unanswered trials; 1 is full agreement, 0 what chance gives. Alpha has no meaning with the same answer
everywhere, and no interval that can be trusted with fewer than ten trials that two readers answered: there it is None.

The interval comes from resampled trials. Where readers hardly differ most resamples are alike, so it is never narrower
than what Wilson's interval of the observed disagreement gives.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ldbench.score.metrics.intervals import LEVEL, wilson_interval
from ldbench.studies.readers.estimates import Array, Estimate

FEWEST, RESAMPLES = 10, 2000


def krippendorff_alpha(counts_tc: Array, random: np.random.Generator) -> Estimate | None:
    """Alpha of a table with the number of readers who gave each answer to each trial, `(T, C)`.

    `n` counts the answers to trials that two readers or more answered. None where alpha is undefined, or where such
    trials are fewer than `FEWEST`.
    """
    paired = counts_tc[counts_tc.sum(axis=1) >= 2]
    if len(paired) < FEWEST:
        return None
    value = float(_alpha(paired, np.ones((1, len(paired))))[0])
    if not np.isfinite(value):
        return None
    drawn_b = _alpha(paired, random.multinomial(len(paired), np.full(len(paired), 1 / len(paired)), size=RESAMPLES))
    drawn = np.nanquantile(drawn_b, (0.5 - LEVEL / 2, 0.5 + LEVEL / 2))
    low, high = _least_reach(paired)
    return Estimate(value, min(float(drawn[0]), low), max(float(drawn[1]), high), int(paired.sum()))


def _alpha(counts_tc: Array, trial_bt: npt.NDArray[Any]) -> Array:
    """1 - observed / expected disagreement, each trial counted as often as it was drawn, `(B,)`."""
    expected_b = _expected(trial_bt @ counts_tc)
    observed_b = trial_bt @ _apart(counts_tc)
    ratio_b: Array = np.divide(observed_b, expected_b, out=np.full_like(observed_b, np.nan), where=expected_b > 0)
    return 1 - ratio_b


def _apart(counts_tc: Array) -> Array:
    """Ordered pairs of readers who differ, over the number of partners that a reader has, `(T,)`."""
    readers_t = counts_tc.sum(axis=1)
    return np.asarray((readers_t**2 - (counts_tc**2).sum(axis=1)) / (readers_t - 1))


def _expected(answers_bc: Array) -> Array:
    """What the sum of `_apart` would be if answers were dealt at random, each as often as it was given, `(B,)`."""
    total_b = answers_bc.sum(axis=1)
    return np.asarray((total_b**2 - (answers_bc**2).sum(axis=1)) / (total_b - 1))


def _least_reach(counts_tc: Array) -> tuple[float, float]:
    """Alpha at the bounds of Wilson's interval of the observed disagreement; a trial with r answers counts as r - 1
    comparisons.

    Up to the upper bound there is more disagreement than was seen. It is taken to be between the two answers that are
    most often given, half of each, so that a rare answer grows less rare and alpha stays within its range.
    """
    answers_c = counts_tc.sum(axis=0)
    total = float(answers_c.sum())
    observed = float(_apart(counts_tc).sum()) / total
    wilson = wilson_interval(observed, int(total) - len(counts_tc))
    more = (wilson.high - observed) / (1 - observed) if observed < 1 else 0.0
    split_c = np.zeros_like(answers_c)
    split_c[np.argsort(answers_c)[-2:]] = total / 2
    split, given = _expected(np.stack([(1 - more) * answers_c + more * split_c, answers_c])) / total
    return float(1 - wilson.high / split), float(1 - wilson.low / given)
