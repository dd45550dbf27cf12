"""Bradley and Terry's log strengths (1952, Biometrika 39) by maximum likelihood, and what the likelihood says of them.

The fit is Newton's, each step shortened so that the likelihood grows for certain: along a step whose largest difference
between two runs is D the curvature changes by no more than exp(D t) (Bach 2010, Electronic Journal of Statistics 4), so
log(1 + D) / D of the step is safe from any start, and near the maximum that is the whole step.

Wins are tables `wins[i, j] float64`: how often i was preferred to j, ties as a half either way. A chain of wins must
lead from each run to each other one, or there is no maximum. Suffixes: b fits side by side, k runs, d free directions.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import linalg, optimize, special, stats

from ldbench.score.metrics.intervals import LEVEL
from ldbench.studies.readers.estimates import Array

_STEPS, _LAST_STEP = 100, 1e-9  # one step moves by 1 or more until the maximum is near
_DROP = float(stats.chi2.ppf(LEVEL, 1)) / 2


def bradley_terry(wins_bkk: Array) -> Array:
    """Log strengths, `(B, K)`, mean 0."""
    fits, runs = wins_bkk.shape[:2]
    return _maximum(wins_bkk, np.zeros((fits, runs)), linalg.null_space(np.ones((1, runs))))


def inverse_curvature(wins_kk: Array, strength_k: Array) -> Array:
    """The inverse of the curvature of the likelihood at these strengths, `(K, K)`, among those of mean 0."""
    chance_kk = special.expit(strength_k[:, None] - strength_k)
    bend_kk = (wins_kk + wins_kk.T) * chance_kk * (1 - chance_kk)
    return np.asarray(np.linalg.pinv(np.diag(bend_kk.sum(axis=1)) - bend_kk, hermitian=True))


def profile_interval(wins_kk: Array, run: int) -> tuple[float, float]:
    """The strengths of a run that the answers allow: those at which the likelihood, the others at their best, is at
    least exp(-1.92) of the largest. Lopsided where the run hardly ever lost, or won. For three runs or more."""
    runs = len(wins_kk)
    strength_k = bradley_terry(wins_kk[None])[0]
    most = _log_likelihood(wins_kk, strength_k)
    held_k = np.eye(runs)[run]
    free_kd = linalg.null_space(np.stack([np.ones(runs), held_k]))

    def left(value: float) -> float:
        start_k = value * (runs * held_k - 1) / (runs - 1)
        return _log_likelihood(wins_kk, _maximum(wins_kk[None], start_k[None], free_kd)[0]) - most + _DROP

    return _crossing(left, strength_k[run], -1.0), _crossing(left, strength_k[run], 1.0)


def _crossing(left: Callable[[float], float], value: float, reach: float) -> float:
    while left(value + reach) > 0:
        reach *= 2
    return float(optimize.brentq(left, value, value + reach, xtol=1e-6))


def _log_likelihood(wins_kk: Array, strength_k: Array) -> float:
    return float((wins_kk * special.log_expit(strength_k[:, None] - strength_k)).sum())


def _maximum(wins_bkk: Array, strength_bk: Array, free_kd: Array) -> Array:
    """The most likely log strengths that can be reached from these in the free directions."""
    met_bkk = wins_bkk + wins_bkk.swapaxes(1, 2)
    for _ in range(_STEPS):
        chance_bkk = special.expit(strength_bk[:, :, None] - strength_bk[:, None, :])
        slope_bk = (wins_bkk - met_bkk * chance_bkk).sum(axis=2)
        bend_bkk = -met_bkk * chance_bkk * (1 - chance_bkk)
        bend_bkk -= bend_bkk.sum(axis=2)[:, :, None] * np.eye(len(free_kd))
        step_bd = np.linalg.solve(free_kd.T @ bend_bkk @ free_kd, (slope_bk @ free_kd)[:, :, None])[:, :, 0]
        step_bk = step_bd @ free_kd.T
        widest_b1 = np.ptp(step_bk, axis=1, keepdims=True)
        strength_bk = strength_bk + step_bk / special.exprel(np.log1p(widest_b1))  # times log(1 + D) / D
        if widest_b1.max() < _LAST_STEP:
            break
    return strength_bk
