"""Image files in and out: `(3, H, W) float32 in [0, 1]`, RGB, and 8 bits a channel on disk.

Quantisation, stated once: a pixel x is stored as floor(255 x + 0.5), and a stored k is read as k / 255. Grey
(L) is read as three equal channels, and an alpha channel that hides nothing is dropped. Embedded gamma and colour
profiles are ignored.

Nothing is guessed: an image of another size or mode is neither resized nor converted, and an unreadable one never
becomes a blank one. Each is an `ImageError` naming the file. JPEG has no checksum, so damage inside one can decode
without a complaint; a manifest's hash is the guard there.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from ldbench.data.decoding import DAMAGE, check_area, check_upright, decoding, one_line, opaque
from ldbench.data.pixel_range import range_fault
from ldbench.data.stored_images import unpacked
from ldbench.errors import ImageError
from ldbench.records.files import disk_refusal, whole_file

FORMATS = ("PNG", "JPEG")
MAX_PIXELS = 4096 * 4096  # an image bomb is refused from its header, before anything is decoded
_COMPRESSION = 3  # half the time of zlib's default, 6, for an eighth more bytes (docs/measurements/speed.md)
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_DEPTH_OFFSET = 24
_EXPECTED, _REMEDY = "PNG or JPEG", "save it as PNG"
_MODES = ("L", "RGB", "LA", "RGBA")
_DEEP = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})


def read_image(path: Path, *, size: int | tuple[int, int], root: Path | None = None) -> torch.Tensor:
    """Read an 8-bit L or RGB image as `(3, H, W) float32 in [0, 1]`.

    `size` is the size it must have: (height, width), or the side of a square. With `root`, a path that leaves
    that folder, by `..` or through a symbolic link, is refused. Raises ImageError.
    """
    return unpacked(read_levels(path, size=size, root=root))


def read_levels(
    path: Path, *, size: int | tuple[int, int] | None, root: Path | None = None,
    read: Callable[[torch.Tensor, Image.Image], None] = lambda levels, file: None,
) -> torch.Tensor:
    """What `read_image` reads, as it is stored: `(1 or 3, H, W) uint8`, one channel where all are equal.

    `size` None takes an image of any size. `read` is told the levels and the file that they were read from.
    """
    expected = (size, size) if isinstance(size, int) else size
    _check_path(path, root)
    with decoding(path, _EXPECTED, MAX_PIXELS, _REMEDY), path.open("rb") as file:
        _check_file(path, file, expected)
        with Image.open(file, formats=FORMATS) as image:  # anew, as the check used the first one up
            check_upright(path, image)
            levels = _as_tensor(np.array(opaque(path, image), dtype=np.uint8))
            read(levels, image)
    return levels


def checked_size(path: Path) -> tuple[int, int]:
    """Height and width of a file that `read_levels` would take at any size, without decoding it in full.

    Of a PNG the checksums are asked for, and one with an alpha channel is decoded; a JPEG is decoded at its coarsest.
    Raises ImageError, as `read_levels` would.
    """
    _check_path(path, None)
    with decoding(path, _EXPECTED, MAX_PIXELS, _REMEDY), path.open("rb") as file:
        _check_file(path, file, None)
        with Image.open(file, formats=FORMATS) as image:
            size = image.height, image.width
            if image.format == "JPEG":
                check_upright(path, image)
                image.draft(None, (1, 1))
                image.load()
            opaque(path, image)
    return size


def _check_file(path: Path, file: BinaryIO, size: tuple[int, int] | None) -> None:
    """ImageError for what the header tells; then a PNG's checksums and its end, which decoding does not ask for."""
    depth = _png_depth(file.read(_PNG_DEPTH_OFFSET + 1))
    file.seek(0)
    with Image.open(file, formats=FORMATS) as image:
        _check_header(path, image, size, depth)
        image.verify()
    file.seek(0)


def read_levels_again(path: Path) -> torch.Tensor:
    """What `read_levels` gave for a file that has not changed since: its rules are not asked again.

    May run in several threads at once, which `read_levels` may not. Raises ImageError where the file cannot be decoded.
    """
    try:
        with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
            return _as_tensor(np.array(opaque(path, image), dtype=np.uint8))
    except DAMAGE as error:
        raise ImageError(f"can't read {path}: {one_line(error)}; expected a whole {_EXPECTED}, {_REMEDY}") from error


def _as_tensor(pixels: NDArray[np.uint8]) -> torch.Tensor:
    """Grey `(H, W)` or RGB `(H, W, 3)` as `(1 or 3, H, W)`."""
    if pixels.ndim == 3 and (pixels == pixels[:, :, :1]).all():
        pixels = pixels[:, :, 0]
    channels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(channels))


def quantise(images: torch.Tensor) -> torch.Tensor:
    """Images of any shape as uint8 on the CPU: floor(255 x + 0.5), x clipped to [0, 1] first."""
    return (images.detach().to("cpu", torch.float64).clamp(0, 1) * 255 + 0.5).floor().to(torch.uint8)


def write_image(image: torch.Tensor, path: Path) -> None:
    """Write `(3, H, W) float32 in [0, 1]` as 8-bit RGB PNG, whole or not at all; equal pixels, equal bytes.

    The bytes depend on Pillow's zlib besides the pixels; they hold no time and no metadata. Values up to 1e-6
    outside the range are clipped. Raises ImageError for a wrong shape, type or range, and for a full disk.
    """
    write_pixels(pixels_of(image, path), path)


def pixels_of(image: torch.Tensor, path: Path) -> NDArray[np.uint8]:
    """The pixels `(H, W, 3) uint8` of an image that is to be written to `path`; raises ImageError as `write_image`."""
    _check_tensor(image, path)
    pixels: NDArray[np.uint8] = quantise(image).numpy().transpose(1, 2, 0)
    return pixels


def write_pixels(pixels_HW3: NDArray[np.uint8], path: Path) -> None:
    """Write `(H, W, 3) uint8` as `write_image` does; raises ImageError for a full disk."""
    buffer = io.BytesIO()
    Image.fromarray(pixels_HW3).save(buffer, "PNG", compress_level=_COMPRESSION)
    try:
        with whole_file(path) as part, part.open("wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ImageError(f"can't write {path}: {disk_refusal(error)}") from error


def _check_path(path: Path, root: Path | None) -> None:
    try:
        if root is not None and not path.resolve().is_relative_to(root.resolve()):
            raise ImageError(f"{path}: expected a path inside {root}, got one outside; copy the file there")
        regular = stat.S_ISREG(path.stat().st_mode)
    except (OSError, RuntimeError, ValueError) as error:  # missing, a loop of links, a NUL in the name
        raise ImageError(f"can't read {path}: {one_line(error)}; expected an image file") from error
    if not regular:
        raise ImageError(f"{path}: expected an image file, got a folder or device; name a PNG or JPEG")


def _png_depth(header: bytes) -> int | None:
    """Bits a sample from a PNG's first 25 bytes; Pillow reads 16-bit RGB as 8-bit without a word."""
    is_png = header.startswith(_PNG_SIGNATURE) and len(header) > _PNG_DEPTH_OFFSET
    return header[_PNG_DEPTH_OFFSET] if is_png else None


def _check_header(path: Path, image: Image.Image, size: tuple[int, int] | None, png_depth: int | None) -> None:
    check_area(path, image, MAX_PIXELS)
    if size is not None and (image.height, image.width) != size:
        raise ImageError(
            f"{path}: expected {size[1]} x {size[0]} pixels, got {image.width} x {image.height}; "
            "generate at the task's size (nothing is resized here)"
        )
    if image.mode in _DEEP or png_depth not in (None, 8):
        got = image.mode if png_depth is None else f"{png_depth}"
        raise ImageError(
            f"{path}: expected 8 bits a channel, got {got}; scale to 0..255 and save as 8-bit, as "
            "`ldbench data prepare folder` does"
        )
    if image.mode not in _MODES:
        raise ImageError(f"{path}: expected mode L or RGB, got {image.mode}; use image.convert('RGB')")
    if getattr(image, "n_frames", 1) != 1:
        raise ImageError(f"{path}: expected one frame, got an animation; save one frame as PNG")


def _check_tensor(image: torch.Tensor, path: Path) -> None:
    shape = tuple(image.shape)
    if image.dtype != torch.float32 or len(shape) != 3 or shape[0] != 3 or 0 in shape:
        raise ImageError(f"{path}: expected a (3, H, W) float32 image, got {shape} {image.dtype}; convert it")
    broken = int((~torch.isfinite(image)).sum())
    if broken:
        raise ImageError(f"{path}: expected finite pixels, got {broken} NaN or infinite values")
    if fault := range_fault(image[None], str):
        raise ImageError(f"{path}: expected pixels in [0, 1], got {'; '.join(fault)}")
