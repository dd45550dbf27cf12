"""Shares and means over readers and trials, with 95 % intervals for readers and cases like these.

Tables are `(R, T) float64`, one row a reader and one column a trial, NaN where a reader didn't answer. One reader: the
interval covers the choice of cases alone, Wilson's for a share (Wilson 1927, JASA 22(158)). More: both readers and
trials are drawn with replacement, on their own (the pigeonhole bootstrap; Owen 2007, Annals of Applied Statistics
1(2)), which covers both sources of chance and is somewhat wide. Answers that are all alike would have no width then, so
a share's interval is never narrower than Wilson's over all answers. A table without an answer is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ldbench.score.metrics.intervals import LEVEL, Interval, wilson_interval

Array = npt.NDArray[np.float64]
RESAMPLES = 2000
QUANTILES = (0.5 - LEVEL / 2, 0.5 + LEVEL / 2)


@dataclass(frozen=True)
class Estimate(Interval):
    """A value with its 95 % interval and the number of answers it rests on."""

    n: int


def share(table_rt: Array, random: np.random.Generator) -> Estimate | None:
    """The mean of a table of values in [0, 1]; None where it holds no answer."""
    table_rt = table_rt[answering(table_rt)]
    seen_rt = ~np.isnan(table_rt)
    n, total = int(seen_rt.sum()), float(np.nansum(table_rt))
    if n == 0:
        return None
    wilson = wilson_interval(total / n, n)
    low, high = wilson.low, wilson.high
    if len(table_rt) > 1:
        filled_rt = np.where(seen_rt, table_rt, 0.0)

        def mean(reader_br: Array, trial_bt: Array) -> Array:
            sums = ((reader_br @ filled_rt) * trial_bt).sum(axis=1)
            return _ratio(sums, ((reader_br @ seen_rt.astype(np.float64)) * trial_bt).sum(axis=1))

        drawn = bounds(mean, table_rt.shape[0], [table_rt.shape[1]], random)
        if drawn is not None:
            low, high = min(low, drawn[0]), max(high, drawn[1])
    return Estimate(total / n, low, high, n)


def bounds(
    statistic: Callable[..., Array], readers: int, trials: list[int], random: np.random.Generator
) -> tuple[float, float] | None:
    """Percentile bounds of a statistic over resampled readers and trials; None where no resample gives a number.

    `statistic` takes how often each reader was drawn, `(B, R)`, and, for each group of trials in `trials`, how often
    each of them was, `(B, T)`; it returns `(B,)`, NaN where it is undefined. One reader is never resampled.
    """
    values_b = statistic(*resample(readers, trials, random, RESAMPLES))
    values_b = values_b[np.isfinite(values_b)]
    if values_b.size == 0:
        return None
    low, high = np.quantile(values_b, QUANTILES)
    return float(low), float(high)


def resample(readers: int, trials: list[int], random: np.random.Generator, resamples: int) -> tuple[Array, ...]:
    """How often each reader, `(B, R)`, and each trial of each group, `(B, T)`, is drawn; one reader always is."""
    reader_br = _counts(readers, resamples, random) if readers > 1 else np.ones((resamples, 1))
    return reader_br, *(_counts(size, resamples, random) for size in trials)


def answering(table_rt: Array) -> npt.NDArray[np.int64]:
    """The readers with an answer in the table."""
    return np.flatnonzero((~np.isnan(table_rt)).any(axis=1))


def _counts(size: int, resamples: int, random: np.random.Generator) -> Array:
    return random.multinomial(size, np.full(size, 1 / size), size=resamples).astype(np.float64)


def _ratio(sums: Array, counts: Array) -> Array:
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
