"""Stable Diffusion as it comes: prompts to images with the pretrained backbone, with or without drift in sampling.

Nothing is trained. The paper's zero-shot rows (Table 1, "Stable Diffusion"). The row is the class that every generator
on a backbone derives from.
"""

from __future__ import annotations

from .diffusion.generator import StableDiffusion

__all__ = ["StableDiffusion"]
