"""Peak signal-to-noise ratio between generated images and their targets, mean of one value an image.

`10 log10(1 / MSE)` with the MSE over an image's pixels and channels, in float64. An exact copy has no finite PSNR,
so each image's value is capped at 100 dB, and the score states the cap and counts the images at it. Only near
copies get there: the closest different pair of 8-bit images has 89 dB at 64 px and 107 dB at 512 px.
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

CAP_DB = 100.0
_BATCH = 64


def psnr_values(generated: ImageSet, target: ImageSet) -> Array:
    """PSNR in dB of each pair of `(N, 3, H, W) float32 in [0, 1]` images, at most 100. Raises `MetricError`."""
    from ldbench._torchvision import declare_missing_ops

    declare_missing_ops()
    from torchmetrics.functional.image import peak_signal_noise_ratio

    def values(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = peak_signal_noise_ratio(
            x.double(), y.double(), data_range=1.0, dim=(1, 2, 3), reduction="none"
        )
        return result.clamp(max=CAP_DB)

    return in_batches(values, *validated_pairs("psnr", generated, target, smallest=1), _BATCH)


def psnr_score(generated: ImageSet, target: ImageSet) -> Measured:
    """Mean PSNR over cases as a score, with Student's t interval."""
    values = psnr_values(generated, target)
    what: dict[str, ParameterValue] = {
        "data_range": 1.0, "average": "mean of one PSNR an image", "cap_db": CAP_DB,
        "observed_images_at_cap": int((values >= CAP_DB).sum()),
    }
    return mean_score("psnr", values, "higher", what)


PSNR = Metric(
    name="psnr", title="Peak signal-to-noise ratio",
    summary="Mean over cases of 10 log10(1 / MSE) in dB, capped at 100.", direction="higher",
    compute=lambda inputs, settings: psnr_score(inputs.lazy.generated, inputs.lazy.stored_truths),
    compares="generated images and their targets", needs=frozenset({"truth"}), bounds=(0.0, math.inf), axis="truth",
    catches=(
        "too-little", "too-much", "unedited", "other-subject", "blur", "noise", "gain", "jpeg", "veil", "shift",
        "left-right", "upside-down", "lesion", "hole",
    ),
)
