"""A task's training split at another size, so that both sides of a benchmark see the same pixels.

An image that has the size already stays as it is.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ldbench.api import Example, TrainingSet

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class ResizedSet:
    """A training split whose images are `(3, side, side) float32 in [0, 1]`."""

    train: TrainingSet
    side: int

    def __len__(self) -> int:
        """Number of training examples."""
        return len(self.train)

    def __getitem__(self, index: int) -> Example:
        """The example at `index`, its image resized bilinearly with antialiasing."""
        example = self.train[index]
        return dataclasses.replace(example, image=_resized(example.image, self.side))


def export(train: TrainingSet, folder: Path, *, captions: bool, count: int | None = None) -> None:
    """Write the first `count` images (none: all) as `00000.png`, ...; with `captions`, the prompts too, as `datasets`
    reads an image folder."""
    from PIL import Image

    folder.mkdir(parents=True)
    rows = []
    for index in range(len(train) if count is None else count):
        example, name = train[index], f"{index:05d}.png"
        pixels = (example.image * 255).round().byte().permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(folder / name)
        rows.append(json.dumps({"file_name": name, "text": example.prompt}))
    if captions:
        (folder / "metadata.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")


def _resized(image: torch.Tensor, side: int) -> torch.Tensor:
    if image.shape[-1] == side:
        return image
    from torch.nn.functional import interpolate

    return interpolate(image[None], size=(side, side), mode="bilinear", antialias=True)[0].clamp(0, 1)
