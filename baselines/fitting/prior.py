"""Prior preservation: images that the frozen backbone makes are trained on beside the task's own.

DreamBooth's second loss term (Ruiz et al. 2023, arXiv 2208.12242, Eq. 2), which Custom Diffusion takes over. The class
images are made once, from the training prompts as they are without the method's own words, and kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

from ldbench.api import Batches, Case, Context, Request, case_seed

from ..bounds import Bounds
from ..diffusion.latent_diffusion import LatentDiffusion
from ..diffusion.sampling import Sampling, sample
from ..drift import Drift
from .checkpoint import kept
from .denoising import Draw
from .encoded import MOMENTS, EncodedSet
from .fine_tuner import FineTuner
from .masters import rounded

CLASS_IMAGES = "class-images.safetensors"


@dataclass
class PreservesPrior(FineTuner):
    """A fine-tuner that may learn `class_images` images of the frozen backbone too, as many a batch as of the task's.

    `prior_weight` is the weight of their loss; at 0 none are made.
    """

    # the class images depend on these
    sampling_parameters: ClassVar[frozenset[str]] = FineTuner.sampling_parameters - {
        "sampler", "sampling_steps", "guidance_scale"
    }

    bounds: ClassVar[Mapping[str, Bounds]] = {
        **FineTuner.bounds, "prior_weight": Bounds(0, 100), "class_images": Bounds(1),
    }

    prior_weight: float = 1.0
    class_images: int = 64

    def _draw(self) -> Draw:
        draw = super()._draw()
        return replace(draw, prior=draw.batch_size, prior_weight=self.prior_weight) if self.prior_weight else draw

    def _schedules(self, schedule: DDPMScheduler) -> list[DDPMScheduler]:
        """The class images are the frozen backbone's, on its own."""
        return [*super()._schedules(schedule), *([schedule] if self.prior_weight else [])]

    def _kept_latents(self) -> tuple[int, int]:
        latents, latents_each = super()._kept_latents()
        return latents + (MOMENTS * self.class_images if self.prior_weight else 0), latents_each

    def _extended(self, data: EncodedSet, backbone: LatentDiffusion, context: Context) -> EncodedSet:
        if not self.prior_weight:
            return data
        bare = tuple(prompt.removeprefix(self._prompt("")) for prompt in data.prompts)
        chosen = self._class_prompts(data.prompt_of, context)
        moments = self._class_moments([bare[index] for index in chosen.tolist()], backbone, context)
        prompt_of = len(data.prompts) + chosen
        return EncodedSet(
            torch.cat([data.moments, moments], 1), torch.cat([data.prompt_of, prompt_of]), data.prompts + bare
        )

    def _class_prompts(self, prompt_of: torch.Tensor, context: Context) -> torch.Tensor:
        """The prompts of the class images: those of training images drawn without replacement, and anew from all once
        they are used up, so that each comes as often as in training.
        """
        drawn = torch.Generator().manual_seed(case_seed(context.seed, "class", "prompts"))
        rounds = -(-self.class_images // len(prompt_of))
        order = torch.cat([torch.randperm(len(prompt_of), generator=drawn) for _ in range(rounds)])
        return prompt_of[order[: self.class_images]]

    def _class_moments(self, prompts: list[str], backbone: LatentDiffusion, context: Context) -> torch.Tensor:
        """Posterior moments `(2, class_images, C, h, w)` of the frozen backbone's images, made or read back."""
        fingerprint = self._fingerprint(context) | self._content(context)
        made_of = json.dumps([prompts, context.seed, context.image_shape, fingerprint], sort_keys=True)
        how = Sampling(self.sampler, self.sampling_steps, self.guidance_scale, Drift())
        requests = [
            Request(Case(f"class-{index}", prompt, {}), case_seed(context.seed, "class", str(index)))
            for index, prompt in enumerate(prompts)
        ]

        def encoded(rows: slice) -> torch.Tensor:
            images = sample(backbone, requests[rows], context.image_shape, how)
            moments = backbone.encode(images).float().cpu()
            context.progress("class images", rows.stop, len(requests))
            return moments

        def sampled() -> torch.Tensor:
            # the U-Net is in float32 for training: here it is what it will be when the task's images are made
            with rounded(backbone.unet.parameters(), getattr(torch, self._precision(context))):
                return torch.cat(Batches("class images", self.batch_size).run(len(requests), encoded), 1)

        return kept(context.folder / CLASS_IMAGES, made_of, "moments", sampled, write=context.process == 0)
