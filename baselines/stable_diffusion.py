"""Stable Diffusion as it comes: prompts to images with the pretrained backbone, with or without drift in sampling.

Nothing is trained. The paper's zero-shot rows (Table 1, "Stable Diffusion"). What every generator on a backbone
shares stands here: which backbone, in which precision, sampled how.
"""

from __future__ import annotations

from dataclasses import dataclass

from .diffusion.generator import StableDiffusion
from .drift import Delta


@dataclass
class StableDiffusionDrift(StableDiffusion):
    """The backbone without fine-tuning, sampled with the paper's drift of 0.1."""

    delta_sample: Delta | None = 0.1
