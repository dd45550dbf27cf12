"""Statistics of groups: the distances and intervals of the features that they are of, and none of these features."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldbench.api import Measured
from ldbench.errors import MetricError
from ldbench.score.metrics.fid import fid_score, gaussians_score
from ldbench.score.metrics.frechet_readings import standardised_fid_score, standardised_gaussians_score
from ldbench.score.metrics.gaussians import FeatureSet, is_streamed
from ldbench.score.metrics.group_statistics import (
    FEWEST,
    GroupStatistics,
    group_statistics,
    triangle_size,
)
from ldbench.score.metrics.intervals import GROUPS, Subjects, numbered
from ldbench.score.metrics.set_distance import Dependence

_DISTANCES = {"fid": (fid_score, gaussians_score), "frd": (standardised_fid_score, standardised_gaussians_score)}


def features(seed: int, count: int, width: int) -> np.ndarray:
    """Of zeros and positive numbers that depend on each other, as networks give; the first is the same for all."""
    random = np.random.default_rng(seed)
    mixed = random.normal(size=(count, width)) @ np.random.default_rng(99).normal(size=(width, width))
    found = np.maximum(mixed + random.normal(), 0).astype(np.float32)
    found[:, 0] = 0.3
    return found


def both(name: str, real: np.ndarray, generated: np.ndarray, subjects: Subjects = None) -> list[Measured]:
    """The score beside features, and the one beside their statistics."""
    of_features, of_statistics = _DISTANCES[name]
    statistics = group_statistics(real, subjects)
    asked = {"extractor": "x", "parameters": {}}
    return [
        of_features(
            *([name] if name == "frd" else []), real, generated, dependence=Dependence((subjects, None)), **asked
        ),
        of_statistics(
            name, statistics, FeatureSet(generated), dependence=Dependence((statistics.subjects_n, None)), **asked
        ),
    ]


def check_equal(one: Measured, other: Measured) -> None:
    assert other.value == pytest.approx(one.value, rel=1e-9)
    assert (other.ci_low, other.ci_high) == pytest.approx((one.ci_low, one.ci_high), rel=1e-9)
    scale = float(np.abs(one.contributions["groups"]).max())
    np.testing.assert_allclose(other.contributions["groups"], one.contributions["groups"], atol=1e-9 * scale)
    assert (other.n, other.parameters, other.extractor) == (one.n, one.parameters, one.extractor)


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(sorted(_DISTANCES)), st.integers(200, 420), st.integers(20, 60), st.integers(2, 40),
    st.integers(0, 1000), st.booleans(),
)
def test_a_distance_and_its_interval_are_those_of_the_features(
    name: str, real: int, generated: int, width: int, seed: int, shared: bool
) -> None:
    owners = np.random.default_rng(seed).integers(0, real, real - 200)
    subjects = numbered([*range(200), *(200 + owners).tolist()]) if shared else None
    check_equal(*both(name, features(seed, real, width), features(seed + 1, generated, width), subjects))


@pytest.mark.parametrize("name", sorted(_DISTANCES))
def test_so_they_are_of_more_features_than_images(name: str) -> None:
    check_equal(*both(name, features(0, 210, 260), features(1, 30, 260)))


def test_so_they_are_of_a_large_set_which_is_summed_in_blocks() -> None:
    assert is_streamed(2200, 500)
    check_equal(*both("fid", features(0, 2200, 500), features(1, 60, 500)))


def test_a_group_of_few_images_or_subjects_is_refused() -> None:
    with pytest.raises(MetricError, match=r"expected 200 real images or more.* 20 groups has 10, got 199"):
        group_statistics(features(0, 199, 3), None)
    with pytest.raises(MetricError, match=r"expected 200 real subjects or more, .* got 150"):
        group_statistics(features(0, 300, 3), np.arange(300) % 150)
    found = group_statistics(features(0, GROUPS * FEWEST, 3), None)
    assert found.counts_g.tolist() == [FEWEST] * GROUPS


def test_parts_of_groups_have_no_gaussian() -> None:
    found = group_statistics(features(0, 200, 3), None)
    with pytest.raises(MetricError, match="expected whole groups"):
        found.gaussian(np.arange(1, 200))
    with pytest.raises(MetricError, match="expected whole groups"):
        found.gaussian(np.arange(0))


@pytest.mark.parametrize(("count", "width"), [(203, 30), (500, 12)])
def test_it_has_no_features_of_an_image(count: int, width: int) -> None:
    real = features(0, count, width).astype(np.float64)
    found = group_statistics(real, None)
    sizes = [min(size, width) for size in found.counts_g.tolist()]
    assert [len(each) for each in found.triangles] == [triangle_size(size, width) for size in found.counts_g.tolist()]
    assert sum(map(len, found.triangles)) <= sum(sizes) * width
    rows = np.concatenate([found.means_gd, *map(found._factor_kd, range(GROUPS))])
    nearest = np.abs(rows[:, None] - real[None]).max(axis=2).min()
    assert nearest > 1e-3 * np.abs(real).max()


def _residual(found: GroupStatistics, image_d: np.ndarray) -> float:
    """How far an image's features are from the nearest space that a group's features lie in."""
    far = math.inf
    for group in range(GROUPS):
        _, values, directions = np.linalg.svd(found._factor_kd(group))
        apart_d = image_d - found.means_gd[group]
        inside = directions[: int((values > 1e-9 * values[0]).sum())]
        far = min(far, float(np.linalg.norm(apart_d - inside.T @ (inside @ apart_d))))
    return far


@pytest.mark.parametrize(("count", "told"), [(200, True), (1200, False)])
def test_of_small_groups_one_can_tell_whose_features_they_are(count: int, told: bool) -> None:
    """What the guide says plainly: where a group has fewer images than features."""
    random = np.random.default_rng(0)
    real, other = random.normal(size=(count, 40)), random.normal(size=40)
    found = group_statistics(real, None)
    assert _residual(found, real[0]) < 1e-6
    assert (_residual(found, other) > 0.1) is told
