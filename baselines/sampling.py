"""Latents to images: one loop over a diffusers scheduler, batched, each image with its own noise.

The loop is written out instead of calling a pipeline because prompts are embedded once, noise comes from each
request's own seed, and the drift has to reach both the start and, for an ancestral sampler, every step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler

from ldbench.api import Request
from ldbench.errors import UsageError

from .drift import Drift
from .latent_diffusion import LatentDiffusion

Sampler = Literal["dpm-solver++", "ddim", "ddpm"]
_STEP_NOISE = 0x5DEECE66D


@dataclass(frozen=True)
class Sampling:
    """How to sample: which solver, how many steps, and how strongly the prompt is followed.

    `guidance_scale` 1 is the plain conditional model, above 1 classifier-free guidance (Ho and Salimans 2022) at
    twice the cost.
    """

    sampler: Sampler
    steps: int
    guidance_scale: float
    drift: Drift

    def __post_init__(self) -> None:
        if self.sampler not in get_args(Sampler):
            raise UsageError(f"sampler: expected one of {', '.join(get_args(Sampler))}, got {self.sampler!r}")
        if self.steps < 1:
            raise UsageError(f"steps: expected 1 or more, got {self.steps}")


def make_scheduler(sampler: Sampler, config: Any) -> Any:
    """The diffusers scheduler of a sampler, on the backbone's own noise schedule."""
    if sampler == "ddim":
        return DDIMScheduler.from_config(config)
    if sampler == "ddpm":
        return DDPMScheduler.from_config(config, variance_type="fixed_small", timestep_spacing="trailing")
    return DPMSolverMultistepScheduler.from_config(config, algorithm_type="dpmsolver++", timestep_spacing="trailing")


@torch.no_grad()
def sample(
    model: LatentDiffusion, requests: Sequence[Request], image_shape: tuple[int, int, int], how: Sampling
) -> torch.Tensor:
    """Images `(B, 3, H, W) float32 in [0, 1]`, one a request."""
    device = model.unet.device
    noise = torch.stack([request.noise(model.latent_shape(image_shape)) for request in requests]).to(device)
    text = model.embed([request.case.prompt for request in requests])
    empty = model.embed([""]).expand_as(text) if how.guidance_scale != 1 else None
    # step noise comes from a seed of its own, so that no step repeats the draw of z_T
    generators = [torch.Generator("cpu").manual_seed(request.seed ^ _STEP_NOISE) for request in requests]
    latents = integrate(
        lambda z, t: _predict(model, z, t, text, empty, how.guidance_scale), noise, model.schedule.config, how,
        generators,
    )
    return model.decode(latents)


def integrate(
    predict: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], noise_BChw: torch.Tensor, config: Any, how: Sampling,
    generators: list[torch.Generator],
) -> torch.Tensor:
    """z_0 `(B, C, h, w)` from standard normal noise, by the sampler's steps over `predict(z_t, t)`."""
    scheduler = make_scheduler(how.sampler, config)
    scheduler.set_timesteps(how.steps, device=noise_BChw.device)
    z_BChw = how.drift.start(noise_BChw) * scheduler.init_noise_sigma
    options = {"generator": generators} if how.sampler == "ddpm" else {}
    for t in scheduler.timesteps:
        prediction = predict(scheduler.scale_model_input(z_BChw, t), t)
        z_BChw = scheduler.step(prediction, t, z_BChw, **options).prev_sample
        if how.sampler == "ddpm":
            z_BChw = z_BChw + _ancestral_shift(scheduler, int(t), how.drift)
    return z_BChw


def _predict(
    model: LatentDiffusion, z: torch.Tensor, t: torch.Tensor, text: torch.Tensor, empty: torch.Tensor | None,
    scale: float,
) -> torch.Tensor:
    if empty is None:
        return model.unet(z, t, text).sample
    without, with_text = model.unet(torch.cat([z, z]), t, torch.cat([empty, text])).sample.chunk(2)
    return without + scale * (with_text - without)


def _ancestral_shift(scheduler: DDPMScheduler, t: int, drift: Drift) -> float:
    s = int(scheduler.previous_timestep(t))
    if s < 0:  # the last step injects no noise and ends on the clean latent
        return 0.0
    variance = float(scheduler._get_variance(t)) if t > 0 else 0.0
    return drift.ancestral_shift(float(scheduler.alphas_cumprod[s]), variance)
