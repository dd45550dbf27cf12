"""MMD with a Gaussian kernel: its definition pair by pair, CMMD's own formula, and its laws."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics.pairwise import rbf_kernel

from ldbench.errors import MetricError
from ldbench.score.metrics.mmd import mmd_score
from ldbench.score.metrics.set_distance import Dependence

Array = npt.NDArray[np.float64]
seeds = st.integers(0, 2**31)


def features(seed: int, n: int, shift: float = 0.0) -> Array:
    drawn = np.random.default_rng(seed).normal(size=(n, 6)) + shift * np.eye(6)[0]
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))


def mmd(real: Array, generated: Array, bandwidth: float = 0.5) -> float:
    return mmd_score(real, generated, bandwidth=bandwidth, extractor="x").value


@given(seed=seeds, n=st.integers(3, 7), m=st.integers(3, 7), bandwidth=st.floats(0.2, 10))
def test_equals_the_definition_pair_by_pair(seed: int, n: int, m: int, bandwidth: float) -> None:
    real, generated = features(seed, n), features(seed + 1, m, 1.0)

    def kernel(x: Array, y: Array) -> float:
        return float(np.exp(-((x - y) ** 2).sum() / (2 * bandwidth**2)))

    def within(sample: Array) -> float:
        return float(np.mean([kernel(x, y) for x, y in itertools.permutations(sample, 2)]))

    across = float(np.mean([kernel(x, y) for x in real for y in generated]))
    expected = 1000 * (within(real) + within(generated) - 2 * across)
    assert mmd(real, generated, bandwidth) == pytest.approx(expected, rel=1e-8, abs=1e-8)
    assert mmd(7 * real, 0.1 * generated, bandwidth) == pytest.approx(expected, rel=1e-8, abs=1e-8)


def test_is_cmmds_formula_but_for_pairs_of_an_image_with_itself() -> None:
    real, generated = features(1, 30), features(2, 20, 1.0)
    gamma = 1 / (2 * 10**2)
    pairs = ((real, real), (generated, generated), (real, generated))
    parts = [rbf_kernel(*pair, gamma=gamma).mean() for pair in pairs]
    cmmd = 1000 * (parts[0] + parts[1] - 2 * parts[2])
    itself = 1000 * sum((1 - part) / (count - 1) for part, count in zip(parts, (30, 20), strict=False))
    assert mmd(real, generated, 10.0) == pytest.approx(cmmd - itself, abs=1e-7)


def test_grows_as_the_sets_part_and_is_unbiased() -> None:
    real = features(3, 60)
    values = [mmd(real, features(4, 60, shift)) for shift in (0.0, 0.5, 1.0, 3.0)]
    assert values == sorted(values)
    same = [mmd(features(2 * seed, 20), features(2 * seed + 1, 20)) for seed in range(200)]
    assert abs(np.mean(same)) < 3.5 * np.std(same, ddof=1) / len(same) ** 0.5


@given(seed=seeds)
def test_order_changes_nothing(seed: int) -> None:
    real, generated = features(seed, 12), features(seed + 1, 9, 0.5)
    shuffled = np.random.default_rng(seed).permutation(generated)
    assert mmd(real, shuffled) == pytest.approx(mmd(real, generated), abs=1e-9)


def test_score_states_what_it_is() -> None:
    score = mmd_score(features(5, 30), features(6, 20, 0.5), bandwidth=2, extractor="net", parameters={"resize": 8})
    assert score.ci_low < score.value < score.ci_high
    assert (score.n, score.parameters["bandwidth"], score.parameters["resize"]) == (20, 2, 8)
    assert [len(score.contributions[kind]) for kind in ("scans", "cases")] == [30, 20]
    of_real = Dependence((np.array([0, 0, 1, 2, 3, 4]), None))
    shared = mmd_score(features(5, 6), features(6, 6), bandwidth=2, extractor="net", dependence=of_real)
    assert shared.value != mmd_score(features(5, 6), features(6, 6), bandwidth=2, extractor="net").value
    with pytest.raises(MetricError, match="expected features with a direction, got 4 vectors of zeros"):
        mmd_score(features(7, 9), np.zeros((4, 6)), bandwidth=1, extractor="net")
