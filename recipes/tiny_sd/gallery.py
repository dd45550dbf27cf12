"""Draw the sample grid of the model card: `python -m recipes.tiny_sd.gallery FOLDER PICTURE.png`.

Four seeds for each of eight prompts, 25 steps of DDPM, guidance 3; nothing is chosen by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from .drawing import drawer

PROMPTS = (
    "a photo of a red ball on a white background",
    "a photo of two yellow houses on a green field",
    "a tree and a field on a sunny day",
    "a photo of three white boats and the sea in the evening",
    "a city street with a red car at night",
    "a black and white photo of a cat on a wooden floor",
    "zebra stripes in black and white",
    "a painting of a purple flower on a yellow background",
)
SEEDS = 4


def sample_grid(folder: Path) -> Image.Image:
    """One row a seed, one column a prompt of `PROMPTS`."""
    draw = drawer(folder)
    rows = [np.concatenate(list(draw(PROMPTS, [seed] * len(PROMPTS))), axis=1) for seed in range(SEEDS)]
    return Image.fromarray(np.rint(np.concatenate(rows) * 255.0).astype(np.uint8))


if __name__ == "__main__":
    sample_grid(Path(sys.argv[1])).save(sys.argv[2], optimize=True)
