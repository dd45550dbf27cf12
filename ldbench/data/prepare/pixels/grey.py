"""Grey values as a file has them, with what makes a picture of them: what is black and white, and how far pixels lie.

Every reader of one plane hands over a `Grey`, whatever its format, so that levels and geometry are decided here alone.

Levels, by the setting `window`: `file` is what the file says (a DICOM's VOI LUT or window, an integer picture's bit
depth) and the image's own percentiles where it says nothing; `percentile` is always those; `LOW,HIGH` are the values
that become black and white, in the file's units (Hounsfield's for CT). What lies outside the field of view takes no
part in percentiles and becomes black.

An integer picture whose largest value is far below its type's range is read at the least usual bit depth that holds it
(12 bits in 16, say), and says so in a note: nobody declared it.

Geometry: a square of millimetres, black around the picture, resized at once by Pillow's LANCZOS on float32, which
widens with the scale when an image shrinks (antialiasing). Pixels that are not square are so made square.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ldbench.errors import FaultyImageError, ImageError, UsageError

BIT_DEPTH = "read at a bit depth of"
FILE, PERCENTILE = "file", "percentile"
_BIT_DEPTHS = (1, 2, 4, 8, 10, 12, 14, 16)
_PIXEL_MM = (0.0001, 100.0)  # from microscopes to pictures of a few pixels
_MOST_UNEVEN = 20.0  # no scanner makes pixels longer than that many times their width
_DUST = 1e-6
_EXACT_IN_FLOAT32 = 2**24

Range = tuple[float, float]


@dataclass(frozen=True)
class Grey:
    """Grey values `(H, W)`; `range` is what black and white are, None where the image itself must tell.

    `inverted`: the least value is white. `outside` `(H, W)`: where no field of view is. `spacing`: the distance of
    pixels down and across, in mm, or in any unit where none is known.
    """

    values: NDArray[Any]
    range: Range | None = None
    inverted: bool = False
    outside: NDArray[np.bool_] | None = None
    spacing: tuple[float, float] = (1.0, 1.0)


def check_window(owner: str, window: str) -> None:
    """UsageError for a `window` that is none of the three kinds."""
    if window not in (FILE, PERCENTILE):
        stated_window(window, owner)


def stated_window(window: str, owner: str = "window") -> Range | None:
    """LOW and HIGH where `window` states them; None for `file` and `percentile`. Raises UsageError."""
    if window in (FILE, PERCENTILE):
        return None
    try:
        low, high = (float(part) for part in window.split(","))
    except ValueError:
        low = high = math.nan
    if not (math.isfinite(high - low) and low < high):
        raise UsageError(f"{owner}: expected window file, percentile or LOW,HIGH with LOW below HIGH, got {window!r}")
    return low, high


def check_spacing(path: Path, spacing: Sequence[float]) -> tuple[float, float]:
    """Two distances in mm, down and across. Raises FaultyImageError for what no scanner makes."""
    low, high = _PIXEL_MM
    down, across = (float(side) for side in spacing)
    sane = all(low <= side <= high for side in (down, across))  # NaN is not
    if not sane or max(down, across) > _MOST_UNEVEN * min(down, across):
        raise FaultyImageError(
            f"{path}: expected pixels of {low:g} to {high:g} mm a side, none {_MOST_UNEVEN:g} times as long as wide, "
            f"got {down:.4g} x {across:.4g}; repair its header", "broken header",
        )
    return down, across


def bit_depth(largest: float, bits: int) -> int:
    """The least usual bit depth that holds an integer picture's largest value; `bits` is its type's."""
    return next((depth for depth in _BIT_DEPTHS if depth < bits and largest < 2**depth), bits)


def levels(path: Path, grey: Grey, window: str, percentiles: Range) -> NDArray[np.float32]:
    """Grey values as levels in [0, 1], `(H, W)`. Raises FaultyImageError for NaN and for no contrast."""
    inside = ... if grey.outside is None else ~grey.outside
    values = grey.values.astype(np.float32)
    if not np.isfinite(values[inside]).all():
        text = f"{path}: expected finite pixels, got NaN or infinite ones; leave the file out"
        raise FaultyImageError(text, "NaN")
    if values[inside].size and np.abs(values[inside]).max() > _EXACT_IN_FLOAT32:
        values = grey.values.astype(np.float64)
    seen = values[inside]
    if not seen.size or seen.min() == seen.max():
        raise _no_contrast(path, float(seen.flat[0]) if seen.size else math.nan)
    low, high = _black_and_white(seen, grey, window, percentiles)
    if not high > low:
        raise _no_contrast(path, low)
    scale = values.dtype.type
    scaled = np.clip((values - scale(low)) / scale(high - low), 0, 1).astype(np.float32, copy=False)
    shown: NDArray[np.float32] = 1 - scaled if grey.inverted else scaled
    return shown if grey.outside is None else np.where(grey.outside, np.float32(0), shown)


def even_square(picture: NDArray[np.float32], spacing: tuple[float, float], size: int) -> NDArray[np.float32]:
    """A picture in a centred square of millimetres with black around it, resized to `(size, size)` in [0, 1]."""
    sides = picture.shape[0] * spacing[0], picture.shape[1] * spacing[1]
    widest = max(sides)
    boxes = []
    for axis in (0, 1):
        picture, low, high = _framed(picture, axis, widest / spacing[axis])
        boxes.append((low, high))
    (top, bottom), (left, right) = boxes
    image = Image.fromarray(picture).resize((size, size), Image.Resampling.LANCZOS, box=(left, top, right, bottom))
    return np.clip(np.asarray(image, dtype=np.float32), 0, 1)


def _framed(picture: NDArray[np.float32], axis: int, pixels: float) -> tuple[NDArray[np.float32], float, float]:
    """Black around a picture along an axis, and from where to where its middle `pixels` then lie: not in whole ones."""
    side = picture.shape[axis]
    whole = round(pixels)
    if abs(pixels - whole) < _DUST * pixels:
        framed, low, high = whole, 0.0, float(whole)
    else:
        framed = side + 2 * math.ceil((pixels - side) / 2)
        low, high = (framed - pixels) / 2, (framed + pixels) / 2
    around = [(0, 0), (0, 0)]
    around[axis] = (framed - side) // 2, framed - side - (framed - side) // 2
    return np.pad(picture, around), low, high


def _black_and_white(seen: NDArray[Any], grey: Grey, window: str, percentiles: Range) -> Range:
    stated = stated_window(window)
    if stated is not None:
        return stated
    if window == FILE and grey.range is not None:
        return grey.range
    low, high = (float(value) for value in np.percentile(seen, percentiles))
    return low, high


def _no_contrast(path: Path, level: float) -> ImageError:
    text = f"{path}: expected an image with contrast, got {level:g} nearly everywhere; leave it out"
    return FaultyImageError(text, "no contrast")
