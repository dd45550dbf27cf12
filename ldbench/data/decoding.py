"""Pillow as a strict decoder: damage is an error, and the error one line. Free of torch, for workers that only decode.

Refuses nothing itself; what may be in a file is its reader's to say.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, ImageFile

DAMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)  # Pillow's ways to say so


@contextmanager
def strict_decoder() -> Iterator[None]:
    """Truncation and bombs are errors here, even where another library has told Pillow to let them pass."""
    lenient = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = lenient


def one_line(error: BaseException) -> str:
    """What the error says, without the path that the operating system adds, on one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__
