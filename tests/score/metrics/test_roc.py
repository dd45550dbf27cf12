"""Areas and intervals against scikit-learn, DeLong's and Hillis' formulas, and how often they hold the truth."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from ldbench.errors import MetricError
from ldbench.score.metrics.roc import Areas, areas

SEEDS = st.integers(0, 2**31)


def readings(
    random: np.random.Generator, trainings: int, n: int, classes: int = 2, tau: float = 0.2
) -> tuple[np.ndarray, np.ndarray]:
    """Scores `(S, N, K)` of trainings that differ in skill and agree in part on each case, and the labels."""
    labels = np.arange(n) % classes
    skill = 1 + tau * random.normal(size=(trainings, 1, 1))
    case, own = random.normal(size=(n, classes)), random.normal(size=(trainings, n, classes))
    return skill * np.eye(classes)[labels] + (case + own) / 2**0.5, labels


@given(seed=SEEDS, n=st.integers(6, 60), classes=st.integers(2, 4), ties=st.booleans())
def test_value_equals_scikit_learn(seed: int, n: int, classes: int, ties: bool) -> None:
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(n) % classes)
    scores = random.normal(size=(n, classes)) + np.eye(classes)[labels]
    if ties:
        scores = scores.round()
    if classes == 2:
        expected = roc_auc_score(labels, scores[:, 1])
    else:
        expected = np.mean([roc_auc_score(labels == k, scores[:, k]) for k in range(classes)])
    interval = areas(scores[None], labels).interval()
    assert interval.value == pytest.approx(expected, abs=1e-12)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1


def test_memory_grows_with_the_cases_and_not_with_their_pairs() -> None:
    random, labels = np.random.default_rng(0), np.arange(20_000) % 2
    scores = random.normal(size=(1, 20_000, 2))
    tracemalloc.start()
    areas(scores, labels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * scores.nbytes


def test_interval_equals_delongs_formula_on_the_logit_scale() -> None:
    random = np.random.default_rng(1)
    labels = np.arange(50) % 2
    score = random.normal(size=50) + labels
    positive, negative = score[labels == 1], score[labels == 0]
    wins = (positive[:, None] > negative).astype(float)
    variance = wins.mean(axis=1).var(ddof=1) / 25 + wins.mean(axis=0).var(ddof=1) / 25
    area = wins.mean()
    half = 1.959964 * variance**0.5 / (area * (1 - area))
    low, high = 1 / (1 + np.exp(-(np.log(area / (1 - area)) + np.array([-half, half]))))
    interval = areas(np.stack([-score, score], axis=1)[None], labels).interval()
    assert (interval.low, interval.high) == pytest.approx((low, high), rel=1e-6)


def test_covariance_of_trainings_equals_delongs_formula() -> None:
    scores, labels = readings(np.random.default_rng(2), trainings=3, n=40)
    margin = scores[:, :, 1]
    wins = (margin[:, labels == 1][:, :, None] > margin[:, labels == 0][:, None, :]).astype(float)
    expected = np.cov(wins.mean(axis=2)) / 20 + np.cov(wins.mean(axis=1)) / 20
    np.testing.assert_allclose(areas(scores, labels).covariance_ss, expected, rtol=1e-12)


def test_interval_of_several_trainings_equals_hillis_formula() -> None:
    found = Areas(np.array([0.80, 0.84, 0.88]), np.full((3, 3), 4e-4) + np.eye(3) * 2e-4, 100, 100)
    variance = 0.04**2 / 3 + 4e-4  # MS / S + C
    degrees = 2 * ((0.04**2 + 3 * 4e-4) / 0.04**2) ** 2
    half = stats.t.ppf(0.975, degrees) * variance**0.5 / (0.84 * 0.16)
    low, high = 1 / (1 + np.exp(-(np.log(0.84 / 0.16) + np.array([-half, half]))))
    interval = found.interval()
    assert (interval.value, interval.low, interval.high) == pytest.approx((0.84, low, high), rel=1e-9)
    assert found.degrees == pytest.approx(degrees)
    agreeing = Areas(np.full(3, 0.84), found.covariance_ss, 100, 100)
    assert agreeing.degrees == Areas(np.array([0.84]), np.full((1, 1), 4e-4), 100, 100).degrees == np.inf


@given(seed=SEEDS, trainings=st.integers(2, 6), classes=st.integers(2, 4))
def test_more_trainings_are_as_one_where_all_agree_and_their_order_is_nothing(
    seed: int, trainings: int, classes: int
) -> None:
    random = np.random.default_rng(seed)
    scores, labels = readings(random, trainings, 48, classes)
    alike = areas(np.repeat(scores[:1], trainings, axis=0), labels)
    single = areas(scores[:1], labels).interval()
    assert alike.spread == pytest.approx(0, abs=1e-12)
    assert (alike.interval().low, alike.interval().high) == pytest.approx((single.low, single.high), abs=1e-9)
    interval, shuffled = areas(scores, labels).interval(), areas(random.permutation(scores), labels).interval()
    assert (interval.low, interval.high) == pytest.approx((shuffled.low, shuffled.high), abs=1e-9)
    assert interval.low <= interval.value <= interval.high


@given(seed=SEEDS, trainings=st.integers(2, 5), stretch=st.floats(1.1, 4))
def test_the_further_trainings_lie_apart_the_wider_and_never_narrower_than_with_them_held_fixed(
    seed: int, trainings: int, stretch: float
) -> None:
    scores, labels = readings(np.random.default_rng(seed), trainings, 60)
    found = areas(scores, labels)
    apart = found.mean + stretch * (found.areas_s - found.mean)
    wider = Areas(apart, found.covariance_ss, found.fewest, found.others)
    fixed = Areas(np.array([found.mean]), np.full((1, 1), found.covariance_ss.mean()), found.fewest, found.others)
    width, held = (each.interval().high - each.interval().low for each in (found, fixed))
    assert width >= held - 1e-12
    assert wider.interval().high - wider.interval().low >= width - 1e-12


@pytest.mark.parametrize("tau", [0.0, 0.5])
def test_the_interval_holds_the_mean_over_trainings_as_often_as_it_says(tau: float) -> None:
    """300 draws, so 95 % is seen as 95 plus or minus 1.3; three trainings with much spread were held in 92 to 93 %."""
    random = np.random.default_rng(3)
    truth = stats.norm.cdf(1 / (2 + tau**2) ** 0.5)  # the skill is on one side of the difference of two scores
    held = fixed = 0
    for _ in range(300):
        scores, labels = readings(random, 3, 100, tau=tau)
        margin = scores[:, :, 1]
        scores = np.stack([-margin, margin], axis=2)
        found = areas(scores, labels)
        held += found.interval().low <= truth <= found.interval().high
        alone = Areas(np.array([found.mean]), np.full((1, 1), found.covariance_ss.mean()), 50, 50).interval()
        fixed += alone.low <= truth <= alone.high
    assert held / 300 > 0.9
    if tau:
        assert fixed / 300 < 0.8  # what leaving training's variance out would cost


def test_interval_keeps_a_width_where_classes_are_separated_or_tied() -> None:
    labels = np.arange(40) % 2
    for trainings in (1, 3):
        separated = areas(np.repeat(np.stack([-labels, labels], axis=1)[None], trainings, axis=0), labels).interval()
        assert separated.value == separated.high == 1
        assert 0.85 < separated.low < 0.97
        tied = areas(np.zeros((trainings, 40, 2)), labels).interval()
        assert tied.value == 0.5
        assert 0.3 < tied.low < 0.4 < 0.6 < tied.high < 0.7


def test_non_finite_scores_are_an_error() -> None:
    with pytest.raises(MetricError, match="diverged"):
        areas(np.array([[[0.0, np.nan], [1.0, 0.0]]]), np.array([0, 1]))
