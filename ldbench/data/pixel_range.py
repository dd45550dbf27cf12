"""Images whose pixels are not in [0, 1]: what is wrong with them, and what repairs it."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

RANGE_DUST = 1e-6  # float32 sampling ends this far outside [0, 1]; more is a mistake of the generator
_NEAR = 0.1  # sampling overshoots by so much; images in [-1, 1] lie further out


def range_fault(images: NDArray[Any] | torch.Tensor, name: Callable[[int], str]) -> tuple[str, str] | None:
    """What images `(N, ...)` of floats have in place of pixels in [0, 1], and the remedy; None where all are in there.

    Up to 1e-6 outside is none. `name` says where the image at an index is, as "in 'case-3'" or "at index 3".
    """
    low, high = float(images.min()), float(images.max())
    if low >= -RANGE_DUST and high <= 1 + RANGE_DUST:  # false for NaN
        return None
    broken = [index for index, image in enumerate(images) if not _finite(image)]
    if broken:
        got = f"NaN or infinity in {len(broken)} of {len(images)} images, first {name(broken[0])}"
        return got, "look for a division by zero or an overflow"
    got = f"{low:.6g} to {high:.6g}"
    if low >= -_NEAR and high <= 1 + _NEAR:
        return got, "clamp what sampling leaves outside (clamp(0, 1))"
    return got, "scale them (x / 255, or (x + 1) / 2), and clamp what noise leaves outside"


def _finite(image: NDArray[Any] | torch.Tensor) -> bool:
    return isfinite(float(image.min())) and isfinite(float(image.max()))  # a NaN is both of them
