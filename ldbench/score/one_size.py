"""Images of two folders at one size: square ones are brought to a side, or all must have the size of the first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ldbench.errors import ImageError

if TYPE_CHECKING:
    import torch


@dataclass
class OneSize:
    """Brings square images to a side, or, without one, holds all images to the size of the first."""

    side: int | None
    first: tuple[Path | str, tuple[int, ...]] | None = None

    def __call__(self, path: Path | str, levels: torch.Tensor) -> torch.Tensor:
        """Levels `(1 or 3, H, W) uint8` at the size. `ImageError`."""
        height, width = levels.shape[1:]
        if self.side is None:
            where, size = self.first = self.first or (path, (height, width))
            if (height, width) != size:
                raise ImageError(
                    f"{path}: expected {size[1]} x {size[0]} pixels, as {where} has, got {width} x {height}; bring "
                    "all to one size with --side"
                )
            return levels
        if height != width:
            raise ImageError(f"{path}: expected a square image, got {width} x {height}; crop it, or pad it with black")
        return _resized(levels, self.side)


def _resized(levels_chw: torch.Tensor, side: int) -> torch.Tensor:
    """Levels at another side, by Pillow's antialiased Lanczos filter."""
    import torch
    from PIL import Image

    def of_channel(levels_hw: torch.Tensor) -> torch.Tensor:
        picture = Image.fromarray(levels_hw.numpy()).resize((side, side), Image.Resampling.LANCZOS)
        return torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).reshape(side, side)

    return levels_chw if levels_chw.shape[-1] == side else torch.stack([of_channel(each) for each in levels_chw])
