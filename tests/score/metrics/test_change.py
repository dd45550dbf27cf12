"""Minimality, composition and reversibility: against numpy, and their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldbench.errors import MetricError
from ldbench.score.metrics.change import change_score, change_values
from tests.score.metrics.made_images import images, noisy

METRICS = ("minimality", "composition", "reversibility")


def test_equals_numpy() -> None:
    source = images(1, n=70)  # more than a batch
    result = noisy(source, 0.1)
    expected = np.abs(result.double().numpy() - source.double().numpy()).mean(axis=(1, 2, 3))
    assert change_values("minimality", result, source) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("metric", METRICS)
def test_a_score_says_what_it_is(metric: str) -> None:
    source = images(2)
    result = noisy(source, 0.1)
    values = change_values(metric, result, source)
    score = change_score(metric, result, source)
    half = 3.182446 * values.std(ddof=1) / 2  # t quantile at 3 degrees of freedom
    assert (score.metric, score.direction, score.n) == (metric, "lower", 4)
    assert score.value == pytest.approx(values.mean())
    assert (score.ci_low, score.ci_high) == pytest.approx((values.mean() - half, values.mean() + half), rel=1e-5)
    assert "Student" in str(score.parameters["interval"])


@pytest.mark.parametrize("metric", METRICS)
def test_doing_nothing_is_perfect_and_noise_is_not(metric: str) -> None:
    source = images(3)
    values = [change_score(metric, noisy(source, level), source).value for level in (0.0, 0.02, 0.05, 0.1, 0.2)]
    assert values[0] == 0
    assert values == sorted(values)
    assert len(set(values)) == 5


@given(a=st.integers(0, 1000), b=st.integers(0, 1000), c=st.integers(0, 1000))
def test_is_a_distance(a: int, b: int, c: int) -> None:
    x, y, z = (images(seed, n=2, size=16) for seed in (a, b, c))
    there, back = change_values("m", x, y), change_values("m", y, x)
    assert np.array_equal(there, back)
    assert (change_values("m", x, z) <= there + change_values("m", y, z) + 1e-12).all()


@pytest.mark.parametrize("metric", METRICS)
def test_bad_input_is_one_line(metric: str) -> None:
    source = images(4)
    with pytest.raises(MetricError, match=f"{metric}: expected generated and target images of one shape"):
        change_score(metric, source[:2], source)
    with pytest.raises(MetricError, match=rf"{metric}: expected .* pixels in \[0, 1\]"):
        change_score(metric, source - 1, source)
    with pytest.raises(MetricError, match=f"{metric}: expected at least 2 finite values"):
        change_score(metric, source[:1], source[:1])
