"""Several runs of one generator, differing in the seed, as one value with one interval.

The spread between runs always widens the interval: the mean of the runs' own intervals would say nothing of the seeds.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from ldbench.score.metrics.intervals import LEVEL, Interval, Z, t_quantile

# Student's t, 97.5 % quantile, for 1 to 12 degrees of freedom (Abramowitz and Stegun 1964, table 26.10).
_T_SMALL = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788)


class PooledInterval(NamedTuple):
    """The mean over runs, its interval, and the standard deviation over runs (None for a single run)."""

    interval: Interval
    spread: float | None


def pool(
    runs: Sequence[Interval], bounds: tuple[float, float] = (-math.inf, math.inf), pairs: int = 1
) -> PooledInterval:
    """The mean over at least one run, with a 95 % interval for it.

    One run keeps its own interval. For k runs the half-widths are `sqrt(b^2 + w^2)`: b is the half-width of
    the t-interval of the mean over seeds, `t(0.975, k - 1) * sd / sqrt(k)`; w is the mean over runs of the
    distance from value to interval end, taken below and above separately and not divided by sqrt(k), because
    all runs are compared with the same real images and share that part of the error. The interval is cut
    at the metric's `bounds`, beyond which no true value lies. The result does not depend on the order of the runs.
    One of so many `pairs` that are to hold at once takes Student's quantile at the level of Bonferroni's correction,
    which the runs' intervals must have, too.
    """
    if len(runs) == 1:
        return PooledInterval(runs[0], None)
    values = [run.value for run in runs]
    mean = math.fsum(values) / len(values)
    spread = statistics.stdev(sorted(values))
    degrees = len(values) - 1
    quantile = tabled_t_quantile(degrees) if pairs == 1 else t_quantile(degrees, 1 - (1 - LEVEL) / pairs)
    between = quantile * spread / math.sqrt(len(values))
    below = math.fsum(max(run.value - run.low, 0.0) for run in runs) / len(runs)
    above = math.fsum(max(run.high - run.value, 0.0) for run in runs) / len(runs)
    low = max(mean - _quadrature(between, below), min(bounds[0], mean))
    high = min(mean + _quadrature(between, above), max(bounds[1], mean))
    return PooledInterval(Interval(mean, low, high), spread)


def tabled_t_quantile(degrees: int) -> float:
    """The 97.5 % quantile of Student's t, to 1e-4, for `degrees >= 1`.

    Own arithmetic and no library call: the last digits of a library's quantile change between its releases,
    and a leaderboard must be rebuilt byte for byte. Above the table: Abramowitz and Stegun 26.7.5.
    """
    if degrees <= len(_T_SMALL):
        return _T_SMALL[degrees - 1]
    first = (Z**3 + Z) / 4
    second = (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96
    third = (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384
    return Z + first / degrees + second / degrees**2 + third / degrees**3


def _quadrature(first: float, second: float) -> float:
    return math.sqrt(first * first + second * second)
