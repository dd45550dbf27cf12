"""What is done to the training images of a classifier: moved, mirrored, degraded and dequantised at random.

All is drawn on the CPU from a given generator. Images of a run are treated alike, so that what is drawn says nothing of
their labels. Images are `(N, 3, H, W) float32`; how strong each change may be is the recipe's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ldbench.task.metric_specs import ClassifierSpec

if TYPE_CHECKING:
    import torch


def standardised(images: torch.Tensor) -> torch.Tensor:
    """What the network takes of images in [0, 1]: their middle at 0, channels last."""
    import torch

    return ((images - 0.5) / 0.25).contiguous(memory_format=torch.channels_last)


def augmented(images: torch.Tensor, recipe: ClassifierSpec, random: torch.Generator, repeats: int) -> torch.Tensor:
    """Shifted, flipped, degraded and dequantised copies; each run of `repeats` images is treated alike."""
    import torch
    from torch.nn import functional

    n, channels, height, width = images.shape
    draws = n // repeats
    if recipe.shift:
        padded = functional.pad(images, (recipe.shift,) * 4, mode="replicate")
        offsets = torch.randint(0, 2 * recipe.shift + 1, (draws, 2), generator=random).repeat_interleave(repeats, 0)
        images = torch.stack(
            [padded[i, :, top : top + height, left : left + width] for i, (top, left) in enumerate(offsets.tolist())]
        )
    if recipe.flip:
        mirrored = (torch.rand(draws, generator=random) < 0.5).repeat_interleave(repeats)
        images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    noise = torch.rand((draws, channels, height, width), generator=random) - 0.5
    return degraded(images, recipe, random, repeats) + noise.repeat_interleave(repeats, 0) / 255


def degraded(images: torch.Tensor, recipe: ClassifierSpec, random: torch.Generator, repeats: int) -> torch.Tensor:
    """Images with a blur, a noise and a veil of random strength up to the recipe's; each run of `repeats` alike."""
    import torch

    def strengths(most: float) -> torch.Tensor:
        return (most * torch.rand(len(images) // repeats, generator=random)).repeat_interleave(repeats)

    if recipe.blur:
        images = blurred(images, strengths(recipe.blur))
    if recipe.noise:
        drawn = torch.randn((len(images) // repeats, *images.shape[1:]), generator=random).repeat_interleave(repeats, 0)
        images = images + strengths(recipe.noise)[:, None, None, None] * drawn
    if recipe.veil:
        images = images + strengths(recipe.veil)[:, None, None, None]
    return images.clamp(0, 1) if recipe.noise or recipe.veil else images


def blurred(images: torch.Tensor, sigma_n: torch.Tensor) -> torch.Tensor:
    """Each image `(C, H, W)` of a batch under a Gaussian of its own, edges repeated."""
    import torch
    from torch.nn import functional

    n, channels, height, width = images.shape
    reach = max(int(3 * float(sigma_n.max()) + 0.5), 1)
    offsets = torch.arange(-reach, reach + 1, dtype=images.dtype)
    kernel_nk = torch.exp(-0.5 * (offsets / sigma_n[:, None].clamp(min=1e-3)) ** 2)
    kernel_nk = (kernel_nk / kernel_nk.sum(dim=1, keepdim=True)).repeat_interleave(channels, 0)
    flat = functional.pad(images.reshape(1, n * channels, height, width), (reach,) * 4, mode="replicate")
    rows = functional.conv2d(flat, kernel_nk[:, None, :, None], groups=n * channels)
    return functional.conv2d(rows, kernel_nk[:, None, None, :], groups=n * channels).reshape(images.shape)
