"""Stable Diffusion as it comes: prompts to images with the pretrained backbone, with or without drift in sampling.

Nothing is trained. The paper's zero-shot rows (Table 1, "Stable Diffusion").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch

from ldbench.api import Context, Generator, Request, TrainingSet

from .drift import Drift
from .latent_diffusion import LatentDiffusion, load_backbone
from .sampling import Sampler, Sampling, sample


@dataclass
class StableDiffusion(Generator):
    """The backbone without fine-tuning.

    `backbone` overrides what the card recommends; `delta_sample` is the mean of the noise that sampling starts from.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})
    reason: ClassVar[str] = "Prompts alone can't carry a source image."

    backbone: str | None = None
    sampler: Sampler = "ddpm"
    sampling_steps: int = 20
    guidance_scale: float = 1.0
    delta_sample: float = 0.0

    _model: LatentDiffusion | None = field(default=None, init=False, repr=False, compare=False)

    def fit(self, train: TrainingSet, context: Context) -> None:
        """Load the backbone; the training set is not looked at."""
        self._model = load_backbone(self.backbone or context.backbone, context.device)

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """One image a prompt, `(N, 3, H, W) float32 in [0, 1]`."""
        if self._model is None:
            self._model = load_backbone(self.backbone or context.backbone, context.device)
        how = Sampling(self.sampler, self.sampling_steps, self.guidance_scale, self._drift())
        return sample(self._model, requests, context.image_shape, how)

    def _drift(self) -> Drift:
        return Drift(sample=self.delta_sample)


@dataclass
class StableDiffusionDrift(StableDiffusion):
    """The backbone without fine-tuning, sampled with the paper's drift of 0.1."""

    delta_sample: float = 0.1
