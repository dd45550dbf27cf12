"""Shares and means over readers and trials, with 95 % intervals for readers and cases like these.

Tables are `(R, T) float64`, one row a reader and one column a trial, NaN where a reader didn't answer. One reader: the
interval covers the choice of cases alone, Wilson's for a share (Wilson 1927, JASA 22(158)). More: readers and trials
are both samples, and the variance is that of a two-way table with one answer a cell (`two_way`), with Student's t. A
share has Wilson's formula at the effective size that this variance says, at most the number of answers, so that answers
that are all alike have an interval, too. A table without an answer is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ldbench.score.metrics.intervals import Interval, share_interval, t_quantile, wilson_interval

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate(Interval):
    """A value with its 95 % interval and the number of answers it rests on."""

    n: int


def share(table_rt: Array) -> Estimate | None:
    """The mean of a table of values in [0, 1]; None where it holds no answer."""
    n = int(np.isfinite(table_rt).sum())
    if n == 0:
        return None
    value = float(np.nansum(table_rt)) / n
    error = two_way([(table_rt - value) / n])
    found = wilson_interval(value, n) if error is None else share_interval(value, error.variance, n, error.quantile)
    return Estimate(value, found.low, found.high, n)


@dataclass(frozen=True)
class TwoWay:
    """The variance of a statistic over readers and trials, and Student's t for its 95 % interval."""

    variance: float
    quantile: float

    @property
    def half(self) -> float:
        """Half the width of an interval about the value."""
        return float(self.quantile * self.variance**0.5)


def two_way(parts: Sequence[Array]) -> TwoWay | None:
    """The variance of a statistic from what each answer adds to it; None for one reader, or answers all alike. One
    trial says nothing of others.

    `parts` are tables `(R, T)` of one set of readers, one for each group of trials, NaN where there is no answer: of a
    mean, (answer - mean) / answers. What readers add, what trials add and what is left are the mean squares of a
    two-way analysis of variance, over the number of answers; the variance is readers + trials - left, where neither
    difference is below 0, and its degrees of freedom are Satterthwaite's without the last part, at least readers - 1
    (Hillis 2007, Statistics in Medicine 26(3), for studies of readers and cases). Where readers skipped trials it is
    an approximation: every answer counts alike, and "left" is that of the least-squares fit.
    """
    row_r = np.nansum(np.concatenate(parts, axis=1), axis=1)[answering(np.concatenate(parts, axis=1))]
    readers = len(row_r)
    if readers < 2:
        return None
    of_readers = readers * float(row_r.var(ddof=1))
    of_trials, doubt, left = 0.0, of_readers**2 / (readers - 1), 0.0
    for part in parts:
        column_t, rest = np.nansum(part, axis=0)[answering(part.T)], _left(part)
        if len(column_t) > 1:
            more = max(len(column_t) * float(column_t.var(ddof=1)) - rest, 0.0)
            of_trials, doubt = of_trials + more, doubt + more**2 / (len(column_t) - 1)
        left += rest
    variance = max(of_readers, left) + of_trials
    if variance <= 0:
        return None
    degrees = (of_readers + of_trials) ** 2 / doubt if doubt > 0 else 0.0
    return TwoWay(variance, t_quantile(max(degrees, readers - 1)))


def answering(table_rt: Array) -> npt.NDArray[np.int64]:
    """The readers with an answer in the table."""
    return np.flatnonzero((~np.isnan(table_rt)).any(axis=1))


def _left(part_rt: Array) -> float:
    """What neither readers nor trials explain, as a variance; 0 where there are too few answers to say.

    The least-squares fit, trials being eliminated, so that a system of readers is left (Yates 1934, JASA 29(185)).
    """
    seen_rt = np.isfinite(part_rt).astype(np.float64)
    each_rt = seen_rt / np.maximum(seen_rt.sum(axis=0), 1)
    rest_rt = np.where(seen_rt > 0, part_rt - np.nansum(part_rt * each_rt, axis=0), 0.0)
    system_rr, row_r = np.diag(seen_rt.sum(axis=1)) - each_rt @ seen_rt.T, rest_rt.sum(axis=1)
    reader_r, _, rank, _ = np.linalg.lstsq(system_rr, row_r, rcond=1e-9)
    answers = int(seen_rt.sum())
    free = answers - int(seen_rt.any(axis=0).sum()) - int(rank)
    return max(float((rest_rt**2).sum() - row_r @ reader_r), 0.0) * answers / free if free else 0.0
