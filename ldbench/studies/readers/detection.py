"""How well readers tell things apart, whatever they favour: d' of signal detection theory.

Real or generated: z(share of a run's images called generated) - z(share of real scans called generated). Two
alternatives side by side: sqrt(2) z(share correct) (Macmillan and Creelman 2005, Detection Theory, eqs. 1.5 and 7.2).
Shares of 0 and 1 have no z: every share counts half an answer more on either side (the log-linear rule; Hautus 1995,
Behavior Research Methods 27(1)), which draws d' towards 0 where trials are few. d' is each reader's, averaged, and its
interval Student's t over readers and trials (`estimates.two_way`). With a reader alone, and wherever that is narrower,
it is the one that Wilson's bounds of the pooled shares give, joined by square-and-add
(`reach_of_difference`) and held at what half an answer gives: a reader who is always right has an interval, too. A
reader without answers on either side is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from ldbench.score.metrics.intervals import reach_of_difference, wilson_interval
from ldbench.studies.readers.estimates import Array, Estimate, answering, two_way


def yes_no(called_rt: Array, called_rs: Array) -> Estimate | None:
    """d' between a run's images `(R, T)` and real scans `(R, S)`; 1 where a reader called the image generated."""
    both = np.intersect1d(answering(called_rt), answering(called_rs))
    if both.size == 0:
        return None
    signal, noise = called_rt[both], called_rs[both]
    up, down = _reach(signal), _reach(noise)
    least = (reach_of_difference(up[0], down[1]), reach_of_difference(up[1], down[0]))
    return _estimate([(1.0, signal), (-1.0, noise)], least)


def two_sided(right_rt: Array) -> Estimate | None:
    """d' of choosing between two images `(R, T)`; 1 where the right one was chosen."""
    seen = answering(right_rt)
    if seen.size == 0:
        return None
    table = right_rt[seen]
    below, above = _reach(table)
    return _estimate([(2**0.5, table)], (2**0.5 * below, 2**0.5 * above))


def _estimate(tables: Sequence[tuple[float, Array]], least: tuple[float, float]) -> Estimate:
    """Mean over readers of the sum of z of these tables, each times its factor; its interval reaches at least `least`
    below and above it. What an answer adds is its reader's distance from the mean, shared among the answers to the
    first table, and the answer's own distance from its reader's share, over the slope of z (the delta method)."""
    value_r = np.asarray(sum(factor * _z(table) for factor, table in tables))
    value, readers = float(value_r.mean()), len(value_r)
    parts = [factor / readers * _moves(table) for factor, table in tables]
    parts[0] += ((value_r - value) / readers / _answers(tables[0][1]))[:, None]
    error = two_way(parts)
    half = 0.0 if error is None else error.half
    n = sum(int(_answers(table).sum()) for _, table in tables)
    return Estimate(value, value - max(half, least[0]), value + max(half, least[1]), n)


def _reach(table_rt: Array) -> tuple[float, float]:
    """How far z of Wilson's bounds lies below and above z of the pooled share."""
    n, hits = int(_answers(table_rt).sum()), float(np.nansum(table_rt))
    edge = 0.5 / (n + 1)
    wilson = wilson_interval(hits / n, n)
    z = [float(stats.norm.ppf(min(max(each, edge), 1 - edge))) for each in (wilson.low, wilson.high)]
    middle = float(stats.norm.ppf((hits + 0.5) / (n + 1)))
    return max(0.0, middle - z[0]), max(0.0, z[1] - middle)


def _answers(table_rt: Array) -> Array:
    return np.asarray(np.isfinite(table_rt).sum(axis=1), dtype=np.float64)


def _z(table_rt: Array) -> Array:
    """z of each reader's share, log-linear, `(R,)`."""
    return np.asarray(stats.norm.ppf((np.nansum(table_rt, axis=1) + 0.5) / (_answers(table_rt) + 1)), dtype=np.float64)


def _moves(table_rt: Array) -> Array:
    """What each answer adds to z of its reader's share, `(R, T)`."""
    count_r1 = _answers(table_rt)[:, None]
    share_r1 = np.nansum(table_rt, axis=1)[:, None] / count_r1
    return np.asarray((table_rt - share_r1) / (count_r1 * stats.norm.pdf(_z(table_rt))[:, None]), dtype=np.float64)
