"""KID against clean-fid's and torchmetrics' kernels, and against its own properties."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ldbench._torchvision import declare_missing_ops
from ldbench.errors import MetricError
from ldbench.score.metrics import all_pairs
from ldbench.score.metrics.all_pairs import Kernel
from ldbench.score.metrics.intervals import numbered
from ldbench.score.metrics.kid import kid, kid_score
from ldbench.score.metrics.set_distance import INDEPENDENT, Dependence

Array = npt.NDArray[np.float64]
seeds = st.integers(0, 2**31)


def features(seed: int, n: int, d: int = 12, shift: float = 0.0) -> Array:
    return np.random.default_rng(seed).normal(size=(n, d)) + shift


def test_equals_clean_fid_on_sets_of_one_size() -> None:
    declare_missing_ops()
    from cleanfid.fid import kernel_distance

    real, generated = features(1, 40), features(2, 40, shift=0.4)
    # One subset of the full size is a permutation, so its global random draw changes nothing but the order.
    assert kid(real, generated) == pytest.approx(kernel_distance(real, generated, num_subsets=1), rel=1e-10)


def test_equals_torchmetrics() -> None:
    declare_missing_ops()
    from torchmetrics.image.kid import poly_mmd

    real, generated = features(3, 30), features(4, 30, shift=0.4)
    expected = float(poly_mmd(torch.from_numpy(real), torch.from_numpy(generated)))
    assert kid(real, generated) == pytest.approx(expected, rel=1e-10)


def test_equals_the_definition_pair_by_pair() -> None:
    real, generated = features(5, 6), features(6, 4, shift=0.4)

    def kernel(x: Array, y: Array) -> float:
        return float((x @ y / len(x) + 1) ** 3)

    def within(sample: Array) -> float:
        return float(np.mean([kernel(x, y) for x, y in itertools.permutations(sample, 2)]))

    across = np.mean([kernel(x, y) for x in real for y in generated])
    assert kid(real, generated) == pytest.approx(within(real) + within(generated) - 2 * float(across), rel=1e-12)


def test_jackknife_equals_leaving_each_sample_out() -> None:
    real, generated = features(7, 9), features(8, 7, shift=0.4)
    variance = 0.0
    for side in (0, 1):
        sets = (real, generated)
        count = len(sets[side])
        values = np.array(
            [
                kid(*(np.delete(part, i, axis=0) if index == side else part for index, part in enumerate(sets)))
                for i in range(count)
            ]
        )
        variance += (count - 1) / count * ((values - values.mean()) ** 2).sum()
    half = stats.t.ppf(0.975, 6) * variance**0.5
    score = kid_score(real, generated, extractor="x")
    assert (score.ci_high - score.ci_low) / 2 == pytest.approx(half, rel=1e-10)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    real, generated = features(9, 23), features(10, 17, shift=0.4)
    whole = kid_score(real, generated, extractor="x")
    monkeypatch.setattr("ldbench.score.metrics.all_pairs._BLOCK", 5)
    blocked = kid_score(real, generated, extractor="x")
    assert blocked.value == pytest.approx(whole.value, rel=1e-12)
    assert blocked.ci_low == pytest.approx(whole.ci_low, rel=1e-10)


def test_unbiased_for_one_population() -> None:
    values = [kid(features(2 * seed, 20), features(2 * seed + 1, 20)) for seed in range(400)]
    error = np.std(values, ddof=1) / len(values) ** 0.5
    assert abs(np.mean(values)) < 3.5 * error


@pytest.mark.slow
def test_unbiased_for_one_population_with_several_images_a_subject() -> None:
    whose = np.repeat(np.arange(10), 4)

    def drawn(random: np.random.Generator) -> Array:
        return (random.normal(size=(10, 1, 12)) + random.normal(size=(10, 4, 12)) / 2).reshape(40, 12)

    pairs = [(drawn(random), drawn(random)) for random in map(np.random.default_rng, range(400))]
    for subset_size in (None, 20):
        of_subjects, of_images = (
            np.array([kid(*pair, subset_size=subset_size, subsets=2, dependence=dependence) for pair in pairs])
            for dependence in (Dependence((whose, whose)), INDEPENDENT)
        )
        error = np.std(of_subjects, ddof=1) / len(pairs) ** 0.5
        assert abs(np.mean(of_subjects)) < 3.5 * error < 0.1 * np.mean(of_images)


def test_pairs_of_one_subject_are_left_out() -> None:
    real, generated = features(20, 7), features(21, 6, shift=0.4)
    of_real, of_generated = [0, 0, 1, 2, 1, 0, 3], [0, 1, 1, 2, 3, 4]

    def within(sample: Array, subjects: list[int]) -> float:
        pairs = itertools.permutations(zip(sample, subjects, strict=True), 2)
        return float(np.mean([(x @ y / len(x) + 1) ** 3 for (x, one), (y, other) in pairs if one != other]))

    across = float(np.mean((real @ generated.T / 12 + 1) ** 3))
    expected = within(real, of_real) + within(generated, of_generated) - 2 * across
    dependence = Dependence((numbered(of_real), numbered(of_generated)))
    assert kid(real, generated, dependence=dependence) == pytest.approx(expected, rel=1e-12)
    score = kid_score(real, generated, extractor="x", dependence=dependence)
    assert score.parameters["estimator"] == "unbiased, over pairs of two subjects"
    without = [
        kid(
            np.delete(real, i, axis=0), generated,
            dependence=Dependence((numbered(np.delete(of_real, i).tolist()), numbered(of_generated))),
        )
        for i in range(7)
    ]
    assert score.contributions["scans"] == pytest.approx((np.mean(without) - without) * (6 / 7) ** 0.5, rel=1e-9)


def of_pairs(real: Array, generated: Array, of_cases: list[int]) -> float:
    """The definition of KID for truths and their results, pair by pair."""

    def kernel(x: Array, y: Array) -> float:
        return float((x @ y / len(x) + 1) ** 3)

    several = [(i, j) for i, j in itertools.permutations(range(len(real)), 2) if of_cases[i] != of_cases[j]]
    each = ((real, real, 1), (generated, generated, 1), (real, generated, -2))
    return sum(sign * float(np.mean([kernel(x[i], y[j]) for i, j in several])) for x, y, sign in each)


@pytest.mark.parametrize("of_cases", [list(range(7)), [0, 0, 1, 2, 1, 0, 3]])
def test_a_truth_and_its_result_are_no_independent_pair(of_cases: list[int]) -> None:
    real = features(26, 7)
    generated = real + features(27, 7) / 3
    pairs = Dependence((numbered(of_cases), numbered(of_cases)), paired=True)
    score = kid_score(real, generated, extractor="x", dependence=pairs)
    assert score.value == pytest.approx(of_pairs(real, generated, of_cases), rel=1e-9)
    without = [
        of_pairs(np.delete(real, i, axis=0), np.delete(generated, i, axis=0), np.delete(of_cases, i).tolist())
        for i in range(7)
    ]
    assert set(score.contributions) == {"cases"}
    assert score.contributions["cases"] == pytest.approx((np.mean(without) - without) * (6 / 7) ** 0.5, rel=1e-9)
    assert kid(real, generated, subset_size=7, subsets=2, dependence=pairs) == pytest.approx(score.value)


def test_the_truth_against_itself_has_distance_nothing() -> None:
    truths = features(28, 30)
    score = kid_score(truths, truths.copy(), extractor="x", dependence=Dependence(paired=True))
    assert (score.value, score.ci_low, score.ci_high) == pytest.approx((0, 0, 0), abs=1e-12)
    assert kid(truths, truths.copy()) < -0.01  # where they are taken for two samples


def test_intervals_of_pairs_cover_the_distance_of_the_populations() -> None:
    """Results are truths with a shift: 200 draws of 40 cases. As two samples not one of these intervals covers it."""
    shift = 0.3
    large = features(29, 3000)
    expected = kid(large, features(30, 3000, shift=shift))
    covered = []
    for seed in range(200):
        truths = features(100 + seed, 40)
        results = truths + shift + np.random.default_rng(seed).normal(scale=1e-3, size=truths.shape)
        score = kid_score(truths, results, extractor="x", dependence=Dependence(paired=True))
        covered.append(score.ci_low <= expected <= score.ci_high)
    assert np.mean(covered) >= 0.9


def test_one_image_a_subject_changes_no_bit() -> None:
    real, generated = features(22, 30), features(23, 20, shift=0.4)
    for size in (None, 9):
        plain, asked = (
            kid_score(real, generated, extractor="x", subset_size=size, subsets=3, dependence=Dependence(subjects))
            for subjects in ((None, None), (np.arange(30), np.arange(20)))
        )
        assert (plain.value, plain.ci_low, plain.ci_high) == (asked.value, asked.ci_low, asked.ci_high)
        assert all((plain.contributions[kind] == parts).all() for kind, parts in asked.contributions.items())


def test_sets_and_subsets_need_pairs_of_two_subjects() -> None:
    real, generated = features(24, 9), features(25, 9)
    one, three = np.zeros(9, np.int64), np.repeat(np.arange(3), 3)
    with pytest.raises(MetricError, match="real samples of at least 2 subjects, got 1"):
        kid(real, generated, dependence=Dependence((one, None)))
    with pytest.raises(MetricError, match="a subset_size above 3, the images of one subject, got 3"):
        kid(real, generated, subset_size=3, dependence=Dependence((None, three)))
    assert np.isfinite(kid(real, generated, subset_size=4, subsets=20, dependence=Dependence((three, three))))


@given(seed=seeds, n=st.integers(2, 20), m=st.integers(2, 20))
def test_symmetry_permutation_and_rotation(seed: int, n: int, m: int) -> None:
    real, generated = features(seed, n), features(seed + 1, m, shift=0.3)
    value = kid(real, generated)
    assert kid(generated, real) == pytest.approx(value, rel=1e-9, abs=1e-10)
    shuffled = np.random.default_rng(seed).permutation(generated)
    assert kid(real, shuffled) == pytest.approx(value, rel=1e-9, abs=1e-10)
    rotation = stats.ortho_group.rvs(12, random_state=np.random.default_rng(seed))
    assert kid(real @ rotation, generated @ rotation) == pytest.approx(value, rel=1e-8, abs=1e-9)


@given(seed=seeds)
def test_grows_with_a_shift(seed: int) -> None:
    real, generated = features(seed, 50), features(seed + 1, 50)
    values = [kid(real, generated + shift) for shift in (0.0, 0.5, 1.0, 2.0)]
    assert values == sorted(values)


def test_subsets_are_seeded_and_average_near_all_pairs() -> None:
    real, generated = features(11, 60), features(12, 50, shift=0.4)
    once = kid(real, generated, subset_size=25, subsets=300, seed=5)
    state = np.random.get_state()[1].copy()  # noqa: NPY002 -- the point is that nobody moves the global state
    assert kid(real, generated, subset_size=25, subsets=300, seed=5) == once
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    assert kid(real, generated, subset_size=25, subsets=300, seed=6) != once
    assert once == pytest.approx(kid(real, generated), rel=0.1)


def test_of_many_images_subsets_give_the_interval_of_all_pairs_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    real, generated = features(17, 900), features(18, 700, shift=0.4)
    exact = kid_score(real, generated, extractor="x")
    monkeypatch.setattr("ldbench.score.metrics.kid._MANY", 800)
    largest, row_sums = [0], all_pairs._row_sums

    def counted(kernel: Kernel, left: Array, right: Array) -> Array:
        largest[0] = max(largest[0], len(left), len(right))
        return row_sums(kernel, left, right)

    monkeypatch.setattr(all_pairs, "_row_sums", counted)
    score = kid_score(real, generated, extractor="x", subset_size=100, subsets=300, seed=2)
    assert largest == [100]
    assert score.value == kid(real, generated, subset_size=100, subsets=300, seed=2)
    assert (score.ci_high - score.ci_low) / (exact.ci_high - exact.ci_low) == pytest.approx(1, abs=0.25)
    assert score.ci_low < exact.value < score.ci_high
    assert score.contributions == {}
    assert score.parameters["interval"] != exact.parameters["interval"]
    with pytest.raises(MetricError, match="expected 2 subsets or more, for an interval, got 1"):
        kid_score(real, generated, extractor="x", subset_size=100, subsets=1)
    assert kid_score(real, generated, extractor="x").contributions.keys() == {"scans", "cases"}


def test_a_subset_of_everything_is_all_pairs() -> None:
    real, generated = features(13, 20), features(14, 20, shift=0.4)
    assert kid(real, generated, subset_size=20, subsets=2) == pytest.approx(kid(real, generated), rel=1e-10)


@pytest.mark.parametrize("size", [1, 21])
def test_subset_size_out_of_range(size: int) -> None:
    with pytest.raises(MetricError, match=r"2 <= subset_size <= 20"):
        kid(features(1, 20), features(2, 30), subset_size=size)


def test_score_states_what_it_is() -> None:
    real, generated = features(15, 30), features(16, 20, shift=0.4)
    score = kid_score(real, generated, extractor="inception-v3", parameters={"resize": 299})
    assert score.value == kid(real, generated)
    assert score.ci_low < score.value < score.ci_high
    assert (score.n, score.direction, score.extractor) == (20, "lower", "inception-v3")
    assert score.parameters["subset_size"] is None
    subset = kid_score(real, generated, extractor="inception-v3", subset_size=10, subsets=20, seed=4)
    assert (subset.parameters["subset_size"], subset.parameters["subset_seed"]) == (10, 4)
    with pytest.raises(MetricError, match="at least 3 generated"):
        kid_score(real, generated[:2], extractor="inception-v3")
