"""Identity outside the edit: against scikit-image's SSIM map, and the law that nothing inside the region counts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from ldbench.errors import MetricError
from ldbench.score.metrics.identity import (
    composite,
    identity_lpips_score,
    identity_ssim_score,
    identity_ssim_values,
    source_ssim_score,
)
from ldbench.score.metrics.lpips import lpips_values
from ldbench.score.metrics.ssim import ssim_values
from tests.score.metrics.made_images import blocks, images, noisy


def test_equals_scikit_images_map_outside_the_region() -> None:
    source = images(1)
    result, region = noisy(source, 0.1), blocks(4)
    expected = []
    for x, y, mask in zip(composite(result, source, region), source, region, strict=True):
        maps = [
            structural_similarity(
                a, b, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
            )[1]
            for a, b in zip(x.double().numpy(), y.double().numpy(), strict=True)
        ]
        expected.append(np.mean(maps, axis=0)[5:-5, 5:-5][~mask[5:-5, 5:-5].numpy()].mean())
    assert identity_ssim_values(result, source, region) == pytest.approx(expected, abs=1e-9)


def test_lpips_is_that_of_the_composite() -> None:
    source = images(2)
    result, region = noisy(source, 0.1), blocks(4)
    pasted = torch.where(region[:, None].expand_as(source), source, result)
    score = identity_lpips_score(result, source, region)
    assert score.value == pytest.approx(lpips_values(pasted, source).mean(), rel=1e-6)
    assert (score.metric, score.direction, score.n, score.extractor) == ("identity_lpips", "lower", 4, "stlpips-alex")
    assert score.value < identity_lpips_score(result, source, None).value


def changed_inside(result: torch.Tensor, region: torch.Tensor, seed: int) -> torch.Tensor:
    inside = torch.rand(result.shape, generator=torch.Generator().manual_seed(seed))
    return torch.where(region[:, None], inside, result)


@given(seed=st.integers(0, 10_000), share=st.floats(0, 1))
def test_the_composite_forgets_what_is_inside(seed: int, share: float) -> None:
    source = images(seed, n=2, size=16)
    result = noisy(source, 0.1)
    region = torch.rand((2, 16, 16), generator=torch.Generator().manual_seed(seed)) < share
    other = changed_inside(result, region, seed + 1)
    assert torch.equal(composite(result, source, region), composite(other, source, region))
    assert torch.equal(composite(source, source, region), source)


def test_nothing_inside_the_region_counts() -> None:
    source = images(3, n=2)
    result, region = noisy(source, 0.1), blocks(2)
    other = changed_inside(result, region, 4)
    assert identity_ssim_score(result, source, region) == identity_ssim_score(other, source, region)
    assert identity_lpips_score(result, source, region) == identity_lpips_score(other, source, region)
    assert identity_ssim_score(result, source, None).value > identity_ssim_score(other, source, None).value + 0.01


def test_a_copy_is_perfect_and_noise_outside_worsens() -> None:
    source, region = images(4), blocks(4)
    ssim = [identity_ssim_score(noisy(source, level), source, region).value for level in (0.0, 0.02, 0.05, 0.1)]
    lpips = [identity_lpips_score(noisy(source, level), source, region).value for level in (0.0, 0.02, 0.05, 0.1)]
    assert ssim[0] == pytest.approx(1, abs=1e-12)
    assert lpips[0] == pytest.approx(0, abs=1e-7)
    assert ssim == sorted(ssim, reverse=True)
    assert lpips == sorted(lpips)
    assert len(set(ssim)) == len(set(lpips)) == 4


def test_without_a_region_the_whole_image_counts() -> None:
    source = images(5)
    result = noisy(source, 0.1)
    score = identity_ssim_score(result, source, None)
    assert score.value == source_ssim_score(result, source).value == pytest.approx(ssim_values(result, source).mean())
    assert (score.metric, score.parameters["region"]) == ("identity_ssim", "whole image")
    nothing = torch.zeros((4, 64, 64), dtype=torch.bool)
    assert identity_ssim_values(result, source, nothing) == pytest.approx(ssim_values(result, source), abs=1e-12)
    assert identity_lpips_score(result, source, nothing).value == identity_lpips_score(result, source, None).value


def test_source_ssim_is_plain_ssim_under_its_own_name() -> None:
    source = images(6)
    score = source_ssim_score(noisy(source, 0.1), source)
    assert (score.metric, score.direction, score.parameters["against"]) == ("source_ssim", "higher", "source")


def test_cases_without_pixels_outside_are_left_out() -> None:
    source = images(7)
    result, region = noisy(source, 0.1), blocks(4)
    region[1] = True
    rest = [0, 2, 3]
    score = identity_ssim_score(result, source, region)
    assert score.n == 3
    assert score.value == pytest.approx(identity_ssim_score(result[rest], source[rest], region[rest]).value)
    assert identity_lpips_score(result, source, region).n == 3
    region[:3] = True
    with pytest.raises(MetricError, match="got 1 of 4"):
        identity_ssim_score(result, source, region)
    with pytest.raises(MetricError, match="at least 2"):
        identity_lpips_score(result, source, region)


def test_the_same_in_any_batch() -> None:
    source = images(8, n=18, size=32)
    result, region = noisy(source, 0.1), blocks(18, size=32)
    together = identity_ssim_values(result, source, region)
    apart = [identity_ssim_values(result[i : i + 2], source[i : i + 2], region[i : i + 2]) for i in range(0, 18, 2)]
    assert together == pytest.approx(np.concatenate(apart), abs=1e-12)


def test_bad_input_is_one_line() -> None:
    source = images(9)
    region = blocks(4)
    for score in (identity_ssim_score, identity_lpips_score):
        with pytest.raises(MetricError, match=r"identity_\w+: expected a region of shape"):
            score(source, source, region[:2])
        with pytest.raises(MetricError, match="one shape"):
            score(source[:, :, :32], source, region)
        with pytest.raises(MetricError, match=r"pixels in \[0, 1\]"):
            score(source + 1, source, region)
    with pytest.raises(MetricError, match="at least 11 px"):
        identity_ssim_score(source[..., :8, :8], source[..., :8, :8], region[:, :8, :8])
