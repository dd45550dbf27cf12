"""Vendi score against its definition by eigenvalues of K / n, and by its laws."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, stats

from ldbench.errors import MetricError
from ldbench.score.metrics.vendi import vendi, vendi_score

Array = npt.NDArray[np.float64]
seeds = st.integers(0, 2**31)


def features(seed: int, n: int, d: int = 6) -> Array:
    return np.random.default_rng(seed).normal(size=(n, d)) + 0.5


@given(seed=seeds, n=st.integers(1, 12))
def test_equals_the_definition(seed: int, n: int) -> None:
    images = features(seed, n)
    kernel = [[float(a @ b / (a @ a * (b @ b)) ** 0.5) for b in images] for a in images]
    eigenvalues = linalg.eigvals(np.array(kernel) / n).real.clip(0, None)
    assert vendi(images) == pytest.approx(np.exp(stats.entropy(eigenvalues)), rel=1e-6)


@given(seed=seeds, n=st.integers(2, 12))
def test_order_repetition_and_scale_change_nothing(seed: int, n: int) -> None:
    images = features(seed, n)
    value = vendi(images)
    assert 1 - 1e-9 <= value <= n + 1e-9
    assert vendi(np.random.default_rng(seed).permutation(images)) == pytest.approx(value, rel=1e-8)
    assert vendi(np.concatenate([images, images])) == pytest.approx(value, rel=1e-8)
    assert vendi(3 * images) == pytest.approx(value, rel=1e-8)


def test_counts_different_images() -> None:
    assert vendi(np.eye(7)) == pytest.approx(7)
    assert vendi(np.ones((9, 4))) == pytest.approx(1)
    assert vendi(np.repeat(np.eye(3), 5, axis=0)) == pytest.approx(3)


def test_collapse_costs_ever_more() -> None:
    images = features(1, 40)
    values = [vendi(np.tile(images[:distinct], (40 // distinct, 1))) for distinct in (40, 20, 5, 1)]
    assert values == sorted(values, reverse=True)


@given(seed=seeds, n=st.integers(3, 12))
def test_equal_images_are_one_whatever_rounding_says(seed: int, n: int) -> None:
    image = np.random.default_rng(seed).normal(size=(1, 40)).astype(np.float32)
    score = vendi_score(np.repeat(image, n, axis=0), extractor="network")
    assert (score.value, score.ci_low) == (pytest.approx(1), pytest.approx(1))
    assert 1 <= score.ci_low <= score.value <= score.ci_high


def test_score_states_what_it_is() -> None:
    images = features(2, 50)
    score = vendi_score(images, extractor="net", parameters={"resize": 8})
    assert score.value == vendi(images)
    assert 1 <= score.ci_low < score.value < score.ci_high <= 50
    assert (score.metric, score.n, score.direction, score.extractor) == ("vendi", 50, "higher", "net")
    assert (score.parameters["resize"], len(score.contributions["groups"])) == (8, 20)


@pytest.mark.parametrize("images", [np.zeros((3, 2)), np.zeros((0, 2)), np.full((2, 2), np.nan), np.ones(4)])
def test_what_has_no_direction_is_refused(images: Array) -> None:
    with pytest.raises(MetricError, match="vendi: expected"):
        vendi(images)


@pytest.mark.parametrize("count", [1, 2])
def test_few_images_have_a_value_and_no_interval(count: int) -> None:
    images = np.eye(count, 4)
    assert vendi(images) == pytest.approx(count)
    with pytest.raises(MetricError, match=f"vendi: expected 3 images or more, for an interval, got {count}; score mor"):
        vendi_score(images, extractor="net")
    assert vendi_score(features(3, 3), extractor="net").ci_low < vendi_score(features(3, 3), extractor="net").ci_high
