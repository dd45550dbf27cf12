"""The mathematics of the drift on a Gaussian, where the optimal denoiser is known in closed form."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ldbench_baselines.drift import Drift
from ldbench_baselines.sampling import Sampling, integrate, make_scheduler

# DDPM's linear schedule ends at a_T = 0.006, so z_T holds next to nothing of the data; Stable Diffusion's ends at
# a_T = 0.068, and what it then lacks is tested on its own below
SCHEDULE = {
    "num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear",
    "prediction_type": "epsilon", "clip_sample": False, "steps_offset": 1, "set_alpha_to_one": False,
}
STABLE_DIFFUSION = SCHEDULE | {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
TRUE_MEAN, TRUE_STD, DELTA, COUNT = 0.5, 0.5, 0.1, 40_000


def sampled_mean(
    sampler: str, trained: float, drift: Drift, target_shift: float | None = None,
    schedule: dict[str, object] = SCHEDULE,
) -> float:
    """Mean of samples under the optimal predictor of noise N(trained, I) mixed into N(TRUE_MEAN, TRUE_STD^2).

    `target_shift` replaces the shift of the regression target alone, as a wrong implementation would.
    """
    abar = make_scheduler("ddpm", schedule).alphas_cumprod
    target = trained if target_shift is None else target_shift

    def predict(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        a, b = abar[int(t)].sqrt(), (1 - abar[int(t)]).sqrt()
        surprise = z - a * TRUE_MEAN - b * trained
        return target + b / (a**2 * TRUE_STD**2 + b**2) * surprise

    noise = torch.randn(COUNT, 1, 1, 1, generator=torch.Generator().manual_seed(0))
    noise = noise - noise.mean()  # the law is about the mean: take its sampling error out
    how = Sampling(sampler, 50, 1.0, drift)  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(1)
    return float(integrate(predict, noise, schedule, how, generator).mean())  # type: ignore[arg-type]


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "dpm-solver++"])
def test_training_and_sampling_with_the_same_drift_gives_the_true_mean(sampler: str) -> None:
    assert sampled_mean(sampler, DELTA, Drift(DELTA, DELTA)) == pytest.approx(TRUE_MEAN, abs=0.012)


@pytest.mark.parametrize("sampler", ["ddim", "ddpm", "dpm-solver++"])
def test_sampling_without_the_drift_that_was_trained_falls_short(sampler: str) -> None:
    assert sampled_mean(sampler, DELTA, Drift(DELTA, 0.0)) < TRUE_MEAN - 0.03


def test_leaving_the_drift_out_of_the_target_overshoots() -> None:
    assert sampled_mean("ddim", DELTA, Drift(DELTA, DELTA), target_shift=0.0) > TRUE_MEAN + 0.1


def test_ancestral_sampling_needs_the_path_correction() -> None:
    class Uncorrected(Drift):
        def ancestral_shift(self, abar_next: float, variance: float) -> float:
            return 0.0

    corrected = abs(sampled_mean("ddpm", DELTA, Drift(DELTA, DELTA)) - TRUE_MEAN)
    without = abs(sampled_mean("ddpm", DELTA, Uncorrected(DELTA, DELTA)) - TRUE_MEAN)
    assert without > 3 * corrected


def test_the_signal_left_in_z_t_is_missing_on_stable_diffusions_schedule() -> None:
    """Starting from N(delta, I) leaves out a_T times the data's mean (Everaert et al., WACV 2024)."""
    a_squared = float(make_scheduler("ddpm", STABLE_DIFFUSION).alphas_cumprod[-1])
    gain = TRUE_STD / math.sqrt(a_squared * TRUE_STD**2 + 1 - a_squared)
    got = sampled_mean("ddim", DELTA, Drift(DELTA, DELTA), schedule=STABLE_DIFFUSION)
    assert TRUE_MEAN - got == pytest.approx(math.sqrt(a_squared) * TRUE_MEAN * gain, abs=0.004)


@given(st.floats(-0.5, 0.5), st.integers(0, 2**31))
def test_no_drift_is_the_plain_process(delta: float, seed: int) -> None:
    eps = torch.randn(2, 4, 3, 3, generator=torch.Generator().manual_seed(seed))
    assert torch.equal(Drift().start(eps), eps)
    assert torch.equal(Drift().training_noise(eps), eps)
    torch.testing.assert_close(Drift(delta, delta).start(eps) - eps, torch.full_like(eps, delta))


@given(st.floats(-0.5, 0.5), st.floats(0.01, 0.99), st.floats(0.0, 1.0))
def test_ancestral_shift_is_what_the_forward_path_lacks(delta: float, abar: float, share: float) -> None:
    variance = share * (1 - abar)
    shift = Drift(sample=delta).ancestral_shift(abar, variance)
    kept = delta * math.sqrt(max(1 - abar - variance, 0.0))
    assert kept + shift == pytest.approx(delta * math.sqrt(1 - abar), abs=1e-9)
