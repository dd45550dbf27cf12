"""The reference row `autoencoder`: the source through the backbone's autoencoder and back, unedited.

What any edit in this backbone's latent space has lost before it changes anything. Trains nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from ldbench.api import Context, Request
from ldbench.errors import UsageError

from .backbone.folder import BackboneFolder
from .diffusion.generator import StableDiffusion
from .editing.tuned_editor import source_latents


@dataclass
class Autoencoder(StableDiffusion):
    """The source through the backbone's autoencoder and back: no edit, and its blur."""

    kinds: ClassVar[frozenset[str]] = frozenset({"aging", "disease-counterfactual"})
    reason: ClassVar[str] = "A prompt alone brings no source to encode."
    reference: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("delta_sample", "delta_total"):
            if (value := getattr(self, name)) is not None:
                raise UsageError(f"{name}: expected none, as nothing is sampled, got {value!r}; leave it out")

    def _check_on(self, backbone: BackboneFolder) -> None:
        """Nothing is sampled, so every backbone serves."""

    def _tell_sampler(self, name: str, backbone: BackboneFolder) -> None:
        """Nothing is sampled, so there is nothing to tell."""

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """The sources as the autoencoder has them, `(N, 3, H, W) float32 in [0, 1]`."""
        model = self._fitted()
        return model.decode(source_latents(model, requests, context.image_shape))
