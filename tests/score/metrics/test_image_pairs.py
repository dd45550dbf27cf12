"""SSIM, PSNR and LPIPS against independent implementations, and against their own properties."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch.nn.functional import avg_pool2d, interpolate

from ldbench._torchvision import declare_missing_ops
from ldbench.api import Score
from ldbench.errors import MetricError, UnknownNameError, WeightsError
from ldbench.score.metrics.lpips import lpips_score, lpips_values
from ldbench.score.metrics.psnr import CAP_DB, psnr_score, psnr_values
from ldbench.score.metrics.ssim import ssim_map, ssim_score, ssim_values
from tests.score.metrics.made_images import images, noisy

SCORES: dict[str, Callable[[torch.Tensor, torch.Tensor], Score]] = {
    "ssim": ssim_score,
    "psnr": psnr_score,
    "lpips": lpips_score,
}


def test_ssim_equals_scikit_image() -> None:
    clean = images(1)
    other = noisy(clean, 0.1)
    expected = [
        structural_similarity(
            x.double().numpy(),
            y.double().numpy(),
            channel_axis=0,
            data_range=1.0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for x, y in zip(other, clean, strict=True)
    ]
    assert ssim_values(other, clean) == pytest.approx(expected, abs=1e-9)


def test_psnr_equals_scikit_image_and_torchmetrics() -> None:
    declare_missing_ops()
    from torchmetrics.functional.image import peak_signal_noise_ratio as torchmetrics_psnr

    clean = images(2)
    other = noisy(clean, 0.1)
    values = psnr_values(other, clean)
    pairs = list(zip(other.double(), clean.double(), strict=True))
    expected = [peak_signal_noise_ratio(y.numpy(), x.numpy(), data_range=1.0) for x, y in pairs]
    # torchmetrics takes its logarithm of the base in float32
    assert values == pytest.approx(expected, rel=1e-7)
    assert values == pytest.approx([float(torchmetrics_psnr(x, y, data_range=1.0)) for x, y in pairs], rel=1e-10)


def test_ssim_equals_torchmetrics_inside_the_border() -> None:
    declare_missing_ops()
    from torchmetrics.functional.image import structural_similarity_index_measure

    clean = images(3)
    other = noisy(clean, 0.2)
    mean, full = structural_similarity_index_measure(
        other, clean, data_range=1.0, reduction="none", return_full_image=True
    )
    inside = full[..., 5:-5, 5:-5].mean(dim=(1, 2, 3))
    assert ssim_values(other, clean) == pytest.approx(inside.tolist(), abs=2e-5)  # theirs in float32
    assert (mean - inside).abs().max() > 1e-3  # what its reflected border adds, and why it is cropped


@pytest.mark.parametrize("kind", ["colour", "grey", "flat", "large"])
def test_ssim_map_is_the_definitions_in_one_window_of_two_dimensions(kind: str) -> None:
    """torchmetrics filters in float64 with the whole window; "flat" is where float32 fails."""
    declare_missing_ops()
    from torchmetrics.functional.image import structural_similarity_index_measure

    clean = images(3, n=1 if kind == "large" else 3, size=200 if kind == "large" else 32)
    clean = {"grey": clean[:, :1].expand(-1, 3, -1, -1), "flat": 0.9 + clean / 500}.get(kind, clean)
    other = noisy(clean, 0.002 if kind == "flat" else 0.1)
    other = other[:, :1].expand(-1, 3, -1, -1) if kind == "grey" else other
    _, full = structural_similarity_index_measure(
        other.double(), clean.double(), sigma=1.5, data_range=1.0, reduction="none", return_full_image=True
    )
    expected = full[..., 5:-5, 5:-5]
    assert ssim_map(other, clean).shape == expected.shape
    assert float((ssim_map(other, clean) - expected).abs().max()) < 1e-10
    assert ssim_values(other, clean) == pytest.approx(expected.mean(dim=(1, 2, 3)).numpy(), rel=1e-12)


def test_ssim_leaves_its_images_as_they_are() -> None:
    clean = images(3).double()
    other, before = noisy(clean, 0.1), clean.clone()
    copy = other.clone()
    ssim_map(other, clean)
    assert torch.equal(clean, before)
    assert torch.equal(other, copy)


def test_lpips_equals_its_package() -> None:
    declare_missing_ops()
    from stlpips_pytorch import stlpips

    network = stlpips.LPIPS(net="alex", variant="shift_tolerant", pretrained=False, verbose=False)
    path = Path(stlpips.__file__).parent / "weights/vST0.0/alex_shift_tolerant.pth"
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), strict=False)
    clean = images(4)
    other = noisy(clean, 0.1)
    with torch.no_grad():
        expected = [float(network(2 * x[None] - 1, 2 * y[None] - 1)) for x, y in zip(other, clean, strict=True)]
    assert lpips_values(other, clean) == pytest.approx(expected, abs=1e-6)
    assert min(expected) > 1e-3


@pytest.mark.parametrize(("metric", "copy"), [("ssim", 1.0), ("psnr", CAP_DB), ("lpips", 0.0)])
def test_a_copy_scores_best(metric: str, copy: float) -> None:
    clean = images(5)
    score = SCORES[metric](clean, clean)
    assert score.value == pytest.approx(copy, abs=1e-6)
    assert score.n == 4
    if metric == "psnr":
        assert (score.parameters["cap_db"], score.parameters["observed_images_at_cap"]) == (CAP_DB, 4)


@pytest.mark.parametrize("metric", SCORES)
def test_symmetry(metric: str) -> None:
    clean = images(6)
    other = noisy(clean, 0.1)
    assert SCORES[metric](clean, other).value == pytest.approx(SCORES[metric](other, clean).value, rel=1e-5)


@pytest.mark.parametrize("metric", SCORES)
def test_worsens_with_noise(metric: str) -> None:
    clean = images(7)
    scores = [SCORES[metric](noisy(clean, level), clean) for level in (0.0, 0.02, 0.05, 0.1, 0.2)]
    values = [score.value for score in scores]
    assert values == sorted(values, reverse=scores[0].direction == "higher")
    assert len(set(values)) == len(values)


@pytest.mark.parametrize("metric", SCORES)
def test_worsens_with_blur(metric: str) -> None:
    clean = noisy(images(8), 0.05)
    scores = [
        SCORES[metric](interpolate(avg_pool2d(clean, width), size=64, mode="bilinear"), clean) for width in (1, 2, 4, 8)
    ]
    values = [score.value for score in scores]
    assert values == sorted(values, reverse=scores[0].direction == "higher")


@pytest.mark.parametrize("metric", SCORES)
def test_interval_is_students_t_over_cases(metric: str) -> None:
    clean = images(9)
    levels = torch.tensor([0.02, 0.05, 0.1, 0.2])[:, None, None, None]
    other = (clean + levels * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
    values = {"ssim": ssim_values, "psnr": psnr_values, "lpips": lpips_values}[metric](other, clean)
    score = SCORES[metric](other, clean)
    half = 3.182446 * values.std(ddof=1) / 2  # t quantile at 3 degrees of freedom
    assert score.value == pytest.approx(values.mean())
    assert score.ci_high == pytest.approx(values.mean() + half, rel=1e-5)
    assert score.ci_low == pytest.approx(values.mean() - half)


def test_lpips_is_the_same_for_any_batch_size() -> None:
    clean = images(10, n=5)
    other = noisy(clean, 0.1)
    reference = lpips_values(other, clean, batch_size=1)
    for size in (2, 5):
        assert np.abs(lpips_values(other, clean, batch_size=size) - reference).max() < 1e-6


@pytest.mark.parametrize("metric", SCORES)
def test_bad_input_is_one_line(metric: str) -> None:
    clean = images(11)
    with pytest.raises(MetricError, match="one shape"):
        SCORES[metric](clean, clean[:2])
    with pytest.raises(MetricError, match="at least 2 finite values"):
        SCORES[metric](clean[:1], clean[:1])
    for wrong in (math.nan, 1.5, -0.1):
        broken = clean.clone()
        broken[0, 0, 0, 0] = wrong
        with pytest.raises(MetricError, match=r"pixels in \[0, 1\]"):
            SCORES[metric](broken, clean)


def test_images_smaller_than_the_window() -> None:
    small = torch.zeros(2, 3, 8, 8)
    with pytest.raises(MetricError, match="at least 11 px"):
        ssim_score(small, small)
    with pytest.raises(MetricError, match="at least 32 px"):
        lpips_score(small, small)


def test_lpips_never_swaps_its_network() -> None:
    clean = images(12)
    with pytest.raises(WeightsError, match=r"alexnet-owt-7be5be79\.pth.*download\.pytorch\.org"):
        lpips_score(clean, clean, extractor="lpips-alex")
    with pytest.raises(UnknownNameError, match="did you mean"):
        lpips_score(clean, clean, extractor="lpips-alexnet")
