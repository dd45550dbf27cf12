"""PNG files as a page shows them: their bytes as they are, or reduced where they are large.

Links, formats other than PNG and files too large to be one image are left out of the page. Nothing is enlarged here; a
browser does that without smoothing.
"""

from __future__ import annotations

import io
import stat
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from ldbench.errors import ImageError

LARGEST_SIDE = 256
_SIGNATURE, _HEADER = b"\x89PNG\r\n\x1a\n", 24
_MOST_BYTES, _MOST_PIXELS = 1 << 26, 1 << 24

Pixels = npt.NDArray[np.uint8]


def read_png(path: Path) -> bytes | None:
    """The file's bytes; None where it is missing, a link, or no PNG."""
    try:
        state = path.lstat()
        if not stat.S_ISREG(state.st_mode) or state.st_size > _MOST_BYTES:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    return data if data.startswith(_SIGNATURE) and len(data) > _HEADER and _few_pixels(data) else None


def size(png: bytes) -> tuple[int, int]:
    """Width and height from a PNG's header."""
    width, height = struct.unpack(">II", png[_HEADER - 8 : _HEADER])
    return width, height


def reduced(png: bytes) -> bytes:
    """The same PNG, or one of at most 256 pixels a side, averaged down; `ImageError` for a broken one."""
    if max(size(png)) <= LARGEST_SIDE:
        return png
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            small = image.convert("RGB")
            small.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.BOX)
            return _png(small)
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError(f"gallery: expected a whole PNG, got {error}; run again or use --gallery 0") from error


def encoded(pixels: Pixels) -> bytes:
    """`(H, W, 3) uint8 RGB` as PNG, as one channel where all three are equal."""
    grey = (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all()
    return _png(Image.fromarray(pixels[..., 0] if grey else pixels))


def grey_levels(png: bytes) -> npt.NDArray[np.int64] | None:
    """How many pixels have each level 0 to 255 of the mean over channels, `(256,)`; None for a broken PNG."""
    pixels = _pixels(png)
    return None if pixels is None else levels_of(pixels)


def grey(png: bytes) -> npt.NDArray[np.float64] | None:
    """The mean over channels, `(H, W) float64 in [0, 1]`; None for a broken PNG."""
    pixels = _pixels(png)
    return None if pixels is None else np.asarray(pixels.mean(axis=-1) / 255, dtype=np.float64)


def levels_of(pixels: Pixels) -> npt.NDArray[np.int64]:
    """How many pixels of `(..., 3) uint8` have each level 0 to 255 of the mean over channels, `(256,)`."""
    mean = (pixels.sum(axis=-1, dtype=np.uint16) + 1) // 3
    return np.bincount(mean.ravel(), minlength=256)


def _pixels(png: bytes) -> Pixels | None:
    """`(H, W, 3) uint8 RGB`; None for a broken PNG."""
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError):
        return None


def _few_pixels(png: bytes) -> bool:
    width, height = size(png)
    return 0 < width * height <= _MOST_PIXELS


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()
