"""The test of one difference whose error has several parts, each known by its own few degrees of freedom.

The half-width at a level is the root of the sum of `t^2 * variance` over the parts, each with its own quantile. It
covers at least its level whatever the true variances are (Banerjee 1960, Sankhya 22:357), which the usual sum with
Satterthwaite's degrees of freedom does not at the small levels of a correction for many pairs. Everything here takes
arrays of differences that broadcast.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from ldbench.score.metrics.intervals import LEVEL

MANY = 1e6  # degrees of freedom where a variance is taken as known
SHOWN_SHARE = 0.8  # of the level: the reach of few seeds depends on it more than that of an allowance
# log10 of p-values, looked for in two steps; of smaller ones, squares of t at one degree of freedom overflow
_SMALL, _SMALLEST = -16.0, -140.0
_HALVINGS = 50

Numbers = NDArray[np.float64]


class CasesError(NamedTuple):
    """The variance from the choice of cases and scans, with its degrees of freedom."""

    variance: ArrayLike
    degrees: ArrayLike


class SeedsError(NamedTuple):
    """The variance from the choice of seeds: as the seeds at hand show it, and the most that is allowed for.

    `shown` has its `degrees` of freedom; it is infinite where there is one seed. `allowed` is infinite where nothing is
    known or where the seeds at hand show more, and None where a test never allows for one.
    """

    shown: ArrayLike
    degrees: ArrayLike
    allowed: ArrayLike | None


def half_widths(level: ArrayLike, cases: CasesError, seeds: Sequence[SeedsError]) -> Numbers:
    """Half the width of the interval that misses a difference with a probability of `level`.

    Where seeds show a spread and one is allowed for, the smaller reach counts, each at its share of the level, so that
    the two together miss no more often than one would.
    """
    squared = _t(level, cases.degrees) ** 2 * np.asarray(cases.variance, float)
    for error in seeds:
        shown = np.asarray(error.shown, float)
        if error.allowed is None:
            squared = squared + _scaled(shown, _t(level, error.degrees) ** 2)
            continue
        allowed = np.asarray(error.allowed, float)
        of_shown, of_allowed = (np.asarray(level, float) * share for share in _shares(np.isfinite(shown)))
        by_seeds = _scaled(shown, _t(of_shown, error.degrees) ** 2)
        squared = squared + np.minimum(by_seeds, _scaled(allowed, special.ndtri(of_allowed / 2) ** 2))
    return np.asarray(np.sqrt(squared), float)


def _scaled(variance: Numbers, factor: Numbers) -> Numbers:
    """Their product, where an infinite variance stays infinite at a level of 1, too, whose factor is 0."""
    infinite = np.isinf(variance)
    return np.where(infinite, np.inf, np.where(infinite, 0.0, variance) * factor)


def _shares(both: NDArray[np.bool_]) -> tuple[Numbers, Numbers]:
    """The shares of the level of what seeds show and of what is allowed for."""
    return np.where(both, SHOWN_SHARE, 1.0), np.where(both, 1 - SHOWN_SHARE, 1.0)


def p_values(differences: ArrayLike, cases: CasesError, seeds: Sequence[SeedsError]) -> Numbers:
    """The smallest level at which each difference lies outside its half-width: the two-sided p-value of no
    difference.

    One below 1e-140 is 1e-140, as only a difference without any error has a p-value of 0.
    """
    sizes = np.abs(np.asarray(differences, float))

    def between(least: float, most: float) -> Numbers:
        low, high = np.full(np.shape(sizes), least), np.full(np.shape(sizes), most)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            outside = sizes > half_widths(10**middle, cases, seeds)
            low, high = np.where(outside, low, middle), np.where(outside, middle, high)
        return np.asarray(10**high, float)

    found, small = between(_SMALL, 0.0), sizes > half_widths(10**_SMALL, cases, seeds)
    if not small.any():
        return found
    certain = small & (half_widths(10**_SMALL, cases, seeds) == 0)
    return np.where(small, np.where(certain, 0.0, between(_SMALLEST, _SMALL)), found)


def confidence(cases: CasesError, seeds: Sequence[SeedsError]) -> Numbers:
    """Half the width of the 95 % interval of each difference alone."""
    return half_widths(1 - LEVEL, cases, seeds)


def _t(level: ArrayLike, degrees: ArrayLike) -> Numbers:
    """Student's t beyond which `level` lies on both sides."""
    return np.asarray(-special.stdtrit(np.asarray(degrees, float), np.asarray(level, float) / 2), float)
