"""Error against the true counterfactual, inside and outside the region that truth says must change.

Mean absolute difference of pixels, one value a case: inside, whether the edit was made as it should have been;
outside, whether it left the rest as it should be. Both are 0 for the truth and no other image, which only a data set
with known counterfactuals allows; a source that is copied is wrong by exactly the edit inside. The definitions are
this suite's own. Weighted by their pixels they sum to the error over the whole image. Cases without a pixel
on one side are left out of that side, and `n` counts those that stay. Where the card has viewing conditions, images
are compared under them; the region is found without.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from ldbench.api import ImageSet, Measured, Metric, MetricInputs, NoSettings
from ldbench.score.image_sets import DerivedSet
from ldbench.score.metrics.image_pairs import validated_pairs
from ldbench.score.metrics.intervals import Array
from ldbench.score.metrics.mean_score import mean_score
from ldbench.score.metrics.region import by_region, outside, region_means, true_region, validated_region, with_pixels
from ldbench.score.metrics.viewed import viewed

if TYPE_CHECKING:
    import torch


def error_score(
    side: Literal["inside", "outside"], result: ImageSet, truth: ImageSet, region: ImageSet
) -> Measured:
    """Mean over cases of `error_values` on one side of the region `(N, H, W) bool`, with Student's t interval."""
    metric, mask = f"error_{side}", region if side == "inside" else outside(region)
    what = {
        "distance": "mean absolute difference of pixels in [0, 1]", "against": "true image",
        "region": f"{side} what the true image changes",
    }
    values = error_values(metric, result, truth, mask)
    return mean_score(metric, values, "lower", what).among(with_pixels(mask))


def error_values(metric: str, result: ImageSet, truth: ImageSet, mask: ImageSet) -> Array:
    """Mean |result - truth| over the mask's pixels and all channels, in [0, 1], one value a case that has any.

    Images are `(N, 3, H, W) float32 in [0, 1]`, the mask `(N, H, W) bool`. Raises `MetricError`.
    """
    validated_pairs(metric, result, truth, smallest=1)
    return region_means(metric, DerivedSet(_difference, (result, truth)), validated_region(metric, mask, result))


def _difference(result: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return (result - truth).abs().mean(dim=1)


def _of_side(side: Literal["inside", "outside"], inputs: MetricInputs, settings: NoSettings) -> Measured:
    return by_region(error_score(side, inputs.lazy.generated, inputs.lazy.truths, true_region(inputs)), inputs)


ERROR_INSIDE = Metric(
    name="error_inside", title="Error against truth where truth changes the source",
    summary="Mean |x' - truth| inside the region that must change; a copy is wrong by the whole edit.",
    direction="lower", compute=viewed(partial(_of_side, "inside")),
    compares="edited images, their sources and their true counterparts", needs=frozenset({"source", "truth"}),
    bounds=(0.0, 1.0), axis="truth",
    catches=(
        "too-little", "too-much", "unedited", "other-subject", "blur", "noise", "gain", "jpeg", "veil", "shift",
        "left-right", "upside-down", "lesion", "hole",
    ),
)

ERROR_OUTSIDE = Metric(
    name="error_outside", title="Error against truth where truth keeps the source",
    summary="Mean |x' - truth| outside the region that must change.", direction="lower",
    compute=viewed(partial(_of_side, "outside")), compares="edited images, their sources and their true counterparts",
    needs=frozenset({"source", "truth"}), bounds=(0.0, 1.0), axis="truth",
    catches=(
        "too-little", "too-much", "unedited", "other-subject", "blur", "noise", "gain", "jpeg", "veil", "shift",
        "left-right", "upside-down", "lesion", "hole",
    ),
)
