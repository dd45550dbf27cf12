"""Latents to images: one loop over a diffusers scheduler, batched, each image with its own noise.

The loop is written out instead of calling a pipeline because prompts are embedded once, noise comes from each
request's own seed, and the drift has to reach both the start and, for an ancestral sampler, every step. Knows no
generator and no training; which timesteps there are is schedulers.py's.

Shapes: B images, C latent channels, h and w latent pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ldbench.api import Request
from ldbench.errors import UsageError

from ..backbone.precision import first_parameter
from ..drift import Drift, shifted
from .latent_diffusion import ImageShape, LatentDiffusion
from .schedulers import ReversePath, Sampler, reverse_path

Predict = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Guide = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
_STEP_NOISE = 0x5DEECE66D


@dataclass(frozen=True)
class Sampling:
    """How to sample: which solver, how many steps, and how strongly the prompt is followed.

    `guidance_scale` 1 is the plain conditional model, above 1 classifier-free guidance (Ho and Salimans 2022) at
    twice the cost. `eta`, for DDIM alone, is the share of the noise that each step draws anew: 0 is deterministic,
    1 is DDPM.
    """

    sampler: Sampler
    steps: int
    guidance_scale: float
    drift: Drift
    eta: float = 0.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise UsageError(f"steps: expected 1 or more, got {self.steps}")
        if not 0 <= self.eta <= 1 or (self.eta and self.sampler != "ddim"):
            raise UsageError(f"eta: expected 0 to 1 with sampler ddim, else 0; got {self.eta} with {self.sampler}")


@dataclass(frozen=True)
class ReverseStep:
    """One reverse step: from z_t to z_s, `(B, C, h, w) float32` at unit noise scale (z_t = a_t z_0 + b_t noise).

    `prediction` is what the network said of z_t, of the backbone's prediction type. `next_latents` is z_s, in the
    scheduler's own scale, drift included; after the last step it is z_0.
    """

    step: int
    timestep: int
    abar: float
    latents: torch.Tensor
    prediction: torch.Tensor
    next_latents: torch.Tensor
    prediction_type: str

    def clean_latents(self) -> torch.Tensor:
        """The z_0 that the prediction amounts to. At zero terminal SNR that is -v."""
        a, b = math.sqrt(self.abar), math.sqrt(1 - self.abar)
        if self.prediction_type == "v_prediction":
            return a * self.latents - b * self.prediction
        return (self.latents - b * self.prediction) / a


@torch.no_grad()
def sample(model: LatentDiffusion, requests: Sequence[Request], image_shape: ImageShape, how: Sampling) -> torch.Tensor:
    """Images `(B, 3, H, W) float32 in [0, 1]`, one a request."""
    noise = start_noise(model, requests, image_shape)
    text = model.embed([request.case.prompt for request in requests], [request.case.id for request in requests])
    predict = predictor(model, text, how.guidance_scale)
    return model.decode(integrate(predict, noise, model.schedule.config, how, step_generators(requests)))


def integrate(
    predict: Predict, noise_BChw: torch.Tensor, config: Mapping[str, Any], how: Sampling,
    generators: list[torch.Generator],
) -> torch.Tensor:
    """z_0 `(B, C, h, w)` from standard normal noise, by the sampler's steps over `predict(z_t, t)`."""
    for step in reverse(predict, noise_BChw, config, how, generators):
        z = step.next_latents
    return z


def reverse(
    predict: Predict, noise_BChw: torch.Tensor, config: Mapping[str, Any], how: Sampling,
    generators: list[torch.Generator],
) -> Iterator[ReverseStep]:
    """The reverse process from its start, one item a step; `generators`, one an image, draw ancestral steps' noise."""
    path = reverse_path(how.sampler, how.steps, config, how.eta)
    z = shifted(noise_BChw * path.scheduler.init_noise_sigma, how.drift.start_shift(), path.scale(0))
    yield from descend(predict, z, path, how, generators)


def descend(
    predict: Predict, z_BChw: torch.Tensor, path: ReversePath, how: Sampling, generators: list[torch.Generator],
    guide: Guide | None = None,
) -> Iterator[ReverseStep]:
    """The steps of `path` from latents at its start, which are in its scheduler's scale and hold what drift adds there.

    `guide(z_t, t)` gives what takes the place of z_t before each network call. A drift's shift is added once a reverse
    step, after it, whatever the number of network calls: PNDM's provisional first result gets none, as it is thrown
    away.
    """
    scheduler, options, z = path.scheduler, _step_options(path, how, generators), z_BChw
    for step, calls in enumerate(path.calls):
        outcomes: list[tuple[torch.Tensor, torch.Tensor]] = []
        for t in calls:
            z = guide(z, t) if guide is not None else z
            z_t = scheduler.scale_model_input(z, t)
            prediction = predict(z_t, t)
            outcomes.append((z_t, prediction))
            z = scheduler.step(path.solver_output(prediction, z_t, t), t, z, **options).prev_sample
        z = shifted(z, how.drift.step_shift(path.abar[step + 1], path.variance(step)), path.scale(step + 1))
        yield ReverseStep(step, int(calls[0]), path.abar[step], *outcomes[0], z, path.prediction_type)


def _step_options(path: ReversePath, how: Sampling, generators: list[torch.Generator]) -> dict[str, Any]:
    if not path.eta:
        return {}
    # from a_t = 0, diffusers' DDIM with eta 1 takes the root of 1 - abar_s - (1 - abar_s), which rounds below zero
    eta = how.eta if path.abar[0] > 0 else min(how.eta, 1 - 1e-6)
    return {"generator": generators} | ({"eta": eta} if how.sampler == "ddim" else {})


def start_noise(model: LatentDiffusion, requests: Sequence[Request], image_shape: ImageShape) -> torch.Tensor:
    """Standard normal noise `(B, C, h, w)` on the model's device, each image's from its request's seed."""
    noise = torch.stack([request.noise(model.latent_shape(image_shape)) for request in requests])
    return noise.to(first_parameter(model.unet).device)


def step_generators(requests: Sequence[Request]) -> list[torch.Generator]:
    """What draws the noise of ancestral steps: of a seed of its own, so that no step repeats the draw of z_T."""
    return [torch.Generator("cpu").manual_seed(request.seed ^ _STEP_NOISE) for request in requests]


def predictor(
    model: LatentDiffusion, text_BLd: torch.Tensor, scale: float = 1.0, away_BLd: torch.Tensor | None = None,
    rescale: float = 0.0,
) -> Predict:
    """The network's prediction under hidden states `text_BLd`; with a `scale` other than 1 led from those of `away_BLd`
    (of the empty prompt where there are none) beyond them, at twice the cost.

    `rescale`, 0 to 1, is how far each image's guided prediction is brought back to the deviation that the prediction
    under its own text has (Lin et al. 2023, arXiv 2305.08891, Eq. 15 and 16): guidance makes it larger, and images
    too light or too dark.
    """
    dtype = first_parameter(model.unet).dtype  # may be half precision; the latents are float32 throughout
    text = text_BLd.to(dtype)
    if scale == 1:
        return lambda z, t: model.unet(z.to(dtype), t, text).sample.float()
    away = model.embed([""]).to(dtype).expand_as(text) if away_BLd is None else away_BLd.to(dtype)
    texts = torch.cat([away, text])

    def predict(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        without, with_text = model.unet(torch.cat([z, z]).to(dtype), t, texts).sample.float().chunk(2)
        guided: torch.Tensor = without + scale * (with_text - without)
        if not rescale:
            return guided
        ratio = with_text.std((1, 2, 3), keepdim=True) / guided.std((1, 2, 3), keepdim=True)
        guided *= 1 - rescale + rescale * ratio
        return guided

    return predict
