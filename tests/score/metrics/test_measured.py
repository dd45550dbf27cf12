"""Contributions: their squares sum to the variance each interval was made of, for every metric that has them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from ldbench.api import Measured, Score
from ldbench.errors import MetricError
from ldbench.score.metrics.change import change_score
from ldbench.score.metrics.effectiveness import flip_rate_score, target_auc_score
from ldbench.score.metrics.fid import fid_score
from ldbench.score.metrics.intervals import GROUPS, of_deletions, of_mean, t_quantile
from ldbench.score.metrics.kid import kid_score
from ldbench.score.metrics.roc import areas
from ldbench.score.metrics.truth_error import error_score

numbers = arrays(np.float64, st.integers(2, 40), elements=st.floats(-10, 10))


def squares(score: Measured) -> float:
    return sum(float((values**2).sum()) for values in score.contributions.values())


def features(count: int, seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, (count, 6))


@given(numbers)
def test_of_a_mean_they_give_its_variance(values: np.ndarray) -> None:
    found = of_mean(values)
    assert found.sum() == pytest.approx(0, abs=1e-8)
    assert (found**2).sum() == pytest.approx(values.var(ddof=1) / len(values), rel=1e-6, abs=1e-12)
    assert of_mean(values[:1]).tolist() == [0.0]


@given(numbers)
def test_leaving_each_value_out_gives_a_means_contributions(values: np.ndarray) -> None:
    left = (values.sum() - values) / (len(values) - 1)
    np.testing.assert_allclose(of_deletions(left), of_mean(values), atol=1e-9)


def test_of_fid_and_kid_they_give_the_interval() -> None:
    real, made = features(60, 0), features(50, 1, 0.5)
    fid, kid = fid_score(real, made, extractor="x"), kid_score(real, made, extractor="x")
    assert fid.ci_high - fid.value == pytest.approx(t_quantile(GROUPS - 1) * squares(fid) ** 0.5)
    assert kid.ci_high - kid.value == pytest.approx(t_quantile(49) * squares(kid) ** 0.5)
    assert {name: len(values) for name, values in kid.contributions.items()} == {"scans": 60, "cases": 50}


def test_of_kid_over_subsets_they_grow_by_what_drawing_adds() -> None:
    real, made = features(60, 0), features(50, 1, 0.5)
    whole, drawn = (kid_score(real, made, extractor="x", subset_size=size, subsets=20) for size in (None, 10))
    assert drawn.ci_high - drawn.value == pytest.approx(t_quantile(49) * squares(drawn) ** 0.5)
    assert squares(drawn) > 1.05 * squares(whole)


def test_of_areas_they_give_delongs_variance() -> None:
    random = np.random.default_rng(3)
    labels = random.integers(0, 3, 80)
    found = areas(random.normal(size=(2, 80, 3)) + np.eye(3)[labels], labels)
    assert (found.contributions_n**2).sum() == pytest.approx(found.covariance_ss.mean())


def test_the_difference_of_two_areas_has_delongs_variance_of_it() -> None:
    random = np.random.default_rng(4)
    labels = np.repeat([0, 1], 40)
    one, two = random.normal(labels, 1), random.normal(labels, 2)
    both = areas(np.stack([np.stack([-s, s], axis=1) for s in (one, two)]), labels)
    parts = [areas(np.stack([-s, s], axis=1)[None], labels).contributions_n for s in (one, two)]
    expected = both.covariance_ss[0, 0] + both.covariance_ss[1, 1] - 2 * both.covariance_ss[0, 1]
    assert ((parts[0] - parts[1]) ** 2).sum() == pytest.approx(expected)


def test_of_a_share_and_an_area_of_targets_there_is_one_a_case() -> None:
    scores = np.random.default_rng(5).normal(size=(30, 2))
    targets = ["AD", "CN"] * 15
    for score_of in (flip_rate_score, target_auc_score):
        score = score_of(scores, targets, ["CN", "AD"], {})
        assert score.contributions["cases"].shape == (30,)
        assert squares(score) > 0


def test_a_case_that_was_not_measured_adds_nothing() -> None:
    random = torch.Generator().manual_seed(0)
    result, truth = (torch.rand((5, 3, 16, 16), generator=random) for _ in range(2))
    region = torch.zeros((5, 16, 16), dtype=torch.bool)
    region[1:, 4:9] = True
    score = error_score("inside", result, truth, region)
    assert score.n == 4
    assert score.contributions["cases"][0] == 0
    assert squares(score) ** 0.5 * stats.t.ppf(0.975, 3) == pytest.approx(score.ci_high - score.value)


@pytest.mark.parametrize("value", [1e61, float("inf"), float("nan")])
def test_a_number_that_no_comparison_can_square_is_no_score(value: float) -> None:
    with pytest.raises(MetricError, match="expected finite value"):
        Score("fid", 0.0, 0.0, value, 2, "lower")


def test_a_result_holds_the_plain_score() -> None:
    images = torch.rand((3, 3, 16, 16), generator=torch.Generator().manual_seed(0))
    found = change_score("minimality", images, images.flip(0))
    assert type(found.score) is Score
    assert (found.score.value, found.score.parameters) == (found.value, found.parameters)


@pytest.mark.parametrize("degrees", [0.0, -1.0, float("nan")])
def test_an_interval_has_degrees_of_freedom_above_0(degrees: float) -> None:
    assert Measured("m", 1.0, 0.0, 2.0, 9, "lower", degrees=float("inf")).degrees == float("inf")
    with pytest.raises(MetricError, match=r"m: expected degrees of freedom above 0, got .*repair the metric"):
        Measured("m", 1.0, 0.0, 2.0, 9, "lower", degrees=degrees)
