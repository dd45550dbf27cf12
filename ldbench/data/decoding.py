"""Pillow as a strict decoder: damage is an error of one line. Free of torch, for workers that only decode."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageFile, UnidentifiedImageError

from ldbench.errors import FaultyImageError, ImageError

DAMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)  # Pillow's ways to say so
_EXIF_ORIENTATION = 274
_OPAQUE = 255
_WITH_ALPHA = {"RGBA": "RGB", "LA": "L", "PA": "RGB", "L": "L", "P": "P", "RGB": "RGB"}  # and what is left without it


@contextmanager
def decoding(name: Path | str, formats: str, max_pixels: int, remedy: str) -> Iterator[None]:
    """What Pillow raises while the block decodes the image `name`, as an ImageError; `remedy` is for another format.

    Truncation and bombs are errors here, even where another library has told Pillow to let them pass.
    """
    lenient = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except UnidentifiedImageError as error:
        raise ImageError(f"{name}: expected a {formats}, got something else; {remedy}") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"{name}: expected at most {max_pixels} pixels; {one_line(error)}") from error
    except DAMAGE as error:
        raise ImageError(f"can't read {name}: {one_line(error)}; expected a whole {formats}, copy it again") from error
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = lenient


def check_area(name: Path | str, image: Image.Image, max_pixels: int) -> None:
    """ImageError, from the header alone, for more pixels than any image here has."""
    if image.width * image.height > max_pixels:
        raise ImageError(f"{name}: expected at most {max_pixels} pixels, got {image.width} x {image.height}")


def opaque(name: Path | str, image: Image.Image) -> Image.Image:
    """The image without an alpha channel or a transparent colour that hides none of its pixels, which are decoded.

    `FaultyImageError` of the rule `transparency` where a pixel is not opaque. An image without transparency is returned
    as it is.
    """
    bands = "A" in image.getbands() or "a" in image.getbands()
    if not bands and "transparency" not in image.info:
        return image
    alphas = image.convert("RGBA").getchannel("A").getextrema() if image.mode in _WITH_ALPHA else (0, 0)
    if alphas[0] != _OPAQUE:
        text = f"{name}: expected an opaque image, got {image.mode} with transparency; flatten it"
        raise FaultyImageError(text, "transparency")
    whole = image.convert(_WITH_ALPHA[image.mode]) if bands else image.copy()
    whole.info.pop("transparency", None)
    return whole


def check_upright(name: Path | str, image: Image.Image) -> None:
    """ImageError for an image that its EXIF turns or mirrors."""
    if image.getexif().get(_EXIF_ORIENTATION, 1) != 1:
        raise ImageError(f"{name}: expected upright pixels, got an EXIF rotation; apply it and save again")


def one_line(error: BaseException) -> str:
    """What the error says, without the path that the operating system adds, on one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__
