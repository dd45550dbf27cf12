"""Where an edit must change an image, as the true counterfactual tells: a mask of pixels, and means over it.

The counterfactual metrics split an image in two: inside, where the true image differs from its source, and outside,
where it says that nothing happens. Where no true image is known there is no region.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from ldbench.api import ImageSet, Measured, MetricInputs
from ldbench.errors import MetricError
from ldbench.score.image_sets import DerivedSet, over_batches
from ldbench.score.metrics.image_pairs import validated_pairs
from ldbench.score.metrics.intervals import Array

if TYPE_CHECKING:
    import torch

Region = TypeVar("Region", bound=ImageSet)
_BATCH = 16


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


def validated_region(metric: str, region: Region, images: ImageSet) -> Region:
    """The mask as it is, or a `MetricError`: `(N, H, W) bool` for images `(N, 3, H, W)`."""
    import torch

    expected, found = (len(images), *images.shape[2:]), region[:1].dtype
    if tuple(region.shape) != expected or found != torch.bool:
        raise MetricError(
            f"{metric}: expected a region of shape {expected} and type bool, got {tuple(region.shape)} and "
            f"{found}; make it with changed_region"
        )
    return region


def outside(region: ImageSet) -> DerivedSet:
    """The rest of each image, `(N, H, W) bool`."""
    import torch

    return DerivedSet(torch.logical_not, (region,))


def with_pixels(mask_nhw: ImageSet) -> npt.NDArray[np.bool_]:
    """Which of the masks `(N, H, W) bool` hold any pixel, `(N,)`."""
    parts = over_batches(lambda masks: masks.flatten(1).any(dim=1).cpu().numpy(), mask_nhw)
    return np.asarray(np.concatenate(parts), dtype=np.bool_)


def region_means(metric: str, values_nhw: ImageSet, mask_nhw: ImageSet) -> Array:
    """The mean of each case's values over the pixels of its mask, float64; cases without such a pixel are left out.

    Raises `MetricError` where fewer than two cases remain.
    """
    counts_n, sums_n = _counts_and_sums(values_nhw, mask_nhw)
    kept = counts_n > 0
    if int(kept.sum()) < 2:
        raise MetricError(
            f"{metric}: expected 2 or more cases with pixels to compare, got {int(kept.sum())} of {len(kept)}; "
            "change region_threshold or region_margin on the card"
        )
    return np.asarray((sums_n[kept] / counts_n[kept]).cpu().numpy(), dtype=np.float64)


def _counts_and_sums(values_nhw: ImageSet, mask_nhw: ImageSet) -> tuple[torch.Tensor, torch.Tensor]:
    """How many pixels each mask has, and the sum of the values over them, `(N,)` each."""
    import torch

    def of_batch(values: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return mask.sum(dim=(1, 2)), (values.double() * mask).sum(dim=(1, 2))

    counts, sums = zip(*over_batches(of_batch, values_nhw, mask_nhw, most=_BATCH), strict=True)
    return torch.cat(counts), torch.cat(sums)


def true_region(inputs: MetricInputs) -> ImageSet:
    """The region that truth says must change, `(N, H, W) bool`; `MetricError` where nobody knows it."""
    if inputs.lazy.region is None:
        raise MetricError("expected true images to find the region that must change, got none; drop the metric")
    return inputs.lazy.region


def by_region(score: Measured, inputs: MetricInputs) -> Measured:
    """The score, saying by which settings of the card the region was found, where there is one."""
    return replace(score, parameters={**score.parameters, **inputs.region_parameters})
