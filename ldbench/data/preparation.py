"""How the files of a set of images were prepared: formats, JPEG qualities, sizes and colour, counted as they are read.

Two sets that were prepared unequally differ whatever their images show.
"""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from statistics import median
from typing import TYPE_CHECKING

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

if TYPE_CHECKING:
    import torch


@dataclass
class Preparation:
    """What has been read of a set: how many images and how many of them in colour, the qualities of those that are
    JPEG files, sizes as (height, width), and the brightest level of all."""

    images: int = 0
    coloured: int = 0
    qualities: Counter[int] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    brightest: int = 0

    def add(self, levels_chw: torch.Tensor, file: Image.Image | None) -> None:
        """Count an image by its levels `(1 or 3, H, W) uint8`, one channel where all are equal, and by its open file,
        if it has one."""
        self.images += 1
        self.coloured += len(levels_chw) > 1
        self.sizes[levels_chw.shape[1], levels_chw.shape[2]] += 1
        self.brightest = max(self.brightest, int(levels_chw.max()))
        if isinstance(file, JpegImageFile):
            self.qualities[jpeg_quality(file)] += 1

    @property
    def jpegs(self) -> int:
        """How many images are JPEG files."""
        return self.qualities.total()

    @property
    def quality(self) -> float:
        """The median quality of the JPEG files; there must be one."""
        return median(self.qualities.elements())

    @property
    def side(self) -> float:
        """The median of the larger sides in pixels; there must be an image."""
        return median(max(size) for size in self.sizes.elements())

    def resized(self, side: int) -> int:
        """How many images do not have this side."""
        return self.images - self.sizes[side, side]


@dataclass(frozen=True)
class PreparationSummary:
    """What is left of a `Preparation` where its files are gone: counts, and medians as it has them.

    `quality` is 0 where no image is a JPEG file; `of_other_sides` is what `Preparation.resized` gave for the side
    that the images were brought to, 0 where they were brought to none.
    """

    images: int
    coloured: int
    jpegs: int
    quality: float
    side: float
    of_other_sides: int

    def resized(self, side: int) -> int:
        """How many images did not have this side, to which they were brought."""
        return self.of_other_sides


def summary(prepared: Preparation, side: int | None) -> PreparationSummary:
    """The summary of images that were brought to a side, or to none."""
    return PreparationSummary(
        prepared.images, prepared.coloured, prepared.jpegs, float(prepared.quality) if prepared.jpegs else 0.0,
        float(prepared.side), 0 if side is None else prepared.resized(side),
    )


def jpeg_quality(file: JpegImageFile) -> int:
    """The quality from 1 to 100 at which libjpeg takes steps as coarse as those that brightness has in a file."""
    coarse = sum(file.quantization[0])
    return min(range(1, 101), key=lambda quality: abs(_coarseness(quality) - coarse))


@cache
def _coarseness(quality: int) -> int:
    """The sum of the steps that libjpeg takes for brightness."""
    buffer = io.BytesIO()
    Image.new("L", (8, 8)).save(buffer, "JPEG", quality=quality)
    buffer.seek(0)
    return sum(JpegImageFile(buffer).quantization[0])
