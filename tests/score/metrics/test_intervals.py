"""Intervals: exact small cases, and a coverage simulation small enough for every run."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ldbench.errors import MetricError
from ldbench.score.metrics.fid import fid
from ldbench.score.metrics.intervals import (
    class_groups,
    deletion_groups,
    group_jackknife,
    mean_interval,
    one_of_each,
    reach_of_difference,
    t_quantile,
    wilson_interval,
)


def test_mean_interval_equals_scipy() -> None:
    values = np.random.default_rng(1).exponential(size=30)
    low, high = stats.t.interval(0.95, 29, loc=values.mean(), scale=stats.sem(values))
    interval = mean_interval(values, "ssim")
    assert (interval.value, interval.low, interval.high) == pytest.approx((values.mean(), low, high))


def test_mean_interval_refuses_what_it_cannot_do() -> None:
    for values in ([1.0], [], [1.0, np.nan]):
        with pytest.raises(MetricError, match="at least 2 finite values"):
            mean_interval(values, "ssim")


@pytest.mark.parametrize(("size", "groups"), [(20, 20), (23, 5), (200, 20)])
def test_each_case_is_left_out_once(size: int, groups: int) -> None:
    masks = deletion_groups(size, groups, np.random.default_rng(2))
    left_out = np.array([~mask for mask in masks])
    assert (left_out.sum(axis=0) == 1).all()
    assert left_out.sum(axis=1).max() - left_out.sum(axis=1).min() <= 1


@pytest.mark.parametrize("few", [3, 5, 12])
def test_every_class_is_left_two_samples_and_groups_stay_alike(few: int) -> None:
    for seed in range(30):
        labels = np.random.default_rng(seed).permutation(["a"] * (37 - few) + ["b"] * few)
        masks = class_groups(labels, 20, np.random.default_rng(seed))
        left_out = np.array([~mask for mask in masks])
        assert (left_out.sum(axis=0) == 1).all()
        assert left_out.sum(axis=1).max() - left_out.sum(axis=1).min() <= 1
        assert all((labels[mask] == "b").sum() >= 2 for mask in masks)


def test_classes_with_enough_samples_change_no_group() -> None:
    labels = np.array(["a", "b"] * 30)
    plain, found = (
        groups(of, 20, np.random.default_rng(7)) for groups, of in ((deletion_groups, 60), (class_groups, labels))
    )
    assert np.array_equal(plain, found)


@given(degrees=st.floats(0.5, 1e6), level=st.floats(0.5, 0.9999))
def test_a_quantile_is_scipys_to_the_last_bit(degrees: float, level: float) -> None:
    assert t_quantile(degrees, level) == stats.t.ppf(0.5 + level / 2, degrees)


def test_jackknife_of_a_difference_of_means_has_its_known_error() -> None:
    """With groups of one case the squared standard error is var_n / n + var_m / m - 2 x a chance pairing."""
    random = np.random.default_rng(3)
    real, generated = random.normal(size=(400, 1)), random.normal(size=(400, 1)) + 1.0
    interval, _ = group_jackknife(
        lambda a, b: float(b.mean() - a.mean()), real, generated, metric="d", groups=400, seed=0
    )
    expected = stats.t.ppf(0.975, 399) * (real.var(ddof=1) / 400 + generated.var(ddof=1) / 400) ** 0.5
    assert (interval.high - interval.low) / 2 == pytest.approx(expected, rel=0.1)
    assert interval.value == pytest.approx(generated.mean() - real.mean())


def test_pairs_are_left_out_together() -> None:
    """A shift that is the same in every pair has no error then, and much where sets are taken for independent."""
    truths = np.random.default_rng(4).normal(size=(60, 1))
    subjects = np.repeat(np.arange(30), 2)

    def half(paired: bool, whose: np.ndarray | None, classes: np.ndarray | None) -> float:
        interval, parts = group_jackknife(
            lambda a, b: float(b.mean() - a.mean()), truths, truths + 1, metric="d", seed=0, paired=paired,
            subjects=(whose, whose), classes=None if classes is None else (classes, classes),
        )
        assert len(parts) == 20
        return interval.high - interval.value

    for whose, classes in ((None, None), (subjects, None), (None, np.arange(60) % 2)):
        assert half(True, whose, classes) < 1e-12 < 0.1 < half(False, whose, classes)


@pytest.mark.parametrize(
    ("sizes", "subjects"), [((5, 1), (None, None)), ((5, 4), (None, np.zeros(4, np.int64)))], ids=["images", "subjects"]
)
def test_a_jackknife_of_which_nothing_can_be_left_out_is_refused(
    sizes: tuple[int, int], subjects: tuple[np.ndarray | None, np.ndarray | None]
) -> None:
    real, generated = (np.zeros(size) for size in sizes)
    with pytest.raises(MetricError, match=r"d: expected 2 images or more, of different subjects, .* got 1; score more"):
        group_jackknife(lambda a, b: 0.0, real, generated, metric="d", seed=0, subjects=subjects)


@pytest.mark.slow
def test_coverage_for_expected_fid() -> None:
    """leaderboards/interval_coverage.py prints the full table; here 200 pairs of Gaussian samples, n = 60, d = 32."""
    scale = np.arange(1, 33) ** -0.5

    def draw(seed: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng(seed)
        return random.normal(size=(60, 32)) * scale, (random.normal(size=(60, 32)) + 0.3) * scale

    intervals = [group_jackknife(fid, *draw(seed), metric="fid", groups=20, seed=seed)[0] for seed in range(200)]
    expected = np.mean([fid(*draw(seed)) for seed in range(1000, 3000)])
    covered = np.mean([interval.low <= expected <= interval.high for interval in intervals])
    assert covered >= 0.92


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (0.5, 10), (3, 10), (10, 10), (17, 40)])
def test_wilson_is_the_score_interval(hits: float, n: int) -> None:
    """The bounds are the shares that a score test just doesn't reject; of whole counts they are scipy's."""
    found = wilson_interval(hits / n, n)
    for bound in (found.low, found.high):
        if 1e-9 < bound < 1 - 1e-9:
            assert abs(hits / n - bound) / (bound * (1 - bound) / n) ** 0.5 == pytest.approx(1.959964, rel=1e-5)
    if hits == int(hits):
        scipys = stats.binomtest(int(hits), n).proportion_ci(method="wilson")
        assert (found.low, found.high) == pytest.approx((scipys.low, scipys.high), abs=1e-12)


def test_a_difference_reaches_as_far_as_its_two_values_do_together() -> None:
    assert reach_of_difference(3, 4) == 5
    assert reach_of_difference(3, 4, 1) == pytest.approx(1)
    assert reach_of_difference(3, 4, -1) == pytest.approx(7)
    assert reach_of_difference(2, 2, 1) == 0
    assert reach_of_difference(1, 1, 0.5) == pytest.approx(math.hypot(1, 1) / 2**0.5)


def test_one_image_of_each_subject_is_drawn_and_each_as_often() -> None:
    subjects = np.array([0, 1, 0, 2, 0, 1])
    drawn = [one_of_each(6, subjects, np.random.default_rng(seed)) for seed in range(600)]
    assert all(np.array_equal(np.sort(subjects[rows]), [0, 1, 2]) and (np.diff(rows) > 0).all() for rows in drawn)
    assert np.bincount(np.concatenate(drawn))[[0, 2, 4]] == pytest.approx(200, abs=50)
    assert np.array_equal(one_of_each(4, None, np.random.default_rng(0)), np.arange(4))
