"""Pixels of one PNG, JPEG or TIFF as they mean it, by Pillow.

Such files say how fine they are printed and not how large their subject was: PNG's pHYs, JFIF's density and TIFF's
resolution are ignored, so pixels are square; where they differ across and down, a note counts it.

An alpha channel that is 255 everywhere is dropped. Several pages, pixels that are not opaque, and dim colour of 16
bits (of which Pillow reads 8) are an `ImageError` that names the file and what would help.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ldbench.data.decoding import check_area, decoding, opaque
from ldbench.data.prepare.observations import note
from ldbench.data.prepare.pixels.grey import BIT_DEPTH, Grey, bit_depth
from ldbench.errors import FaultyImageError

MAX_PIXELS = 8192 * 8192  # a bomb is refused from its header
UNEVEN_PRINT = "uneven print resolution ignored"
_FORMATS = ("PNG", "JPEG", "TIFF")
_BITS, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0  # TIFF 6.0, section 3
_16_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
_RESOLUTIONS = ("dpi", "aspect", "resolution", "jfif_density")  # as Pillow calls what formats say of printing
_EQUAL = 0.01
_DIM = 64  # of 255: colour of 16 bits whose upper 8 hold no more was of fewer bits


def read_picture(path: Path, *, by_depth: bool = True) -> Grey:
    """A PNG, JPEG or TIFF, upright as its EXIF says; `by_depth`: its bit depth is to tell black and white, so a note
    says where nobody declared it. Raises ImageError."""
    with decoding(path, "PNG, JPEG or TIFF", MAX_PIXELS, "convert it"):
        with Image.open(path, formats=_FORMATS) as image:
            _check(path, image)
            image.verify()  # a PNG's checksums, which decoding alone does not ask for
        with Image.open(path, formats=_FORMATS) as image:  # anew, as `verify` uses the first one up
            return _grey(path, image, by_depth)


def _check(path: Path, image: Image.Image) -> None:
    check_area(path, image, MAX_PIXELS)
    if getattr(image, "n_frames", 1) != 1:
        text = f"{path}: expected one picture, got several pages or frames; save the one that is meant"
        raise FaultyImageError(text, "several frames")


def _grey(path: Path, image: Image.Image, by_depth: bool) -> Grey:
    if _uneven(image):
        note(UNEVEN_PRINT)
    deep = _is_deep(image)
    halved = deep and image.mode in ("RGB", "RGBA")  # Pillow drops the lower 8 of a colour's 16 bits
    if deep and image.mode == "LA":  # and of grey that has alpha
        text = f"{path}: expected 16-bit grey without an alpha channel, got LA; drop the channel"
        raise FaultyImageError(text, "transparency")
    declared = _tag(image, _BITS)
    upright = opaque(path, ImageOps.exif_transpose(image))
    mode = upright.mode
    # at 8 bits Pillow inverts them itself
    inverted = mode in (*_16_BIT, "I", "F") and _tag(image, _PHOTOMETRIC) == _WHITE_IS_ZERO
    if mode in ("I", "F"):
        return Grey(np.asarray(upright), inverted=inverted)
    if mode in _16_BIT:
        return _whole_numbers(np.asarray(upright).astype(np.uint16), 16, declared, inverted, by_depth)
    if mode not in ("1", "L", "P", "RGB"):
        raise FaultyImageError(f"{path}: expected a grey or RGB picture, got mode {mode}; convert it", "colour")
    luma = np.asarray(upright.convert("RGB").convert("L") if mode == "P" else upright.convert("L"))
    if halved and luma.max() < _DIM:
        text = f"{path}: expected colour of 8 bits, got 16 bits that are hardly used; save it as 16-bit grey"
        raise FaultyImageError(text, "colour")
    return _whole_numbers(luma, 8, None, False, by_depth)


def _whole_numbers(values: NDArray[Any], bits: int, declared: object, inverted: bool, by_depth: bool) -> Grey:
    """Integers by the depth that the file declares or their largest value shows."""
    depth = bit_depth(int(values.max(initial=0)), bits)
    if isinstance(declared, int) and depth <= declared < bits:
        depth = declared
    if by_depth and depth != bits:
        note(f"{BIT_DEPTH} {depth} in {bits}")
    return Grey(values, (0, 2**depth - 1), inverted)


def _is_deep(image: Image.Image) -> bool:
    """Whether the file holds 16 bits a channel, as the raw mode of what Pillow is to decode says."""
    tiles: Any = getattr(image, "tile", ())
    arguments = [tile[3] for tile in tiles]
    return any("16" in str(each if isinstance(each, str) else each[0]) for each in arguments if each)


def _tag(image: Image.Image, tag: int) -> object:
    """A TIFF's tag, None where it or the format is another."""
    tags: Any = getattr(image, "tag_v2", {}) if image.format == "TIFF" else {}
    value: object = tags.get(tag)
    return value[0] if isinstance(value, tuple) and value else value


def _uneven(image: Image.Image) -> bool:
    pair = next((image.info[name] for name in _RESOLUTIONS if name in image.info), None)
    if not isinstance(pair, tuple) or len(pair) != 2:
        return False
    across, down = (float(side) for side in pair)
    return abs(across - down) > _EQUAL * max(abs(across), abs(down))
