"""Pairs of images: the check that every paired metric makes, and its way through them in batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ldbench.api import Batches
from ldbench.errors import MetricError
from ldbench.score.metrics.intervals import Array

if TYPE_CHECKING:
    import torch


def validated_pairs(
    metric: str, generated: torch.Tensor, target: torch.Tensor, smallest: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both sets as they are, or a `MetricError`: `(N, 3, H, W) in [0, 1]`, H and W at least `smallest`."""
    if generated.shape != target.shape or generated.ndim != 4 or generated.shape[1] != 3 or not len(generated):
        raise MetricError(
            f"{metric}: expected generated and target images of one shape (N, 3, H, W), got "
            f"{tuple(generated.shape)} and {tuple(target.shape)}; score images at the task's size"
        )
    if min(generated.shape[-2:]) < smallest:
        raise MetricError(
            f"{metric}: expected sides of at least {smallest} px, got {tuple(generated.shape[-2:])}; use larger images"
        )
    for name, images in (("generated", generated), ("target", target)):
        low, high = float(images.min()), float(images.max())
        if not (low >= 0 and high <= 1):  # also false for NaN
            raise MetricError(f"{metric}: expected {name} pixels in [0, 1], got {low} to {high}; rescale the images")
    return generated, target


def in_batches(
    function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], generated: torch.Tensor, target: torch.Tensor,
    batch_size: int,
) -> Array:
    """One value a pair, as float64."""
    import torch

    with torch.inference_mode():
        values = Batches("image pairs", batch_size).run(
            len(generated), lambda rows: function(generated[rows], target[rows]).reshape(-1).cpu()
        )
    return np.asarray(torch.cat(values).double().numpy(), dtype=np.float64)
