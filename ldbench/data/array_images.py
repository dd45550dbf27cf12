"""Images that lie in an array or a tensor, quantised as files are: as if written to PNG and read again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ldbench.data.ids import Ids
from ldbench.data.images import quantise
from ldbench.data.pixel_range import range_fault
from ldbench.data.preparation import Preparation
from ldbench.data.stored_images import StoredImages
from ldbench.errors import ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any] | torch.Tensor

_DIGITS = 6
_EXPECTED = "an array or tensor (N, 1 or 3, H, W) of uint8, or of floats in [0, 1]"


def array_images(
    images: object, what: str, fitted: Callable[[str, torch.Tensor], torch.Tensor], prepared: Preparation
) -> tuple[str, StoredImages]:
    """What an array of images `(N, 1 or 3, H, W)` is called, and its images under the ids "000000", "000001" and so on.

    `what` they are stands in errors; `fitted` and `prepared` are as in `ldbench.data.image_folder.read_any_sizes`.
    Raises `ImageError` for any other object, shape, type or range.
    """
    array = _checked(images, what)
    where = f"{what} images in an array {tuple(array.shape)} {str(array.dtype).removeprefix('torch.')}"
    width = max(_DIGITS, len(str(len(array) - 1)))
    ids = Ids(f"{index:0{width}}" for index in range(len(array)))
    counted = np.zeros(len(array), np.bool_)

    def read(image_id: str) -> torch.Tensor:
        index = int(image_id)
        levels = _levels(array[index])
        if not counted[index]:
            counted[index] = True
            prepared.add(levels, None)
        return fitted(f"{where}, {image_id}", levels)

    return where, StoredImages(ids, read)


def _checked(images: object, what: str) -> Array:
    if not isinstance(images, np.ndarray | torch.Tensor):
        kind = type(images)
        raise ImageError(
            f"{what} images: expected a folder, or {_EXPECTED}, got {kind.__module__}.{kind.__qualname__}; "
            "name a folder, or stack the images into one tensor"
        )
    images = images.detach() if isinstance(images, torch.Tensor) else images
    shape, dtype = tuple(images.shape), str(images.dtype).removeprefix("torch.")
    if len(shape) != 4 or shape[1] not in (1, 3) or 0 in shape:
        raise ImageError(
            f"{what} images: expected {_EXPECTED}, got shape {shape}; give all images at once, channels second"
        )
    if dtype == "uint8":
        return images
    if not (images.is_floating_point() if isinstance(images, torch.Tensor) else images.dtype.kind == "f"):
        raise ImageError(f"{what} images: expected {_EXPECTED}, got {dtype}; convert levels from 0 to 255 to uint8")
    if fault := range_fault(images, lambda index: f"at index {index}"):
        raise ImageError(f"{what} images: expected {_EXPECTED}, got {'; '.join(fault)}")
    return images


def _levels(image_chw: Array) -> torch.Tensor:
    """The levels `(1 or 3, H, W) uint8` of an image, one channel where all are equal."""
    if isinstance(image_chw, np.ndarray):
        image_chw = torch.from_numpy(image_chw.astype(np.uint8 if image_chw.dtype == np.uint8 else np.float64))
    levels = image_chw.cpu().contiguous() if image_chw.dtype == torch.uint8 else quantise(image_chw)
    return levels[:1] if bool((levels == levels[:1]).all()) else levels
