"""The table that `leaderboards.interval_coverage` prints: a row a simulated interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ldbench.api import Measured
from ldbench.score.metrics.intervals import Interval

HEADINGS = (
    "| interval | n | target | covered, % | too high, % | too low, % | width / ideal |\n"
    "|---|---|---|---|---|---|---|"
)


def interval_of(score: Measured) -> Interval:
    """The interval of a score."""
    return Interval(score.value, score.ci_low, score.ci_high)


def report(name: str, n: int, intervals: Sequence[Interval], truth: float | None = None) -> None:
    """One row: coverage with its standard error, misses on each side, half width over 1.96 true deviations.

    Without a known truth it is the mean of the values, and how these scatter is the question.
    """
    low, high = np.array([i.low for i in intervals]), np.array([i.high for i in intervals])
    value = np.array([i.value for i in intervals])
    truth = float(value.mean()) if truth is None else truth
    coverage = float(((low <= truth) & (truth <= high)).mean())
    error = (coverage * (1 - coverage) / len(value)) ** 0.5
    spread = float(value.std(ddof=1))
    width = f"{(high - low).mean() / 2 / (1.96 * spread):.2f}" if spread else "-"
    print(
        f"| {name} | {n} | {truth:.4g} | {100 * coverage:.1f} +- {100 * error:.1f} | {100 * (low > truth).mean():.1f} "
        f"| {100 * (high < truth).mean():.1f} | {width} |",
        flush=True,
    )
