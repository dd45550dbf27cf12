"""SDEdit (Meng et al. 2022, arXiv 2108.01073): noise a scan part of the way, denoise it under the target's caption.

z_t = a_t z_0 + b_t (eps + delta_sample) at the timestep where the last `strength` of the schedule begins (their Eq. 5,
variance preserving, with drift), then the sampler's own steps from there. Nothing keeps what the caption doesn't say
but what is left of the image: the row to compare with. Trains nothing of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from ldbench.api import Request
from ldbench.errors import UsageError

from .basic_ft import BasicFT
from .bounds import Bounds
from .diffusion.latent_diffusion import LatentDiffusion
from .diffusion.sampling import ReverseStep, descend, predictor, step_generators
from .diffusion.schedulers import reverse_path
from .drift import shifted
from .editing.tuned_editor import TunedEditor
from .fitting.fine_tuner import FineTuner


@dataclass
class SDEdit(TunedEditor):
    """SDEdit: the scan is noised part of the way and denoised under the target's caption.

    `strength` is the share of the `sampling_steps` that is taken, at least one, from the noise level where the last of
    them start: 1 gives a new image but for the a_T of the source that is left. Without a step it would be the row
    `autoencoder`, and is refused.
    """

    sampling_parameters: ClassVar[frozenset[str]] = TunedEditor.sampling_parameters | {"strength"}
    bounds: ClassVar[Mapping[str, Bounds]] = {**TunedEditor.bounds, "strength": Bounds(0, 1, more=True)}
    tuning: ClassVar[type[FineTuner]] = BasicFT

    sampling_steps: int = 20
    guidance_scale: float = 7.5
    strength: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self._step_count():
            raise UsageError(
                f"strength: expected a step or more of {self.sampling_steps}, got {self.strength}, which rounds to "
                f"none; take {math.ceil(1000 / self.sampling_steps) / 1000:g} or more, or more sampling_steps"
            )

    def _edit(self, model: LatentDiffusion, requests: Sequence[Request], z_0: torch.Tensor) -> Iterator[ReverseStep]:
        cases = [request.case for request in requests]
        how = self._sampling(model)
        path = reverse_path(how.sampler, how.steps, model.schedule.config, first=how.steps - self._step_count())
        noise = torch.stack([request.noise(z_0.shape[1:]) for request in requests]).to(z_0.device)
        if how.drift.kind == "noise":
            noise = shifted(noise, how.drift.sample)
        abar_t = path.abar[0]
        z_t = math.sqrt(abar_t) * z_0 + math.sqrt(1 - abar_t) * noise
        targets = [case.target_prompt or "" for case in cases]  # there, as source_latents has seen to
        predict = predictor(model, model.embed(targets, [case.id for case in cases]), how.guidance_scale)
        yield from descend(predict, z_t * path.scale(0), path, how, step_generators(requests))

    def _image_calls(self) -> float:
        return super()._image_calls() * self._step_count() / self.sampling_steps

    def _step_count(self) -> int:
        return round(self.strength * self.sampling_steps)
