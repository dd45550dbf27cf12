"""Edits in pictures: a row a case, with its source, the result, the truth, and what changed in colour.

Changes are signed: brighter than the source (an addition) in green, darker (a removal) in red, on white, as in the
paper's figures. One threshold and one scale of colour hold for the whole sheet and stand at its foot. Nothing is
stretched, smoothed or normalised by row.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from ldbench.errors import ImageError, UsageError
from ldbench.run.sheets.contact_sheet import (
    CAPTION,
    FONT,
    GAP,
    INK,
    MARGIN,
    PAPER,
    Pixels,
    enlarged,
    whole_factor,
    write_sheet,
)

THRESHOLD = 0.1
FULL_COLOUR = 0.5  # a change of so much of the range, or more, has the full colour
_DARKEST = 150  # the lit channel at full colour: a pure 255 of green is hard to see on white
_HEADINGS = ("source", "result", "truth", "result - source", "truth - source")
_RAMP_WIDTH, _RAMP_HEIGHT, _WRAP_PIXELS = 201, 14, 7.2


@dataclass(frozen=True)
class EditRow:
    """One case: what stands under it, and its images `(H, W, 3) uint8 RGB`; `truth` is None where nobody knows it."""

    caption: str
    source: Pixels
    result: Pixels
    truth: Pixels | None = None


def signed_difference(
    before: npt.NDArray[np.floating], after: npt.NDArray[np.floating], threshold: float = THRESHOLD
) -> Pixels:
    """What changed from `before` to `after`, both `(H, W)` in [0, 1], as `(H, W, 3) uint8 RGB`.

    White where |after - before| < `threshold`; green where `after` is brighter, red where it is darker, the more
    saturated the larger the change, up to a change of 0.5. Raises `ImageError` for two sizes and `UsageError` for a
    threshold outside (0, 1).
    """
    if not 0 < threshold < 1:
        raise UsageError(f"--threshold: expected more than 0 and less than 1, got {threshold:g}")
    if before.shape != after.shape:
        sizes = " and ".join("x".join(map(str, one.shape)) for one in (before, after))
        raise ImageError(f"signed difference: expected two images of one size, got {sizes}")
    change = after.astype(np.float64) - before.astype(np.float64)
    # 8-bit levels that differ by exactly the threshold must not fall below it by the last bit of a float
    visible = np.abs(change) >= threshold - 1e-9
    strength = np.where(visible, np.clip(np.abs(change) / FULL_COLOUR, 0, 1), 0)
    other, lit = 255 * (1 - strength), 255 - (255 - _DARKEST) * strength
    added = change > 0
    planes = [np.where(added, other, lit), np.where(added, lit, other), other]
    return np.floor(np.stack(planes, axis=-1) + 0.5).astype(np.uint8)


def edit_sheet(rows: Sequence[EditRow], out: Path, *, note: str = "", threshold: float = THRESHOLD) -> Path:
    """Write a PNG with a row of images a case, captions below them, and `note`, threshold and colours at the foot.

    The columns with the truth are left out where no row has one. Images are enlarged by `whole_factor`. Raises
    `ImageError` where there is no row or two images differ in size.
    """
    images = [one for row in rows for one in (row.source, row.result, row.truth) if one is not None]
    if not rows or len({one.shape for one in images}) > 1:
        sizes = sorted({"x".join(map(str, one.shape)) for one in images})
        raise ImageError(f"{out}: expected source, result and truth of one size, got {' and '.join(sizes) or 'none'}")
    height, width = images[0].shape[:2]
    factor = whole_factor(height, width)
    with_truth = any(row.truth is not None for row in rows)
    tiles = [_tiles(row, threshold, factor, with_truth) for row in rows]
    headings = [name for name in _HEADINGS if with_truth or "truth" not in name]
    return write_sheet(_compose(tiles, headings, [row.caption for row in rows], note, threshold), out)


def _tiles(row: EditRow, threshold: float, factor: int, with_truth: bool) -> list[Image.Image | None]:
    """The row's images in the order of the headings; None where the row has no truth and others have."""
    columns: list[Pixels | None] = [row.source, row.result, _change(row.source, row.result, threshold)]
    if with_truth:
        columns.insert(2, row.truth)
        columns.append(None if row.truth is None else _change(row.source, row.truth, threshold))
    return [None if pixels is None else enlarged(pixels, factor) for pixels in columns]


def _change(before: Pixels, after: Pixels, threshold: float) -> Pixels:
    return signed_difference(_grey(before), _grey(after), threshold)


def _grey(pixels: Pixels) -> npt.NDArray[np.float64]:
    """The mean over channels of `(H, W, 3) uint8`, `(H, W) float64 in [0, 1]`."""
    grey: npt.NDArray[np.float64] = pixels.astype(np.float64).mean(axis=-1) / 255
    return grey


def _compose(
    tiles: Sequence[Sequence[Image.Image | None]], headings: Sequence[str], captions: Sequence[str], note: str,
    threshold: float,
) -> Image.Image:
    width, height = next(tile.size for row in tiles for tile in row if tile is not None)
    inner = len(headings) * (width + GAP) - GAP
    foot = textwrap.wrap(_legend(note, threshold), int(inner / _WRAP_PIXELS))
    step = height + GAP + CAPTION
    size = (2 * MARGIN + inner, 2 * MARGIN + CAPTION + len(tiles) * step + (len(foot) + 1) * CAPTION)
    sheet = Image.new("RGB", size, PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT)
    for column, heading in enumerate(headings):
        pen.text((MARGIN + column * (width + GAP), MARGIN), heading, fill=INK, font=font)
    for index, (row, caption) in enumerate(zip(tiles, captions, strict=True)):
        top = MARGIN + CAPTION + index * step
        for column, tile in enumerate(row):
            if tile is not None:
                _framed(sheet, pen, tile, (MARGIN + column * (width + GAP), top))
        pen.text((MARGIN, top + height + GAP), caption, fill=INK, font=font)
    below = MARGIN + CAPTION + len(tiles) * step
    _draw_ramp(sheet, pen, font, below, threshold)
    for line, text in enumerate(foot):
        pen.text((MARGIN, below + (line + 1) * CAPTION), text, fill=INK, font=font)
    return sheet


def _framed(sheet: Image.Image, pen: ImageDraw.ImageDraw, tile: Image.Image, corner: tuple[int, int]) -> None:
    """The tile with a thin line around it, outside its pixels: a white difference would have no edge on white."""
    sheet.paste(tile, corner)
    x, y = corner
    pen.rectangle((x - 1, y - 1, x + tile.width, y + tile.height), outline=(200, 200, 200))


def _draw_ramp(
    sheet: Image.Image, pen: ImageDraw.ImageDraw, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, top: int,
    threshold: float,
) -> None:
    """The scale of colours, made by `signed_difference` itself, with its ends named."""
    change = np.linspace(-FULL_COLOUR, FULL_COLOUR, _RAMP_WIDTH)[None].repeat(_RAMP_HEIGHT, axis=0)
    ramp = Image.fromarray(signed_difference(np.maximum(-change, 0), np.maximum(change, 0), threshold))
    left = f"removed -{FULL_COLOUR:g}"
    start = MARGIN + int(pen.textlength(left, font=font)) + 2 * GAP
    pen.text((MARGIN, top), left, fill=INK, font=font)
    _framed(sheet, pen, ramp, (start, top + 2))
    pen.text((start + _RAMP_WIDTH + 2 * GAP, top), f"+{FULL_COLOUR:g} added", fill=INK, font=font)


def _legend(note: str, threshold: float) -> str:
    rule = (
        f"Green: brighter than the source; red: darker; white: changed by less than {threshold:g} of the range "
        f"(mean over channels); full colour from {FULL_COLOUR:g}."
    )
    return f"{note} {rule}".strip()
