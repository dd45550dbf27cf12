"""A distance of two sets as a score: its interval ends at 0, and its parameters say what was left out."""

from __future__ import annotations

import numpy as np

from ldbench.score.metrics.intervals import group_jackknife
from ldbench.score.metrics.set_distance import set_distance_score


def apart(real: np.ndarray, generated: np.ndarray) -> float:
    return abs(float(real.mean() - generated.mean()))


def test_the_interval_is_the_jackknifes_and_ends_at_0() -> None:
    random = np.random.default_rng(0)
    real, generated = random.normal(size=30), random.normal(0.2, 1, size=12)
    score = set_distance_score("d", apart, real, generated, extractor="x", parameters={"k": 1}, seed=3)
    interval, contributions = group_jackknife(apart, real, generated, metric="d", seed=3)
    assert interval.low < 0
    assert (score.value, score.ci_low, score.ci_high) == (interval.value, 0.0, interval.high)
    assert np.array_equal(score.contributions["groups"], contributions)
    assert (score.n, score.direction, score.extractor) == (12, "lower", "x")
    assert score.parameters == {
        "k": 1, "n_real": 30, "interval_groups": 12, "interval_seed": 3,
        "interval": "95 % delete-a-group jackknife over both sets, for the expected value at these sample sizes",
    }
