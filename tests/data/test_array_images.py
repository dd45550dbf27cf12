"""Images in arrays and tensors: the levels that files would have, and one line on anything else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ldbench.data.array_images import array_images
from ldbench.data.images import quantise
from ldbench.data.preparation import Preparation
from ldbench.data.stored_images import StoredImages
from ldbench.errors import ImageError


def read(images: object, prepared: Preparation | None = None) -> StoredImages:
    return array_images(images, "generated", lambda _, levels: levels, prepared or Preparation())[1]


FLOATS = torch.rand((3, 3, 8, 8), generator=torch.Generator().manual_seed(0))


def with_one_nan(images: torch.Tensor) -> torch.Tensor:
    images = images.clone()
    images[1, 0, 2, 3] = torch.nan
    return images


@pytest.mark.parametrize(
    "images",
    [
        FLOATS, FLOATS.numpy(), FLOATS.double(), FLOATS.numpy().astype(">f4"), FLOATS.clone().requires_grad_(),
        quantise(FLOATS), quantise(FLOATS).numpy(), FLOATS.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2),
        FLOATS.numpy()[::-1].copy()[::-1], FLOATS + 1e-7 * (FLOATS.max() == FLOATS),
    ],
)  # fmt: skip
def test_levels_are_those_of_files(images: object) -> None:
    found = read(images)
    assert list(found) == ["000000", "000001", "000002"]
    for index, image in enumerate(found.values()):
        assert torch.equal(image, quantise(FLOATS[index]).float() / 255)


def test_an_array_that_cannot_be_written_to_is_read() -> None:
    images = quantise(FLOATS).numpy()
    images.flags.writeable = False
    assert len(read(images)["000001"]) == 3


def test_grey_is_three_equal_channels_and_counted_once() -> None:
    prepared = Preparation()
    found = read(FLOATS[:, :1], prepared)
    for _ in range(2):
        assert all(torch.equal(image[0], image[2]) for image in found.values())
    assert (prepared.images, prepared.coloured, prepared.jpegs) == (3, 0, 0)
    tinted = Preparation()
    list(read(FLOATS, tinted).values())
    assert tinted.coloured == 3


@pytest.mark.parametrize(
    ("images", "got"),
    [
        ([FLOATS], "got builtins.list; name a folder, or stack the images into one tensor"),
        (None, "got builtins.NoneType"),
        (Path, "got builtins.type"),
        (FLOATS[0], r"got shape \(3, 8, 8\); give all images at once, channels second"),
        (FLOATS.permute(0, 2, 3, 1), r"got shape \(3, 8, 8, 3\)"),
        (FLOATS[:0], r"got shape \(0, 3, 8, 8\)"),
        (FLOATS * 2 - 1, r"got -0.9\d* to 0.9\d*; scale them \(x / 255, or \(x \+ 1\) / 2\), and clamp"),
        (FLOATS.numpy() * 255, r"got 0.3.* to 25.*; scale them"),
        (FLOATS * 1.06 - 0.03, r"got -0.0\d* to 1.0\d*; clamp what sampling leaves outside"),
        (FLOATS / 0, "NaN or infinity in 3 of 3 images, first at index 0; look for a division by zero"),
        (with_one_nan(FLOATS), "NaN or infinity in 1 of 3 images, first at index 1; look for a division by zero"),
        (with_one_nan(FLOATS).numpy(), "NaN or infinity in 1 of 3 images, first at index 1;"),
        (quantise(FLOATS).long(), "got int64; convert levels from 0 to 255 to uint8"),
        (FLOATS.numpy() > 0.5, "got bool"),
    ],
)
def test_anything_else_is_one_line(images: object, got: str) -> None:
    with pytest.raises(ImageError, match=got) as error:
        read(images)
    assert error.match(r"^generated images: expected .*an array or tensor \(N, 1 or 3, H, W\)")
