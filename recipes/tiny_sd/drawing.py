"""Pictures that a backbone makes of prompts, as its model card shows and counts them: 25 steps, guidance 3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler, StableDiffusionPipeline

STEPS, GUIDANCE = 25, 3.0
SAMPLERS = {"ddpm": DDPMScheduler, "ddim": DDIMScheduler}


def drawer(folder: Path, sampler: str = "ddpm") -> Callable[[Sequence[str], Sequence[int]], np.ndarray]:
    """What draws pictures (N, S, S, 3), float in [0, 1], of prompts and a seed for each."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, local_files_only=True)
    pipeline.scheduler = SAMPLERS[sampler].from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)

    def drawn(prompts: Sequence[str], seeds: Sequence[int]) -> np.ndarray:
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        return pipeline(
            list(prompts), num_inference_steps=STEPS, guidance_scale=GUIDANCE, generator=generators, output_type="np"
        ).images

    return drawn
