"""The distance's own laws, and scipy's Wasserstein distance as an independent implementation of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ldbench.errors import MetricError, UsageError
from ldbench.studies.parameters.distance import Measure, on_latents, on_pixels, parse_distance

Array = npt.NDArray[np.float32]
SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=20)


def pixels(seed: int, count: int = 5, low: int = 0, high: int = 256) -> Array:
    return (np.random.default_rng(seed).integers(low, high, (count, 3, 6, 5)) / 255).astype(np.float32)


def normal(seed: int, count: int = 6) -> Array:
    random = np.random.default_rng(seed)
    return random.normal(random.normal(size=(1, 4, 1, 1)), 1, (count, 4, 6, 6)).astype(np.float32)


def between(measure: Measure, first: Array, second: Array) -> float:
    return measure.distance(measure.features(first).mean(axis=0), measure.features(second).mean(axis=0))


@FEW
@given(SEEDS, SEEDS, SEEDS)
def test_channels_and_mean_image_are_distances(a: int, b: int, c: int) -> None:
    first, second, third = pixels(a), pixels(b, 7, high=200), pixels(c, 3, low=90)
    for measure in (on_pixels("channels"), on_pixels("mean-image")):
        assert between(measure, first, first) == 0
        assert between(measure, first, second) == pytest.approx(between(measure, second, first), abs=1e-7)
        around = between(measure, first, second) + between(measure, second, third)
        assert between(measure, first, third) <= around + 1e-6


@FEW
@given(SEEDS, st.integers(0, 60))
def test_a_shift_by_c_is_a_distance_of_c(seed: int, levels: int) -> None:
    images = pixels(seed, high=196)
    moved = (images + np.float32(levels / 255)).astype(np.float32)
    for measure in (on_pixels("channels"), on_pixels("mean-image")):
        assert between(measure, images, moved) == pytest.approx(levels / 255, abs=1e-6)


@FEW
@given(SEEDS, SEEDS)
def test_channels_is_the_area_between_distributions(a: int, b: int) -> None:
    first, second = pixels(a, 4), pixels(b, 9, low=30, high=160)
    independent = np.mean(
        [stats.wasserstein_distance(first[:, c].ravel(), second[:, c].ravel()) for c in range(3)]
    )
    assert between(on_pixels("channels"), first, second) == pytest.approx(independent, abs=1e-6)


@FEW
@given(SEEDS, SEEDS)
def test_with_equal_numbers_channels_is_the_mean_difference_of_sorted_values(a: int, b: int) -> None:
    first, second = pixels(a), pixels(b)
    ordered = [np.sort(each.transpose(1, 0, 2, 3).reshape(3, -1), axis=1) for each in (first, second)]
    expected = np.abs(ordered[0] - ordered[1]).mean()
    assert between(on_pixels("channels"), first, second) == pytest.approx(expected, abs=1e-6)


@FEW
@given(SEEDS, SEEDS)
def test_latents_agree_with_the_exact_distance_to_a_fraction_of_a_step(a: int, b: int) -> None:
    reference, other = normal(a), normal(b, 9)
    measure = on_latents("latents", reference)
    independent = np.mean(
        [stats.wasserstein_distance(reference[:, c].ravel(), other[:, c].ravel()) for c in range(4)]
    )
    assert between(measure, reference, other) == pytest.approx(independent, abs=0.01)
    assert between(measure, reference, reference) == 0


def test_latents_far_outside_count_as_far_and_a_dead_channel_is_no_problem() -> None:
    reference = normal(0)
    reference[:, 3] = 0.5
    measure = on_latents("latents", reference)
    assert between(measure, reference, reference + 1e6) > 10
    assert between(measure, reference, reference) == 0


def test_mean_latent_sees_where_and_latents_does_not() -> None:
    reference = normal(1)
    turned = reference[:, :, ::-1].copy()
    assert between(on_latents("latents", reference), reference, turned) == pytest.approx(0, abs=1e-6)
    assert between(on_latents("latent-mean", reference), reference, turned) > 0.1


@FEW
@given(SEEDS)
def test_a_resample_is_the_distance_of_the_resampled_images(seed: int) -> None:
    random = np.random.default_rng(seed)
    images, reference = pixels(seed, 6), pixels(seed + 1, 4, low=50)
    drawn = random.integers(6, size=6)
    share = np.bincount(drawn, minlength=6)[None].astype(np.float32) / 6
    for measure in (on_pixels("channels"), on_pixels("mean-image")):
        resampled = measure.resampled(measure.features(images), measure.features(reference).mean(axis=0), share)
        assert resampled == pytest.approx([between(measure, images[drawn], reference)], abs=1e-5)


def test_what_is_not_finite_or_not_named_is_refused() -> None:
    broken = pixels(0)
    broken[0, 0, 0, 0] = np.nan
    with pytest.raises(MetricError, match="expected finite images"):
        on_pixels("channels").features(broken)
    with pytest.raises(UsageError, match=r"--distance: expected one of channels, .*got 'l2'"):
        parse_distance("l2")
