"""AuthPct and C_T against their definitions, scipy's Mann-Whitney test, and their laws."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ldbench.score.metrics.novelty import authpct_score, ct_score

Array = npt.NDArray[np.float64]
seeds = st.integers(0, 2**31)


def features(seed: int, n: int, d: int = 5) -> Array:
    return np.random.default_rng(seed).normal(size=(n, d))


def authpct(training: Array, generated: Array) -> float:
    return authpct_score(training, generated, extractor="x").value


def ct(training: Array, test: Array, generated: Array) -> float:
    return ct_score(training, test, generated, extractor="x").value


def distance(a: Array, b: Array) -> float:
    return float(((a - b) ** 2).sum() ** 0.5)


@given(seed=seeds, n=st.integers(2, 9), t=st.integers(2, 9))
def test_authpct_equals_the_definition(seed: int, n: int, t: int) -> None:
    training, generated = features(seed, t), features(seed + 1, n)
    authentic = 0
    for image in generated:
        nearest = min(range(t), key=lambda index: distance(image, training[index]))
        own = min(distance(training[nearest], other) for index, other in enumerate(training) if index != nearest)
        authentic += distance(image, training[nearest]) > own
    assert authpct(training, generated) == pytest.approx(100 * authentic / n)


@given(seed=seeds, n=st.integers(2, 12), m=st.integers(2, 12))
def test_ct_is_the_z_of_scipys_test(seed: int, n: int, m: int) -> None:
    training, test, generated = features(seed, 15), features(seed + 1, m), features(seed + 2, n)
    nearest = [[min(distance(image, scan) for scan in training) for image in images] for images in (generated, test)]
    u = stats.mannwhitneyu(*nearest).statistic
    expected = (u - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12)
    assert ct(training, test, generated) == pytest.approx(expected, abs=1e-9)


def test_copies_are_told_from_fresh_samples() -> None:
    training, test, fresh = features(1, 100), features(2, 80), features(3, 80)
    copies = training[:60]
    assert authpct(training, copies) == 0
    assert authpct(training, fresh) > 40
    copied = ct_score(training, test, copies, extractor="x")
    assert copied.value < -9
    assert copied.ci_low <= copied.value <= copied.ci_high < -5
    seen = ct_score(training, test, fresh, extractor="x")
    assert seen.ci_low < 0 < seen.ci_high


@given(seed=seeds)
def test_farther_images_are_never_less_novel(seed: int) -> None:
    training, test, generated = features(seed, 20), features(seed + 1, 15), features(seed + 2, 15)
    shares = [authpct(training, generated + far) for far in (0, 20, 100)]
    assert shares[1] == shares[2] == 100
    assert ct(training, test, generated) <= ct(training, test, generated + 20)


@given(seed=seeds)
def test_order_and_repetition_change_nothing(seed: int) -> None:
    training, generated = features(seed, 20), features(seed + 1, 15)
    random = np.random.default_rng(seed)
    value = authpct(training, generated)
    assert authpct(random.permutation(training), random.permutation(generated)) == value
    assert authpct(training, np.concatenate([generated, generated])) == pytest.approx(value)


def test_ct_has_its_variance_over_cases_and_scans() -> None:
    score = ct_score(features(4, 50), features(5, 40), features(6, 30), extractor="net", parameters={"resize": 8})
    assert [len(score.contributions[kind]) for kind in ("scans", "cases")] == [40, 30]
    half = 1.96 * sum(float((part**2).sum()) for part in score.contributions.values()) ** 0.5
    assert score.ci_high - score.ci_low == pytest.approx(2 * half, rel=0.1)
    assert (score.n, score.parameters["resize"], score.parameters["cells"]) == (30, 8, 1)


def test_ct_is_about_one_standard_deviation_wide_for_fresh_samples() -> None:
    values = [ct(features(3 * s, 60), features(3 * s + 1, 40), features(3 * s + 2, 40)) for s in range(200)]
    assert 0.8 < np.std(values) < 1.3
    assert abs(np.mean(values)) < 0.3
