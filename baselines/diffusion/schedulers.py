"""Diffusers' schedulers as reverse steps: which timesteps are asked of the network, and the noise level at each end.

The schedulers take the steps; what stands here is what drift has to know of them and what they get wrong or leave open.
A sampler, number of steps or noise schedule that would give nonsense without a warning is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    PNDMScheduler,
)

from ldbench.errors import UsageError

Sampler = Literal["dpm-solver++", "ddim", "ddpm", "pndm", "euler", "euler-ancestral"]
CLASSES: dict[Sampler, Any] = {
    "ddim": DDIMScheduler, "ddpm": DDPMScheduler, "dpm-solver++": DPMSolverMultistepScheduler, "pndm": PNDMScheduler,
    "euler": EulerDiscreteScheduler, "euler-ancestral": EulerAncestralDiscreteScheduler,
}
_EXPLODING = ("euler", "euler-ancestral")
_FIXED_STRIDE = ("ddim", "pndm")
_NOISE = ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas", "prediction_type")
_ENDS = ("set_alpha_to_one", "steps_offset")  # which the two differ in where a backbone doesn't say


@dataclass(frozen=True)
class ReversePath:
    """A scheduler ready to step, and its N reverse steps.

    `calls[i]` are the timesteps (0-d tensors on the CPU) at which step i asks the network: one, but for PNDM's first
    step, whose first result is a provisional one that the second call redoes from the same z_t. `abar` holds the
    N + 1 values of alphas_cumprod from the start of the first step to the end of the last. `eta` is the share of
    the posterior's noise that a step draws anew: 1 for ancestral samplers, 0 for deterministic ones. Latents of an
    `exploding` scheduler are z_t / a_t where the others hold z_t. `prediction_type` is the network's.
    """

    scheduler: Any
    calls: tuple[tuple[torch.Tensor, ...], ...]
    abar: tuple[float, ...]
    eta: float
    exploding: bool
    prediction_type: str

    def scale(self, level: int) -> float:
        """What a shift of z_t is multiplied by at level 0 (the start) to N: 1, or sqrt(1 + sigma^2) = 1 / a_t."""
        return self.abar[level] ** -0.5 if self.exploding else 1.0

    def solver_output(self, prediction: torch.Tensor, z_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """The network's prediction as the scheduler wants it: as it is, but for PNDM, which gets eps = a_t v + b_t z_t.

        Diffusers' own PNDM extrapolates v and turns it into eps with the latest z_t: with the optimal predictor of a
        Gaussian of mean 0.5 it ended at 0.4919 where eps itself gives 0.4998 (50 steps, Stable Diffusion's schedule).
        """
        if self.prediction_type == self.scheduler.config.prediction_type:
            return prediction
        abar_t = self.scheduler.alphas_cumprod[int(t)]
        velocity_as_noise: torch.Tensor = abar_t.sqrt() * prediction + (1 - abar_t).sqrt() * z_t
        return velocity_as_noise

    def variance(self, step: int) -> float:
        """The variance that a step injects: eta^2 b_s^2 / b_t^2 (1 - abar_t / abar_s) (Ho et al. 2020, Eq. 7;
        Song et al. 2021, Eq. 16). Ancestral Euler's sigma_up^2 a_s^2 is the same expression."""
        abar_t, abar_s = self.abar[step], self.abar[step + 1]
        return self.eta**2 * (1 - abar_s) / (1 - abar_t) * (1 - abar_t / abar_s)


def make_scheduler(sampler: Sampler, config: Mapping[str, Any]) -> Any:
    """The diffusers scheduler of a sampler, on the backbone's own noise schedule.

    DDIM and PNDM keep the backbone's timesteps ("leading" in Stable Diffusion, so 50 steps start at t = 981), as its
    pipelines do; the others start at the last timestep ("trailing", Lin et al. 2023), and so does DDIM on a schedule
    with zero terminal SNR. Of the backbone's scheduler nothing but the noise schedule and what DDIM and PNDM do at its
    end is taken: the name of a sampler means the same on every backbone. The predicted image is never clipped: latents
    are not in [-1, 1].
    """
    _check_schedule(sampler, config)
    zero_snr = bool(config.get("rescale_betas_zero_snr"))
    spacing = "trailing" if zero_snr or sampler not in _FIXED_STRIDE else config.get("timestep_spacing", "leading")
    keys = _NOISE + (_ENDS if sampler in _FIXED_STRIDE else ()) + (("rescale_betas_zero_snr",) if zero_snr else ())
    noise = {key: config[key] for key in keys if key in config}
    unclipped = {"clip_sample": False, "thresholding": False}
    changed: dict[Sampler, dict[str, Any]] = {
        "ddim": unclipped,
        "ddpm": unclipped | {"variance_type": "fixed_small"},
        "dpm-solver++": {"algorithm_type": "dpmsolver++", "thresholding": False},
        "pndm": {"skip_prk_steps": True, "prediction_type": "epsilon"},
    }
    return CLASSES[sampler](**noise | {"timestep_spacing": spacing} | changed.get(sampler, {}))


def reverse_path(
    sampler: Sampler, steps: int, config: Mapping[str, Any], eta: float = 0.0, first: int = 0
) -> ReversePath:
    """The sampler's N = `steps` reverse steps, or those from step `first` on, for latents that enter on the way.

    `eta` is DDIM's. UsageError for steps that the schedule can't give.
    """
    scheduler = make_scheduler(sampler, config)
    _check_steps(sampler, steps, scheduler.config)
    scheduler.set_timesteps(steps)
    if sampler == "pndm":
        times = [scheduler.timesteps[0], *scheduler.timesteps[2:]]  # its second one stands there twice
    else:
        _drop_surplus(scheduler, steps)
        times = list(scheduler.timesteps)
    if sampler in _EXPLODING:
        abar = tuple(1 / (1 + float(sigma) ** 2) for sigma in scheduler.sigmas)
    else:
        last = float(scheduler.final_alpha_cumprod) if sampler in _FIXED_STRIDE else 1.0
        abar = (*(float(scheduler.alphas_cumprod[int(t)]) for t in times), last)
    calls: list[tuple[torch.Tensor, ...]] = [(t,) for t in times[first:]]
    if sampler == "pndm" and len(calls) > 1:
        calls[0] = (*calls[0], *calls[1])
    share = {"ddpm": 1.0, "euler-ancestral": 1.0, "ddim": eta}.get(sampler, 0.0)
    return ReversePath(
        scheduler, tuple(calls), abar[first:], share, sampler in _EXPLODING, config.get("prediction_type", "epsilon")
    )


def start_abar(sampler: Sampler, steps: int, config: Mapping[str, Any]) -> float:
    """alphas_cumprod where sampling starts, which `drift.signal_leak` takes."""
    return reverse_path(sampler, steps, config).abar[0]


def _check_schedule(sampler: Sampler, config: Mapping[str, Any]) -> None:
    prediction = config.get("prediction_type", "epsilon")
    if prediction not in ("epsilon", "v_prediction"):
        raise UsageError(f"backbone: expected prediction_type epsilon or v_prediction, got {prediction!r}")
    spacing = config.get("timestep_spacing", "leading")
    if sampler in _FIXED_STRIDE and spacing not in ("leading", "trailing"):
        raise UsageError(  # their step goes back by one stride, and the last of such timesteps is 0
            f"sampler: {sampler} expects a backbone of timestep_spacing leading or trailing, got {spacing!r}; take "
            "ddpm, euler or dpm-solver++, or change scheduler_config.json"
        )
    if not config.get("rescale_betas_zero_snr"):
        return
    if prediction == "epsilon":  # at a_T = 0, z_T is the noise that is asked for, and says nothing of z_0
        raise UsageError("zero terminal SNR: expected a network of prediction_type v_prediction, got epsilon")
    if sampler == "pndm":
        raise UsageError("sampler: pndm divides by a_T, which zero terminal SNR makes 0; take ddim, ddpm or euler")


def _check_steps(sampler: Sampler, steps: int, config: Mapping[str, Any]) -> None:
    count, leading = config["num_train_timesteps"], config["timestep_spacing"] == "leading"
    most = count - config.get("steps_offset", 0) if leading else count
    if not 1 <= steps <= most:
        raise UsageError(f"steps: expected 1 to {most}, as the backbone was trained on {count} timesteps, got {steps}")
    if sampler in _FIXED_STRIDE and not leading and count % steps:
        raise UsageError(  # diffusers' step of these two goes back count // steps timesteps, not to the next one
            f"steps: {sampler} with {config['timestep_spacing']} timesteps expects a divisor of {count}, got {steps}"
        )


def _drop_surplus(scheduler: Any, steps: int) -> None:
    """Cut what diffusers 0.42 appends at 62 of the step counts up to 1000 (61, 103, ...): rounding errors of
    `arange(1000, 0, -1000 / steps)` give trailing timesteps a last one of -1, which indexes the noisiest level."""
    if len(scheduler.timesteps) > steps:
        scheduler.timesteps = scheduler.timesteps[:steps]
        if hasattr(scheduler, "sigmas"):
            scheduler.sigmas = torch.cat([scheduler.sigmas[:steps], scheduler.sigmas[-1:]])
