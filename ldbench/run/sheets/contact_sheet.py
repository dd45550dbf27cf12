"""A contact sheet of a run: some images of each class, drawn by seed, captions under each class.

Which images are shown is decided by seed, label and case ids alone, so two models' sheets show the same cases. The
images cannot be chosen by name, and nothing is stretched, smoothed or repeated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

from ldbench.data.images import write_pixels
from ldbench.errors import ImageError

Pixels = npt.NDArray[np.uint8]

COLUMNS, PER_CLASS, TILE_SIDE = 8, 16, 128
GAP, MARGIN, CAPTION, FONT = 4, 12, 26, 15
PAPER, INK = (255, 255, 255), (30, 30, 30)


def sample_sheet(folder: Path, labels: Mapping[str, str], out: Path, *, seed: int) -> Path:
    """Write a PNG that shows up to `PER_CLASS` images of every label; returns its path.

    `labels` maps case id to class, and `folder/ID.png` is the image of a case; classes come in the order of
    their first case. Each is enlarged by `whole_factor`. Raises `ImageError` for a file that is missing,
    no image, or of another size than the first.
    """
    chosen = draw(labels, PER_CLASS, seed)
    counts = {label: sum(other == label for other in labels.values()) for label in chosen}
    captions = {label: f"{label}: {len(ids)} of {counts[label]}, seed {seed}" for label, ids in chosen.items()}
    tiles = [(captions[label], read_pixels(folder / f"{name}.png")) for label, ids in chosen.items() for name in ids]
    sheet = sample_grid([pixels for _, pixels in tiles], [caption for caption, _ in tiles])
    return write_sheet(sheet, out)


def write_sheet(sheet: Image.Image, out: Path) -> Path:
    """Write an RGB sheet as PNG, whole or not at all; returns its path."""
    write_pixels(np.asarray(sheet), out)
    return out


def draw(labels: Mapping[str, str], per_class: int, seed: int) -> dict[str, list[str]]:
    """Up to `per_class` ids of each label, without replacement, each class drawn on its own, ids sorted."""
    classes: dict[str, list[str]] = {}
    for name, label in labels.items():
        classes.setdefault(label, []).append(name)
    return {label: _draw_class(label, sorted(ids), per_class, seed) for label, ids in classes.items()}


def sample_grid(images: Sequence[Pixels], labels: Sequence[str]) -> Image.Image:
    """Images `(H, W, 3) uint8 RGB` in rows of `COLUMNS`, a block a label in order of first use, caption below.

    Raises `ImageError` where there is no image, or two differ in size.
    """
    if not images or len({pixels.shape for pixels in images}) > 1:
        sizes = sorted({"x".join(map(str, pixels.shape)) for pixels in images})
        raise ImageError(f"contact sheet: expected images of one size, got {' and '.join(sizes) or 'none'}")
    height, width = images[0].shape[:2]
    factor = whole_factor(height, width)
    blocks: dict[str, list[Image.Image]] = {}
    for pixels, label in zip(images, labels, strict=True):
        blocks.setdefault(label, []).append(enlarged(pixels, factor))
    return _compose(blocks)


def whole_factor(height: int, width: int) -> int:
    """How many times an image is enlarged until its longer side has about 128 pixels."""
    return max(1, TILE_SIDE // max(height, width))


def enlarged(pixels: Pixels, factor: int) -> Image.Image:
    """`(H, W, 3) uint8 RGB`, each pixel a square of `factor` pixels."""
    height, width = pixels.shape[:2]
    return Image.fromarray(pixels).resize((width * factor, height * factor), Image.Resampling.NEAREST)


def _compose(blocks: Mapping[str, Sequence[Image.Image]]) -> Image.Image:
    """The blocks one under the other on white; a block is its rows of tiles and its caption."""
    width, height = next(iter(blocks.values()))[0].size
    across = min(COLUMNS, max(len(tiles) for tiles in blocks.values()))
    rows = sum(_rows(tiles) for tiles in blocks.values())
    size = (
        2 * MARGIN + across * (width + GAP) - GAP,
        2 * MARGIN + rows * (height + GAP) + len(blocks) * CAPTION,
    )
    sheet = Image.new("RGB", size, PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT)
    top = MARGIN
    for label, tiles in blocks.items():
        for index, tile in enumerate(tiles):
            row, column = divmod(index, COLUMNS)
            sheet.paste(tile, (MARGIN + column * (width + GAP), top + row * (height + GAP)))
        top += _rows(tiles) * (height + GAP)
        pen.text((MARGIN, top), label, fill=INK, font=font)
        top += CAPTION
    return sheet


def _rows(tiles: Sequence[Image.Image]) -> int:
    return -(-len(tiles) // COLUMNS)


def _draw_class(label: str, ids: Sequence[str], per_class: int, seed: int) -> list[str]:
    digest = hashlib.sha256(f"{seed}\0{label}".encode()).digest()
    random = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    picked = random.choice(len(ids), size=min(per_class, len(ids)), replace=False)
    return [ids[index] for index in sorted(picked)]


def read_pixels(path: Path) -> Pixels:
    """An image file as `(H, W, 3) uint8 RGB`; `ImageError` where it is missing or no image."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except UnidentifiedImageError as error:
        raise ImageError(f"{path}: expected a PNG image, got something else") from error
    except OSError as error:
        raise ImageError(f"can't read {path}: {error.strerror or error}; expected a PNG image") from error
