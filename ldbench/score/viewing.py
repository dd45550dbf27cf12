"""Viewing conditions: what an observer's eye and display leave of an image, the same for real and generated ones.

A Gaussian point spread, then white noise, as in models of observers (Barrett and Myers, Foundations of Image Science,
2004, ch. 14). A difference that no reader can see then moves no distance, and one that a reader sees still does.

Shape suffixes: n images, c channels, h rows, w columns.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ldbench._torchvision import declare_missing_ops
from ldbench.api import ParameterValue
from ldbench.task.card import ViewingConditions

if TYPE_CHECKING:
    import torch


def point_spread(images_nchw: torch.Tensor, viewing: ViewingConditions) -> torch.Tensor:
    """Images blurred by the point spread, `(N, C, H, W) float32 in [0, 1]`, mirrored at their edges.

    Pairs are compared so: the noise of an eye would be the same in both images, and drop out of their difference.
    """
    if not viewing.blur:
        return images_nchw
    declare_missing_ops()
    from torchvision.transforms.v2.functional import gaussian_blur

    reach = min(int(4 * viewing.blur + 0.5), min(images_nchw.shape[-2:]) - 1)  # a mirror needs a pixel more
    spread_nchw: torch.Tensor = gaussian_blur(images_nchw, [2 * reach + 1] * 2, [viewing.blur] * 2)
    return spread_nchw.clamp(0, 1)


def as_viewed(images_nchw: torch.Tensor, viewing: ViewingConditions) -> torch.Tensor:
    """Images with point spread and noise, `(N, C, H, W) float32 in [0, 1]`: what feature networks are shown.

    An image's noise is drawn from its own pixels, so it depends on neither order nor batch, and copies stay copies. The
    same noise goes to all channels of an image whose channels are equal.
    """
    import torch

    spread_nchw = point_spread(images_nchw, viewing)
    if not viewing.noise:
        return spread_nchw
    return torch.stack([_noisy(image_chw, viewing.noise) for image_chw in spread_nchw])


def viewing_parameters(viewing: ViewingConditions) -> dict[str, ParameterValue]:
    """The conditions as they stand in a score."""
    return {"viewing_blur": viewing.blur, "viewing_noise": viewing.noise}


def _noisy(image_chw: torch.Tensor, noise: float) -> torch.Tensor:
    import torch

    levels_chw = (image_chw * 255).round().to(torch.uint8).cpu()
    digest = hashlib.sha256(levels_chw.contiguous().numpy().tobytes()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
    channels = 1 if bool((image_chw == image_chw[:1]).all()) else len(image_chw)
    drawn_chw = torch.randn((channels, *image_chw.shape[1:]), generator=generator).to(image_chw.device)
    return (image_chw + noise * drawn_chw).clamp(0, 1)
