"""Pix2Pix-Zero (Parmar et al. 2023, arXiv 2302.03027): invert a scan to noise, sample it again under an edited text.

1. The source's latent is inverted under its caption, to noise that may be kept white (editing/inversion.py).
2. The caption's hidden states plus the edit's direction (editing/direction.py) are the edited text. It is followed away
   from the caption, eps = eps(caption) + guidance_scale (eps(edited) - eps(caption)): the authors' choice of negative
   prompt, with which the null edit gives the source back at any scale.
3. DDIM from the inverted noise, each step guided to look where the source's own sampling looked
   (editing/attention_guidance.py).

The reference of the attention is sampled without `delta_sample - delta_train`: it is the source. Written here because
diffusers' pipeline of that name takes one image at a time, drops the edit at guidance_scale 1, goes on from the
unconditional half of the optimised latents, and leaves its processors in the U-Net. Trains nothing of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from ldbench.api import Request

from .basic_ft import BasicFT
from .bounds import Bounds
from .diffusion.latent_diffusion import LatentDiffusion
from .diffusion.network_cost import TRAINING_PASSES
from .diffusion.sampling import ReverseStep, descend, predictor
from .diffusion.schedulers import reverse_path
from .editing.attention_guidance import AttentionGuidance
from .editing.direction import edit_directions
from .editing.inversion import drifted, invert, whitening
from .editing.tuned_editor import TunedEditor
from .fitting.fine_tuner import FineTuner


@dataclass
class Pix2PixZero(TunedEditor):
    """Pix2Pix-Zero: the scan is inverted to noise and sampled again under an edited text.

    `guidance_weight` is the paper's tau, the step against the change of cross-attention (0: none).
    `regularisation_weight` is lambda, with which `regularisation_steps` rounds of `regularisation_rolls` steps whiten
    the noise at each timestep of the inversion. It is 0, so none, where the authors have 20: whitening more than
    doubles the time, and on the sandbox it made errors larger. All else is by default the authors' code's;
    `guidance_scale` is the strength of the edit.
    """

    sampling_parameters: ClassVar[frozenset[str]] = TunedEditor.sampling_parameters | {
        "guidance_weight", "regularisation_weight", "regularisation_steps", "regularisation_rolls",
    }
    bounds: ClassVar[Mapping[str, Bounds]] = {
        **TunedEditor.bounds, "guidance_weight": Bounds(0, 100), "regularisation_weight": Bounds(0, 1000),
        "regularisation_steps": Bounds(0), "regularisation_rolls": Bounds(1),
    }
    tuning: ClassVar[type[FineTuner]] = BasicFT

    sampler: Literal["ddim"] = "ddim"  # the one that can be inverted
    sampling_steps: int = 50
    guidance_scale: float = 5.0
    guidance_weight: float = 0.1
    regularisation_weight: float = 0.0
    regularisation_steps: int = 5
    regularisation_rolls: int = 5

    def _image_calls(self) -> float:
        # inversion, and where attention is guided a reference, a pass and its gradient
        guided = 1 + TRAINING_PASSES if self.guidance_weight else 0
        return super()._image_calls() + self.sampling_steps * (1 + guided)

    def _edit(self, model: LatentDiffusion, requests: Sequence[Request], z_0: torch.Tensor) -> Iterator[ReverseStep]:
        cases = [request.case for request in requests]
        captions = [case.source_prompt or "" for case in cases]  # there, as source_latents has seen to
        caption = model.embed(captions, [case.id for case in cases])
        edited = caption + edit_directions(model, cases)
        how, along = self._sampling(model), predictor(model, caption)
        path, reference_path = (reverse_path("ddim", how.steps, model.schedule.config) for _ in range(2))
        white = whitening(self.regularisation_weight, self.regularisation_steps, self.regularisation_rolls, requests)
        z_T = invert(along, z_0, path, how.drift, white)
        guide = None
        if self.guidance_weight:
            reference = descend(along, z_T, reference_path, how, [])
            guide = AttentionGuidance(model.unet, predictor(model, edited), reference, self.guidance_weight)
        towards = predictor(model, edited, how.guidance_scale, caption)
        yield from descend(towards, drifted(z_T, how.drift), path, how, [], guide)
