"""Errors against the true counterfactual: both sides of the region sum to the whole, and grow with what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ldbench.errors import MetricError
from ldbench.score.metrics.truth_error import error_score, error_values
from tests.score.metrics.made_images import blocks, images, noisy


@given(seed=st.integers(0, 10_000), share=st.floats(0.1, 0.9))
def test_both_sides_weighted_by_their_pixels_are_the_whole(seed: int, share: float) -> None:
    truth = images(seed, n=3, size=16)
    result = noisy(truth, 0.2)
    region = torch.rand((3, 16, 16), generator=torch.Generator().manual_seed(seed)) < share
    region[:, 0, 0], region[:, 0, 1] = True, False
    weight = region.double().mean((1, 2)).numpy()
    inside = error_values("error_inside", result, truth, region)
    outside = error_values("error_outside", result, truth, ~region)
    whole = (result - truth).abs().double().mean((1, 2, 3)).numpy()
    assert weight * inside + (1 - weight) * outside == pytest.approx(whole, abs=1e-7)


def test_equals_numpy_case_by_case() -> None:
    truth = images(1)
    result, region = noisy(truth, 0.1), blocks(4)
    difference = np.abs(result.numpy() - truth.numpy()).transpose(0, 2, 3, 1)
    expected = [difference[i][region[i].numpy()].mean() for i in range(4)]
    assert error_values("error_inside", result, truth, region) == pytest.approx(expected, rel=1e-6)


def test_each_side_sees_its_own_faults_only() -> None:
    truth, region = images(2), blocks(4)
    inside = torch.where(region[:, None], noisy(truth, 0.1), truth)
    outside = torch.where(region[:, None], truth, noisy(truth, 0.1))
    assert error_score("inside", inside, truth, region).value > 0.01
    assert error_score("outside", inside, truth, region).value == 0
    assert error_score("inside", outside, truth, region).value == 0
    assert error_score("outside", outside, truth, region).value > 0.01


def test_grows_with_noise_from_nothing_for_the_truth() -> None:
    truth, region = images(3), blocks(4)
    for side in ("inside", "outside"):
        values = [error_score(side, noisy(truth, level), truth, region).value for level in (0.0, 0.02, 0.05, 0.1, 0.2)]
        assert values[0] == 0
        assert values == sorted(values)
        assert len(set(values)) == 5


def test_cases_without_a_pixel_on_a_side_leave_that_side_only() -> None:
    truth = images(4)
    result, region = noisy(truth, 0.1), blocks(4)
    region[0], region[1] = False, True
    inside, outside = error_score("inside", result, truth, region), error_score("outside", result, truth, region)
    assert (inside.metric, inside.n, outside.metric, outside.n) == ("error_inside", 3, "error_outside", 3)
    assert inside.value == pytest.approx(error_score("inside", result[1:], truth[1:], region[1:]).value)
    assert (inside.direction, outside.direction) == ("lower", "lower")
    region[1:3] = False
    with pytest.raises(MetricError, match="error_inside: expected 2 or more cases with pixels to compare, got 1 of 4"):
        error_score("inside", result, truth, region)
    with pytest.raises(MetricError, match="error_outside: expected 2 or more"):
        error_score("outside", result, truth, ~region)


def test_bad_input_is_one_line() -> None:
    truth, region = images(5), blocks(4)
    with pytest.raises(MetricError, match="error_inside: expected generated and target images of one shape"):
        error_score("inside", truth[:2], truth, region)
    with pytest.raises(MetricError, match="error_outside: expected a region of shape"):
        error_score("outside", truth, truth, region[:, :32])
