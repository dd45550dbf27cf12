"""Draw the sample grid of the model card: `python -m recipes.tiny_sd.gallery FOLDER PICTURE.png`.

Four seeds for each of eight prompts, 25 steps of DDPM, guidance 3; nothing is chosen by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from diffusers import DDPMScheduler, StableDiffusionPipeline
from PIL import Image

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
SEEDS, STEPS, GUIDANCE = 4, 25, 3.0


def sample_grid(folder: Path) -> Image.Image:
    """One row a seed, one column a prompt of `PROMPTS`."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipeline.scheduler = DDPMScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    rows = []
    for seed in range(SEEDS):
        generators = [torch.Generator().manual_seed(seed) for _ in PROMPTS]
        images = pipeline(
            list(PROMPTS), num_inference_steps=STEPS, guidance_scale=GUIDANCE, generator=generators, output_type="np"
        ).images
        rows.append(np.concatenate(list(images), axis=1))
    return Image.fromarray(np.rint(np.concatenate(rows) * 255.0).astype(np.uint8))


if __name__ == "__main__":
    sample_grid(Path(sys.argv[1])).save(sys.argv[2], optimize=True)
