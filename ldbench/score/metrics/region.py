"""Where an edit must change an image, as the true counterfactual tells: a mask of pixels, and means over it.

The counterfactual metrics split an image in two: inside, where the true image differs from its source, and outside,
where it says that nothing happens. Where no true image is known there is no region.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ldbench.api import Measured, MetricInputs
from ldbench.errors import MetricError
from ldbench.score.metrics.image_pairs import validated_pairs
from ldbench.score.metrics.intervals import Array

if TYPE_CHECKING:
    import torch


def changed_region(source: torch.Tensor, truth: torch.Tensor, threshold: float, margin: int) -> torch.Tensor:
    """The region of each pair of images `(N, 3, H, W) float32 in [0, 1]`, as `(N, H, W) bool`.

    A pixel is in where |truth - source|, averaged over channels, is above `threshold`, or where such a pixel lies at
    most `margin` rows and columns away (a square neighbourhood). Raises `MetricError`.
    """
    from torch.nn import functional

    validated_pairs("region", source, truth, smallest=1)
    if threshold < 0 or margin < 0:
        raise MetricError(
            f"region: expected threshold and margin of 0 or more, got {threshold} and {margin}; change the card"
        )
    changed_nhw = (truth - source).abs().mean(dim=1) > threshold
    widened = functional.max_pool2d(changed_nhw.float()[:, None], 2 * margin + 1, stride=1, padding=margin)
    return widened[:, 0].bool()


def validated_region(metric: str, region: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """The mask as it is, or a `MetricError`: `(N, H, W) bool` for images `(N, 3, H, W)`."""
    import torch

    expected = (len(images), *images.shape[2:])
    if tuple(region.shape) != expected or region.dtype != torch.bool:
        raise MetricError(
            f"{metric}: expected a region of shape {expected} and type bool, got {tuple(region.shape)} and "
            f"{region.dtype}; make it with changed_region"
        )
    return region


def with_pixels(mask_nhw: torch.Tensor) -> npt.NDArray[np.bool_]:
    """Which of the masks `(N, H, W) bool` hold any pixel, `(N,)`."""
    return np.asarray(mask_nhw.flatten(1).any(dim=1).cpu().numpy(), dtype=np.bool_)


def region_means(metric: str, values_nhw: torch.Tensor, mask_nhw: torch.Tensor) -> Array:
    """The mean of each case's values over the pixels of its mask, float64; cases without such a pixel are left out.

    Raises `MetricError` where fewer than two cases remain.
    """
    counts_n = mask_nhw.sum(dim=(1, 2))
    kept = counts_n > 0
    if int(kept.sum()) < 2:
        raise MetricError(
            f"{metric}: expected 2 or more cases with pixels to compare, got {int(kept.sum())} of {len(kept)}; "
            "change region_threshold or region_margin on the card"
        )
    sums_n = (values_nhw.double() * mask_nhw).sum(dim=(1, 2))
    return np.asarray((sums_n[kept] / counts_n[kept]).cpu().numpy(), dtype=np.float64)


def true_region(inputs: MetricInputs) -> torch.Tensor:
    """The region that truth says must change, `(N, H, W) bool`; `MetricError` where nobody knows it."""
    if inputs.region is None:
        raise MetricError("expected true images to find the region that must change, got none; drop the metric")
    return inputs.region


def by_region(score: Measured, inputs: MetricInputs) -> Measured:
    """The score, saying by which settings of the card the region was found, where there is one."""
    return replace(score, parameters={**score.parameters, **inputs.region_parameters})
