"""Intra-class FID: the mean of the classes' own distances, and what it sees that FID does not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldbench.api import Measured
from ldbench.errors import MetricError
from ldbench.score.metrics.fid import fid
from ldbench.score.metrics.intra_fid import intra_fid_score

Array = npt.NDArray[np.float64]
seeds = st.integers(0, 2**31)
LABELS = ["a", "b"] * 20


def features(seed: int, apart: float = 3.0) -> Array:
    """Forty vectors of two classes in turn, the second one shifted."""
    return np.random.default_rng(seed).normal(size=(40, 4)) + apart * (np.arange(40) % 2)[:, None]


def score(real: Array, generated: Array, labels: list[str] = LABELS) -> Measured:
    return intra_fid_score(real, generated, LABELS, labels, classes=("a", "b"), extractor="x", parameters={"resize": 8})


@given(seed=seeds)
def test_is_the_mean_over_classes(seed: int) -> None:
    real, generated = features(seed), features(seed + 1)
    expected = (fid(real[::2], generated[::2]) + fid(real[1::2], generated[1::2])) / 2
    assert score(real, generated).value == pytest.approx(expected)
    assert score(real, real).value == pytest.approx(0, abs=1e-9)
    order = np.random.default_rng(seed).permutation(40)
    shuffled = score(real, generated[order], [LABELS[index] for index in order])
    assert shuffled.value == pytest.approx(expected)


def test_sees_swapped_classes() -> None:
    real, generated = features(1), features(2)
    swapped = ["b", "a"] * 20
    assert score(real, generated, swapped).value > 10 * score(real, generated).value
    assert score(real, generated, swapped).ci_low > score(real, generated).ci_high


def test_score_states_what_it_is() -> None:
    found = score(features(3), features(4))
    assert (found.metric, found.n, found.direction, found.extractor) == ("intra_fid", 40, "lower", "x")
    assert (found.parameters["classes"], found.parameters["resize"]) == ("a, b", 8)
    assert found.ci_low <= found.value <= found.ci_high
    assert len(found.contributions["groups"]) == 20


@pytest.mark.parametrize("few", [3, 4, 6])
@given(seed=seeds)
@settings(max_examples=20)
def test_a_class_of_the_fewest_images_has_an_interval_wherever_they_stand(few: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    real, generated = (rng.permutation(["a"] * (40 - few) + ["b"] * few).tolist() for _ in range(2))
    sets = rng.normal(size=(2, 40, 4))
    found = intra_fid_score(*sets, real, generated, classes=("a", "b"), extractor="x")
    assert np.isfinite([found.ci_low, found.ci_high]).all()
    assert len(found.contributions["groups"]) == 20


def test_a_class_of_two_is_refused() -> None:
    with pytest.raises(MetricError, match="expected 3 or more images of class b in both sets, got 2"):
        score(features(5), features(6), ["a"] * 38 + ["b"] * 2)


@pytest.mark.parametrize("count", [3, 10])
def test_many_classes_are_measured(count: int) -> None:
    """Groups drawn without a look at classes would leave out two of some class's three images."""
    labels = [f"class {index % 67}" for index in range(67 * count)]
    real, generated = np.random.default_rng(count).normal(size=(2, len(labels), 4))
    found = intra_fid_score(real, generated, labels, labels, classes=sorted(set(labels)), extractor="x")
    assert found.ci_low <= found.value <= found.ci_high
