"""MS-SSIM among generated images: its definition, the pairs, the jackknife, the laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from ldbench._torchvision import declare_missing_ops
from ldbench.errors import MetricError
from ldbench.score.metrics.intervals import Array
from ldbench.score.metrics.ms_ssim import WEIGHTS, ms_ssim_diversity_score, ms_ssim_values, pairs_of, scales
from tests.score.metrics.made_images import grey_images


def by_definition(x: Array, y: Array, betas: list[float]) -> float:
    """Wang et al. 2003 with scipy's filter: contrast and structure at each scale, luminance at the last one."""

    def smooth(image: Array) -> Array:
        return np.asarray(ndimage.gaussian_filter(image, 1.5, mode="mirror", radius=5)[5:-5, 5:-5])

    product = 1.0
    for scale, beta in enumerate(betas):
        mean_x, mean_y = smooth(x), smooth(y)
        var_x, var_y = smooth(x * x) - mean_x**2, smooth(y * y) - mean_y**2
        structure = (2 * (smooth(x * y) - mean_x * mean_y) + 0.03**2) / (var_x + var_y + 0.03**2)
        if scale == len(betas) - 1:
            structure = structure * (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
        product *= max(float(structure.mean()), 0.0) ** beta
        x, y = (each.reshape(len(each) // 2, 2, -1, 2).mean(axis=(1, 3)) for each in (x, y))
    return product


@pytest.mark.parametrize("side", [48, 96])
def test_equals_the_definition(side: int) -> None:
    some = grey_images(2, side)
    some[1] = (some[0] + some[1]) / 2
    used = WEIGHTS[: scales(side)]
    expected = by_definition(*(each[0].double().numpy() for each in some), [beta / sum(used) for beta in used])
    assert expected > 0.01
    assert ms_ssim_values(some[:1], some[1:])[0] == pytest.approx(expected, rel=1e-4)  # pixels are float32


def test_is_torchmetrics_but_for_the_border() -> None:
    declare_missing_ops()
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

    some = grey_images(2, 256, blur=20)
    theirs = float(multiscale_structural_similarity_index_measure(some[:1], some[1:], data_range=1.0))
    assert ms_ssim_values(some[:1], some[1:])[0] == pytest.approx(theirs, abs=0.02)
    assert theirs < 0.9


def test_small_images_have_fewer_scales() -> None:
    assert [scales(side) for side in (10, 11, 43, 44, 64, 88, 128, 176, 512)] == [0, 1, 2, 3, 3, 4, 4, 5, 5]


@given(first=st.integers(0, 9), second=st.integers(0, 9), partners=st.integers(1, 12), seed=st.integers(0, 99))
def test_pairs_are_of_one_class_and_none_comes_twice(first: int, second: int, partners: int, seed: int) -> None:
    labels = ["a"] * first + ["b"] * second
    pairs = pairs_of(labels, partners, seed)
    assert all(labels[left] == labels[right] and left != right for left, right in pairs)
    assert len({frozenset(pair) for pair in pairs.tolist()}) == len(pairs)
    degrees = np.bincount(pairs.ravel(), minlength=len(labels))
    assert degrees.tolist() == [min(2 * partners, count - 1) for count in (first, second) for _ in range(count)]


def test_jackknife_leaves_out_each_image_with_its_pairs() -> None:
    some, labels = grey_images(7), ["a"] * 7
    pairs = pairs_of(labels, 2, 3)
    values = 1 - ms_ssim_values(some[pairs[:, 0]], some[pairs[:, 1]])
    left = np.array([values[(pairs != i).all(axis=1)].mean() for i in range(7)])
    score = ms_ssim_diversity_score(some, labels, partners=2, seed=3)
    assert score.value == pytest.approx(values.mean())
    assert score.contributions["cases"] == pytest.approx((left.mean() - left) * (6 / 7) ** 0.5)


def test_copies_have_none_and_a_collapse_has_less() -> None:
    some, labels = grey_images(8), ["a"] * 4 + ["b"] * 4
    alike = some[[0, 0, 0, 0, 4, 4, 4, 4]]
    assert ms_ssim_diversity_score(alike, labels).value == pytest.approx(0, abs=1e-9)
    few = ms_ssim_diversity_score(some[[0, 1, 0, 1, 4, 5, 4, 5]], labels)
    assert 0 < few.value < ms_ssim_diversity_score(some, labels).value


def test_score_states_what_it_is() -> None:
    score = ms_ssim_diversity_score(grey_images(9), ["a"] * 9, partners=2, seed=5)
    assert (score.metric, score.n, score.direction) == ("ms_ssim_diversity", 9, "higher")
    assert (score.parameters["scales"], score.parameters["pairs"], score.parameters["pair_seed"]) == (3, 18, 5)
    assert score.ci_low < score.value < score.ci_high
    with pytest.raises(MetricError, match="expected several images of a class, got 0 pairs among 2 images"):
        ms_ssim_diversity_score(grey_images(2), ["a", "b"])


def test_a_group_has_its_own_pairs_alone() -> None:
    shown, labels = grey_images(24), ["CN", "AD"] * 12
    whole = ms_ssim_diversity_score(shown, labels, partners=11)  # all pairs of a class
    rows = np.array([0, 1, 2, 3, 6, 7, 10, 11, 14, 15, 20, 21])
    alone = ms_ssim_diversity_score(shown[rows.tolist()], [labels[row] for row in rows], partners=11)
    assert whole.within is not None
    found = whole.within(rows)
    assert found.n == len(rows)
    assert (found.value, found.ci_low, found.ci_high) == pytest.approx((alone.value, alone.ci_low, alone.ci_high))
    with pytest.raises(MetricError, match="expected 20 or more pairs within a group, got 2"):
        whole.within(rows[:4])
