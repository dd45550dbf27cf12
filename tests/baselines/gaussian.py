"""Data of which everything is known: N(mean, std^2), its optimal denoiser, and what samplers make of it.

The optimal predictor is affine in z_t and so is every sampler's step, so the mean of the samples is the difference
between a run and the run of centred data without drift on the same noise: exact, with no sampling error to average
out. Nothing here calls the code under test but `integrate`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from ldbench_baselines.diffusion.sampling import Sampling, integrate
from ldbench_baselines.drift import Delta, Drift, Shift, make_drift

# DDPM's linear schedule ends at a_T = 0.006, so z_T holds next to nothing of the data; Stable Diffusion's ends at
# a_T = 0.068, and what it then lacks is tested on its own
LINEAR: Mapping[str, Any] = {
    "num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear",
    "prediction_type": "epsilon", "clip_sample": False, "steps_offset": 1, "set_alpha_to_one": False,
    "timestep_spacing": "leading",
}
STABLE_DIFFUSION = {**LINEAR, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
ZERO_SNR = {**STABLE_DIFFUSION, "prediction_type": "v_prediction", "rescale_betas_zero_snr": True}
# (sampler, eta)
DETERMINISTIC = [("ddim", 0.0), ("dpm-solver++", 0.0), ("pndm", 0.0), ("euler", 0.0)]
ANCESTRAL = [("ddpm", 0.0), ("euler-ancestral", 0.0), ("ddim", 1.0)]
SAMPLERS = [*DETERMINISTIC, *ANCESTRAL]


def alphas_cumprod(schedule: Mapping[str, Any]) -> torch.Tensor:
    """abar_t of a schedule, `(1000,) float64`, with Lin et al. 2023, Alg. 1, for zero terminal SNR."""
    power = 0.5 if schedule["beta_schedule"] == "scaled_linear" else 1.0
    ends = (schedule["beta_start"] ** power, schedule["beta_end"] ** power)
    betas = torch.linspace(*ends, schedule["num_train_timesteps"], dtype=torch.float64) ** (1 / power)
    a = (1 - betas).cumprod(0).sqrt()
    if schedule.get("rescale_betas_zero_snr"):
        a = (a - a[-1]) * a[0] / (a[0] - a[-1])
    return a**2


@dataclass(frozen=True)
class Gaussian:
    """N(mean, std^2), seen by a network trained with noise N(trained, I).

    `target` replaces the shift of the regression target alone, as a wrong implementation would.
    """

    mean: float = 0.5
    std: float = 0.5
    trained: float = 0.0
    target: float | None = None
    schedule: Mapping[str, Any] = field(default_factory=lambda: LINEAR)

    def predictor(self) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        """The optimal prediction, of the schedule's prediction type."""
        levels = alphas_cumprod(self.schedule)
        target = self.trained if self.target is None else self.target

        def predict(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            a, b = levels[int(t)].sqrt(), (1 - levels[int(t)]).sqrt()
            surprise = (z.double() - a * self.mean - b * self.trained) / (a**2 * self.std**2 + b**2)
            eps = target + b * surprise
            z_0 = self.mean + a * self.std**2 * surprise
            return (eps if self.schedule["prediction_type"] == "epsilon" else a * eps - b * z_0).float()

        return predict

    def samples(self, how: Sampling, count: int = 1, channels: int = 1, side: int = 1) -> torch.Tensor:
        """`(count, channels, side, side)`, each from noise of its own."""
        noise = torch.randn(count, channels, side, side, generator=torch.Generator().manual_seed(0))
        generators = [torch.Generator().manual_seed(index) for index in range(count)]
        return integrate(self.predictor(), noise, self.schedule, how, generators)

    def sampled_means(self, how: Sampling, channels: int = 1) -> torch.Tensor:
        """The mean of all that the sampler could draw, `(channels,)`."""
        plain = Sampling(how.sampler, how.steps, how.guidance_scale, Drift(), how.eta)
        centred = Gaussian(0.0, self.std, schedule=self.schedule)
        difference = self.samples(how, channels=channels) - centred.samples(plain, channels=channels)
        return difference.flatten()

    def sampled_mean(self, sampler: str, drift: Drift, steps: int = 50, eta: float = 0.0) -> float:
        """The same for one channel."""
        return float(self.sampled_means(Sampling(sampler, steps, 1.0, drift, eta)))  # type: ignore[arg-type]


def make(
    *, delta: Delta = 0.0, delta_sample: Delta | None = None, delta_total: float | None = None, kind: Any = "noise",
    where: Any = "both", steps: int = 50, leak: Callable[[], Shift] | None = None,
) -> Drift:
    """`make_drift` for four channels, with what a test doesn't say left at its default."""

    def never() -> Shift:
        raise AssertionError("the leak was not asked for")

    return make_drift(
        delta=delta, delta_sample=delta_sample, delta_total=delta_total, kind=kind, where=where, channels=4,
        steps=steps, leak=leak or never,
    )
