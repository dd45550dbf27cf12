"""Images for the tests of metrics, made of a seed."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch.nn.functional import interpolate


def images(seed: int, n: int = 4, size: int = 64) -> torch.Tensor:
    """Smooth colour images in [0, 1] at 8-bit levels."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand((n, 3, size // 8, size // 8), generator=random)
    smooth = interpolate(coarse, size=(size, size), mode="bicubic", align_corners=False).clamp(0, 1)
    return (smooth * 255).round() / 255


def noisy(clean: torch.Tensor, level: float) -> torch.Tensor:
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(99))
    return (clean + level * noise).clamp(0, 1)


def blocks(n: int, size: int = 64) -> torch.Tensor:
    """One rectangle a case, never the whole image, each in another place."""
    region = torch.zeros((n, size, size), dtype=torch.bool)
    for index in range(n):
        region[index, 4 * index : 4 * index + 20, 10 : 40 + index] = True
    return region


def grey_images(count: int, side: int = 48, seed: int = 0, blur: float = 2) -> torch.Tensor:
    """Smooth grey images as RGB, `(N, 3, side, side)`."""
    noise = np.random.default_rng(seed).random((count, side, side))
    smooth = ndimage.gaussian_filter(noise, (0, blur, blur))
    grey = torch.from_numpy((smooth - smooth.min()) / (smooth.max() - smooth.min())).float()
    return grey[:, None].expand(-1, 3, -1, -1).contiguous()
