"""Pairs of images: the check that every paired metric makes, and its way through them in batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ldbench.api import ImageSet
from ldbench.errors import MetricError
from ldbench.score.image_sets import DerivedSet, PickedSet, StoredSet, over_batches, pixel_range
from ldbench.score.metrics.intervals import Array

if TYPE_CHECKING:
    import torch


def validated_pairs(
    metric: str, generated: ImageSet, target: ImageSet, smallest: int
) -> tuple[ImageSet, ImageSet]:
    """Both sets as they are, or a `MetricError`: `(N, 3, H, W) in [0, 1]`, H and W at least `smallest`.

    The pixels of a set that is read by rows are checked when they are read.
    """
    shapes = tuple(generated.shape), tuple(target.shape)
    if shapes[0] != shapes[1] or len(shapes[0]) != 4 or shapes[0][1] != 3 or not shapes[0][0]:
        raise MetricError(
            f"{metric}: expected generated and target images of one shape (N, 3, H, W), got "
            f"{shapes[0]} and {shapes[1]}; score images at the task's size"
        )
    if min(shapes[0][-2:]) < smallest:
        raise MetricError(
            f"{metric}: expected sides of at least {smallest} px, got {shapes[0][-2:]}; use larger images"
        )
    for name, images in (("generated", generated), ("target", target)):
        if isinstance(images, StoredSet | DerivedSet | PickedSet):
            continue
        low, high = pixel_range(images)
        if not (low >= 0 and high <= 1):  # also false for NaN
            raise MetricError(f"{metric}: expected {name} pixels in [0, 1], got {low} to {high}; rescale the images")
    return generated, target


def in_batches(
    function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], generated: ImageSet, target: ImageSet,
    largest: int,
) -> Array:
    """One value a pair, as float64, of at most `largest` pairs at a time."""
    import torch

    values = over_batches(lambda x, y: function(x, y).reshape(-1).cpu(), generated, target, most=largest)
    return np.asarray(torch.cat(values).double().numpy(), dtype=np.float64)
