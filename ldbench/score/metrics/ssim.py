"""Structural similarity between generated images and their targets, mean of one value an image.

Wang et al. 2004 (IEEE TIP 13(4)) through torchmetrics: Gaussian window of sigma 1.5 and 11 px, k1 0.01, k2 0.03,
data range 1.0, each channel alone and averaged, in float64. As in the paper's own code and in scikit-image, only
windows that lie within the image count; torchmetrics' mean also counts windows over a reflected border (0.59 against
0.60 was seen at 64 px), so its map is cropped here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ldbench.api import Measured, Metric, ParameterValue
from ldbench.score.metrics.image_pairs import in_batches, validated_pairs
from ldbench.score.metrics.intervals import Array
from ldbench.score.metrics.mean_score import mean_score

if TYPE_CHECKING:
    import torch

WINDOW = 11
SIGMA = 1.5
_BATCH = 16


def ssim_map(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """SSIM around each pixel that is `WINDOW // 2` or more from the border: `(N, 3, H - 10, W - 10)` float64 of images
    `(N, 3, H, W)`, which are taken as they are."""
    from ldbench._torchvision import declare_missing_ops

    declare_missing_ops()
    from torchmetrics.functional.image import structural_similarity_index_measure

    _, map_nchw = structural_similarity_index_measure(
        x.double(), y.double(), gaussian_kernel=True, sigma=SIGMA, data_range=1.0, reduction="none",
        return_full_image=True,
    )
    border = WINDOW // 2
    inner: torch.Tensor = map_nchw[..., border:-border, border:-border]
    return inner


def ssim_values(generated: torch.Tensor, target: torch.Tensor) -> Array:
    """SSIM of each pair of `(N, 3, H, W) float32 in [0, 1]` images, in [-1, 1]. Raises `MetricError`."""

    def values(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return ssim_map(x, y).mean(dim=(1, 2, 3))

    return in_batches(values, *validated_pairs("ssim", generated, target, smallest=WINDOW), _BATCH)


def ssim_score(generated: torch.Tensor, target: torch.Tensor) -> Measured:
    """Mean SSIM over cases as a score, with Student's t interval."""
    return mean_score("ssim", ssim_values(generated, target), "higher", ssim_parameters())


def ssim_parameters() -> dict[str, ParameterValue]:
    """The constants of SSIM and the method of its interval, as they stand in a score."""
    return {
        "data_range": 1.0, "window": "gaussian", "window_size": WINDOW, "window_sigma": SIGMA,
        "border": "windows within the image only", "channels": "each alone, averaged",
        "interval": "95 % Student's t over cases",
    }


SSIM = Metric(
    name="ssim", title="Structural similarity",
    summary="Local agreement of luminance, contrast and structure, mean over cases; 1 for a copy.", direction="higher",
    compute=lambda inputs, settings: ssim_score(inputs.generated, inputs.stored_truths),
    compares="generated images and their targets", needs=frozenset({"truth"}), bounds=(-1.0, 1.0), axis="truth",
    catches=(
        "too-little", "too-much", "other-subject", "blur", "noise", "gain", "jpeg", "veil", "shift", "left-right",
        "upside-down", "lesion", "hole",
    ),
)
