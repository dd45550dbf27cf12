"""Structural similarity between generated images and their targets, mean of one value an image.

Wang et al. 2004 (IEEE TIP 13(4)): Gaussian window of sigma 1.5 and 11 px, k1 0.01, k2 0.03, data range 1.0, each
channel alone and averaged. As in the paper's own code and in scikit-image, only windows that lie within the image
count; torchmetrics' mean also counts windows over a reflected border (0.59 against 0.60 was seen at 64 px).

In float64: a variance is the small difference of two means, in flat bright parts below what float32 can hold. The
window is a product of two, one a direction, so a mean takes 22 terms and not 121, and the variances of a pair count
only as their sum, so that four means do where five stand in the formula.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ldbench.api import ImageSet, Measured, Metric, ParameterValue
from ldbench.score.metrics.image_pairs import in_batches, validated_pairs
from ldbench.score.metrics.intervals import Array
from ldbench.score.metrics.mean_score import mean_score

if TYPE_CHECKING:
    import torch

WINDOW = 11
SIGMA = 1.5
_C1, _C2 = 0.01**2, 0.03**2
_BATCH_PIXELS = 1 << 18  # of one channel: two megabytes a map, which a processor's cache holds


def ssim_map(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """SSIM around each pixel that is `WINDOW // 2` or more from the border: `(N, 3, H - 10, W - 10)` float64 of images
    `(N, 3, H, W)`, which are taken as they are."""
    channels = x.shape[1]
    if grey(x) and grey(y):  # three equal channels tell no more than one
        x, y = x[:, :1], y[:, :1]
    luminance, structure = similarities(x.double(), y.double())
    return luminance.mul_(structure).expand(-1, channels, -1, -1)


def grey(images_nchw: torch.Tensor) -> bool:
    """Whether all channels of all images are equal."""
    return bool((images_nchw == images_nchw[:, :1]).all())


def similarities(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Luminance, and contrast with structure, around each pixel that has a whole window: two `(N, C, H - 10, W - 10)`
    of images `(N, C, H, W)`; SSIM is their product."""
    mean_x, mean_y = gaussian_means(x), gaussian_means(y)
    product, squares = mean_x * mean_y, mean_x.square_().add_(mean_y.square_())
    covariance = gaussian_means(x * y).sub_(product)
    variances = gaussian_means((x * x).addcmul_(y, y)).sub_(squares)
    luminance = product.mul_(2).add_(_C1).div_(squares.add_(_C1))
    return luminance, covariance.mul_(2).add_(_C2).div_(variances.add_(_C2))


def gaussian_means(images_nchw: torch.Tensor) -> torch.Tensor:
    """Means under the Gaussian window where it lies within the image: `(N, C, H - 10, W - 10)`, a new tensor."""
    reach = WINDOW // 2
    weights = [math.exp(-(offset**2) / (2 * SIGMA**2)) for offset in range(-reach, 1)]
    total = 2 * sum(weights) - weights[reach]
    for axis in (2, 3):  # sums of shifted images: for one channel a convolution takes eight times as long
        length = images_nchw.shape[axis] - 2 * reach
        means = images_nchw.narrow(axis, reach, length) * (weights[reach] / total)
        for start, weight in enumerate(weights[:reach]):
            opposite = images_nchw.narrow(axis, 2 * reach - start, length)
            means.add_(images_nchw.narrow(axis, start, length) + opposite, alpha=weight / total)
        images_nchw = means
    return images_nchw


def ssim_values(generated: ImageSet, target: ImageSet) -> Array:
    """SSIM of each pair of `(N, 3, H, W) float32 in [0, 1]` images, in [-1, 1]. Raises `MetricError`."""

    def values(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return ssim_map(x, y).mean(dim=(1, 2, 3))

    validated_pairs("ssim", generated, target, smallest=WINDOW)
    height, width = generated.shape[-2:]
    return in_batches(values, generated, target, max(_BATCH_PIXELS // (height * width), 1))


def ssim_score(generated: ImageSet, target: ImageSet) -> Measured:
    """Mean SSIM over cases as a score, with Student's t interval."""
    return mean_score("ssim", ssim_values(generated, target), "higher", ssim_parameters())


def ssim_parameters() -> dict[str, ParameterValue]:
    """The constants of SSIM, as they stand in a score."""
    return {
        "data_range": 1.0, "window": "gaussian", "window_size": WINDOW, "window_sigma": SIGMA,
        "border": "windows within the image only", "channels": "each alone, averaged",
    }


SSIM = Metric(
    name="ssim", title="Structural similarity",
    summary="Local agreement of luminance, contrast and structure, mean over cases; 1 for a copy.", direction="higher",
    compute=lambda inputs, settings: ssim_score(inputs.lazy.generated, inputs.lazy.stored_truths),
    compares="generated images and their targets", needs=frozenset({"truth"}), bounds=(-1.0, 1.0), axis="truth",
    catches=(
        "too-little", "too-much", "other-subject", "blur", "noise", "gain", "jpeg", "veil", "shift", "left-right",
        "upside-down", "lesion", "hole",
    ),
)
