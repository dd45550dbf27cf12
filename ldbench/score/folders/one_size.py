"""Images of two folders at one size: brought to a side, or all must have the size of the first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ldbench.errors import ImageError

if TYPE_CHECKING:
    import torch

Fit = Literal["pad", "crop", "stretch"]  # how an image becomes a square: black at its sides, its middle, resized


@dataclass
class OneSize:
    """Brings images to a side, or, without one, holds all images to the size of the first.

    `fit` says how an image that isn't square becomes one; without it such an image is refused.
    """

    side: int | None
    fit: Fit | None = None
    first: tuple[Path | str, tuple[int, int]] | None = None

    def __call__(self, path: Path | str, levels: torch.Tensor) -> torch.Tensor:
        """Levels `(1 or 3, H, W) uint8` at the size. `ImageError`."""
        height, width = levels.shape[1:]
        self.check(path, (height, width))
        if self.side is None:
            return levels
        if height != width and self.fit is not None:
            levels = _squared(levels, self.fit)
        return _resized(levels, self.side)

    def check(self, path: Path | str, size: tuple[int, int]) -> None:
        """`ImageError` for an image of another (height, width) than the first, or that isn't square and has no fit."""
        height, width = size
        if self.side is None:
            where, expected = self.first = self.first or (path, size)
            if size != expected:
                raise ImageError(
                    f"{path}: expected {expected[1]} x {expected[0]} pixels, as {where} has, got {width} x {height}; "
                    "bring all to one size with --side"
                )
        elif height != width and self.fit is None:
            raise ImageError(
                f"{path}: expected a square image, got {width} x {height}; give --fit pad, crop or stretch"
            )


def _squared(levels_chw: torch.Tensor, fit: Fit) -> torch.Tensor:
    """Levels as a square: with black at both sides, or of the middle alone; to be stretched they stay as they are."""
    import torch

    if fit == "stretch":
        return levels_chw
    height, width = levels_chw.shape[1:]
    side = max(height, width) if fit == "pad" else min(height, width)
    top, left = abs(side - height) // 2, abs(side - width) // 2
    if fit == "crop":
        return levels_chw[:, top : top + side, left : left + side].contiguous()
    square = torch.zeros((len(levels_chw), side, side), dtype=torch.uint8)
    square[:, top : top + height, left : left + width] = levels_chw
    return square


def _resized(levels_chw: torch.Tensor, side: int) -> torch.Tensor:
    """Levels at another side, by Pillow's antialiased Lanczos filter."""
    import torch
    from PIL import Image

    def of_channel(levels_hw: torch.Tensor) -> torch.Tensor:
        picture = Image.fromarray(levels_hw.numpy()).resize((side, side), Image.Resampling.LANCZOS)
        return torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).reshape(side, side)

    if levels_chw.shape[1:] == (side, side):
        return levels_chw
    return torch.stack([of_channel(each) for each in levels_chw])
