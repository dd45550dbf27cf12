"""How well readers tell things apart, whatever they favour: d' of signal detection theory.

Real or generated: z(share of a run's images called generated) - z(share of real scans called generated). Two
alternatives side by side: sqrt(2) z(share correct) (Macmillan and Creelman 2005, Detection Theory, eqs. 1.5 and 7.2).
Shares of 0 and 1 have no z: every share counts half an answer more on either side (the log-linear rule; Hautus 1995,
Behavior Research Methods 27(1)), which draws d' towards 0 where trials are few. d' is each reader's, averaged. Its
interval is never narrower than the one that Wilson's bounds of the pooled shares give, joined by square-and-add
(`reach_of_difference`) and held at what half an answer gives: a reader who is always right has an interval, too. A
reader without answers on either side is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats

from ldbench.score.metrics.intervals import reach_of_difference, wilson_interval
from ldbench.studies.readers.estimates import Array, Estimate, answering, bounds


def yes_no(called_rt: Array, called_rs: Array, random: np.random.Generator) -> Estimate | None:
    """d' between a run's images `(R, T)` and real scans `(R, S)`; 1 where a reader called the image generated."""
    both = np.intersect1d(answering(called_rt), answering(called_rs))
    if both.size == 0:
        return None
    signal, noise = called_rt[both], called_rs[both]

    def statistic(reader_br: Array, trial_bt: Array, scan_bs: Array) -> Array:
        return _mean(_z(signal, trial_bt) - _z(noise, scan_bs), reader_br)

    up, down = _reach(signal), _reach(noise)
    least = (reach_of_difference(up[0], down[1]), reach_of_difference(up[1], down[0]))
    return _estimate(statistic, [signal, noise], least, random)


def two_sided(right_rt: Array, random: np.random.Generator) -> Estimate | None:
    """d' of choosing between two images `(R, T)`; 1 where the right one was chosen."""
    seen = answering(right_rt)
    if seen.size == 0:
        return None
    table = right_rt[seen]

    def statistic(reader_br: Array, trial_bt: Array) -> Array:
        return _mean(2**0.5 * _z(table, trial_bt), reader_br)

    below, above = _reach(table)
    return _estimate(statistic, [table], (2**0.5 * below, 2**0.5 * above), random)


def _estimate(
    statistic: Callable[..., Array], tables: Sequence[Array], least: tuple[float, float], random: np.random.Generator
) -> Estimate | None:
    """The statistic of all readers and trials; its interval reaches at least `least` below and above it."""
    readers, trials = len(tables[0]), [table.shape[1] for table in tables]
    value = float(statistic(np.ones((1, readers)), *(np.ones((1, size)) for size in trials))[0])
    drawn = bounds(statistic, readers, trials, random)
    if drawn is None or not np.isfinite(value):
        return None
    n = sum(int((~np.isnan(table)).sum()) for table in tables)
    return Estimate(value, min(drawn[0], value - least[0]), max(drawn[1], value + least[1]), n)


def _reach(table_rt: Array) -> tuple[float, float]:
    """How far z of Wilson's bounds lies below and above z of the pooled share."""
    n, hits = int((~np.isnan(table_rt)).sum()), float(np.nansum(table_rt))
    edge = 0.5 / (n + 1)
    wilson = wilson_interval(hits / n, n)
    z = [float(stats.norm.ppf(min(max(each, edge), 1 - edge))) for each in (wilson.low, wilson.high)]
    middle = float(stats.norm.ppf((hits + 0.5) / (n + 1)))
    return max(0.0, middle - z[0]), max(0.0, z[1] - middle)


def _z(table_rt: Array, trial_bt: Array) -> Array:
    """z of each reader's share, log-linear, `(B, R)`; NaN where a reader has no answer among the trials drawn."""
    seen_rt = ~np.isnan(table_rt)
    hits_br = trial_bt @ np.where(seen_rt, table_rt, 0.0).T
    count_br = trial_bt @ seen_rt.astype(np.float64).T
    z_br: Array = np.asarray(stats.norm.ppf((hits_br + 0.5) / (count_br + 1)), dtype=np.float64)
    return np.where(count_br > 0, z_br, np.nan)


def _mean(value_br: Array, weight_br: Array) -> Array:
    """Mean over readers as often as each was drawn; NaN where none of them has a value."""
    known_br = np.isfinite(value_br)
    weight_br = np.where(known_br, weight_br, 0.0)
    total_b = weight_br.sum(axis=1)
    sums_b = (np.where(known_br, value_br, 0.0) * weight_br).sum(axis=1)
    mean_b: Array = np.divide(sums_b, total_b, out=np.full_like(sums_b, np.nan), where=total_b > 0)
    return mean_b
