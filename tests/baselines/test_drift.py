"""The mathematics of the drift on a Gaussian, where the optimal denoiser is known, and how a drift is asked for."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ldbench_baselines.diffusion.sampling import Sampling
from ldbench_baselines.diffusion.schedulers import start_abar
from ldbench_baselines.drift import NONE, SIGNAL_LEAK, Drift, Shift, signal_leak

from .gaussian import ANCESTRAL, DETERMINISTIC, LINEAR, SAMPLERS, STABLE_DIFFUSION, Gaussian, alphas_cumprod, make

MEAN, STD, DELTA = 0.5, 0.5, 0.1
SCALARS = st.floats(-0.5, 0.5)
SHIFTS = SCALARS.map(lambda x: (x,)) | st.tuples(SCALARS, SCALARS, SCALARS, SCALARS)


def ode_mean(sampler: Any, start: float, trained: float, schedule: Any) -> float:
    """Where the probability-flow ODE takes a z_T of mean `start`: it keeps the number of deviations from the mean."""
    abar = start_abar(sampler, 50, schedule)
    a, b = math.sqrt(abar), math.sqrt(1 - abar)
    return MEAN + STD / math.sqrt(abar * STD**2 + b**2) * (start - a * MEAN - b * trained)


def ancestral_mean(trained: float, drift: float, corrected: bool, steps: int = 50) -> float:
    """The mean under DDPM's posterior, written out from Ho et al. 2020, Eq. 7, on the linear schedule."""
    levels = alphas_cumprod(LINEAR)
    stride = 1000 // steps
    mean = drift
    for t in range(999, -1, -stride):
        abar, abar_s = float(levels[t]), float(levels[t - stride]) if t >= stride else 1.0
        a, b = math.sqrt(abar), math.sqrt(1 - abar)
        z_0 = MEAN + a * STD**2 / (abar * STD**2 + b**2) * (mean - a * MEAN - b * trained)
        beta = 1 - abar / abar_s
        mean = (math.sqrt(abar_s) * beta * z_0 + math.sqrt(1 - beta) * (1 - abar_s) * mean) / (1 - abar)
        if corrected:
            variance = (1 - abar_s) / (1 - abar) * beta
            mean += drift * (math.sqrt(1 - abar_s) - math.sqrt(max(1 - abar_s - variance, 0.0)))
    return mean


@pytest.mark.parametrize(("sampler", "eta"), [*SAMPLERS, ("ddim", 0.5)])
def test_training_and_sampling_with_the_same_drift_gives_the_true_mean(sampler: str, eta: float) -> None:
    got = Gaussian(trained=DELTA).sampled_mean(sampler, Drift(DELTA, DELTA), eta=eta)
    assert got == pytest.approx(MEAN, abs=0.002)


@pytest.mark.parametrize(("sampler", "eta"), DETERMINISTIC)
def test_a_deterministic_sampler_without_the_trained_drift_ends_where_the_ode_ends(sampler: str, eta: float) -> None:
    got = Gaussian(trained=DELTA).sampled_mean(sampler, Drift(DELTA, 0.0), eta=eta)
    assert got == pytest.approx(ode_mean(sampler, 0.0, DELTA, LINEAR), abs=0.004)
    assert got < MEAN - 0.045


def test_the_figures_of_the_method() -> None:
    toy = Gaussian(trained=DELTA)
    assert toy.sampled_mean("ddim", Drift(DELTA, DELTA)) == pytest.approx(0.499, abs=0.0005)
    assert toy.sampled_mean("ddim", Drift(DELTA, 0.0)) == pytest.approx(0.452, abs=0.0005)
    assert toy.sampled_mean("ddpm", Drift(DELTA, DELTA)) == pytest.approx(0.503, abs=0.004)
    assert toy.sampled_mean("ddpm", Drift(DELTA, 0.0)) == pytest.approx(0.440, abs=0.004)


@pytest.mark.parametrize(("sampled", "corrected"), [(DELTA, True), (0.0, True), (0.05, True), (DELTA, False)])
def test_ddpm_follows_the_posterior_mean(sampled: float, corrected: bool) -> None:
    class Uncorrected(Drift):
        def ancestral_shift(self, abar_next: float, variance: float) -> Shift:
            return NONE

    drift = (Drift if corrected else Uncorrected)(DELTA, sampled)
    expected = ancestral_mean(DELTA, sampled, corrected)
    assert Gaussian(trained=DELTA).sampled_mean("ddpm", drift) == pytest.approx(expected, abs=1e-4)
    assert abs(expected - MEAN) < 1e-3 or sampled != DELTA or not corrected


@pytest.mark.parametrize(("sampler", "eta"), ANCESTRAL)
def test_ancestral_sampling_needs_the_path_correction(sampler: str, eta: float) -> None:
    class Uncorrected(Drift):
        def ancestral_shift(self, abar_next: float, variance: float) -> Shift:
            return NONE

    toy = Gaussian(trained=DELTA)
    corrected = abs(toy.sampled_mean(sampler, Drift(DELTA, DELTA), eta=eta) - MEAN)
    without = abs(toy.sampled_mean(sampler, Uncorrected(DELTA, DELTA), eta=eta) - MEAN)
    assert without > 0.04
    assert corrected < without / 20


@pytest.mark.parametrize(("sampler", "eta"), SAMPLERS)
def test_leaving_the_drift_out_of_the_target_overshoots(sampler: str, eta: float) -> None:
    toy = Gaussian(trained=DELTA, target=0.0, schedule=STABLE_DIFFUSION)
    assert toy.sampled_mean(sampler, Drift(DELTA, DELTA), eta=eta) > MEAN + 0.12


@pytest.mark.parametrize(("sampler", "eta"), SAMPLERS)
def test_a_network_of_velocities_gives_what_one_of_noise_gives(sampler: str, eta: float) -> None:
    drift = Drift(DELTA, 0.07)
    of_noise = Gaussian(trained=DELTA, schedule=STABLE_DIFFUSION)
    of_velocity = Gaussian(trained=DELTA, schedule={**STABLE_DIFFUSION, "prediction_type": "v_prediction"})
    got = of_velocity.sampled_mean(sampler, drift, eta=eta)
    assert got == pytest.approx(of_noise.sampled_mean(sampler, drift, eta=eta), abs=1e-4)


@pytest.mark.parametrize(("sampler", "eta"), DETERMINISTIC)
def test_the_signal_left_in_z_t_is_missing_on_stable_diffusions_schedule(sampler: str, eta: float) -> None:
    got = Gaussian(schedule=STABLE_DIFFUSION).sampled_mean(sampler, Drift(), eta=eta)
    assert got == pytest.approx(ode_mean(sampler, 0.0, 0.0, STABLE_DIFFUSION), abs=0.003)
    assert got < MEAN - 0.015


@pytest.mark.parametrize("trained", [0.0, DELTA])
@pytest.mark.parametrize(("sampler", "eta"), SAMPLERS)
def test_a_start_at_the_signal_leak_removes_the_bias(sampler: str, eta: float, trained: float) -> None:
    abar = start_abar(sampler, 50, STABLE_DIFFUSION)  # type: ignore[arg-type]
    drift = make(delta=trained, delta_sample=SIGNAL_LEAK, leak=lambda: signal_leak(torch.tensor([MEAN]), abar))
    got = Gaussian(trained=trained, schedule=STABLE_DIFFUSION).sampled_mean(sampler, drift, eta=eta)
    # DDIM and PNDM stop at timestep 0 (set_alpha_to_one is false), where b_0 = 0.03 of the noise, and its mean, is left
    assert got == pytest.approx(MEAN, abs=0.004 if sampler in ("ddim", "pndm") else 0.001)


def test_the_leak_is_signal_and_no_drift_of_the_noise() -> None:
    leak = math.sqrt(start_abar("ddpm", 50, STABLE_DIFFUSION)) * MEAN
    toy = Gaussian(schedule=STABLE_DIFFUSION)
    assert toy.sampled_mean("ddpm", Drift(leak=leak)) == pytest.approx(MEAN, abs=1e-3)
    assert toy.sampled_mean("ddpm", Drift(sample=leak)) > MEAN + 0.015


@pytest.mark.parametrize("steps", [10, 25, 50])
def test_a_drift_a_step_grows_with_the_number_of_steps(steps: int) -> None:
    toy, per_step = Gaussian(std=1.0, schedule=STABLE_DIFFUSION), 0.002
    drifted = toy.sampled_mean("ddim", Drift(sample=per_step, kind="step"), steps)
    assert (drifted - toy.sampled_mean("ddim", Drift(), steps)) / per_step == pytest.approx(steps, rel=0.08)


@pytest.mark.parametrize(("sampler", "eta"), DETERMINISTIC)
def test_a_total_drift_does_the_same_at_any_number_of_steps(sampler: str, eta: float) -> None:
    toy = Gaussian(std=1.0, schedule=STABLE_DIFFUSION)

    def effect(steps: int) -> float:
        drift = make(kind="step", delta_total=0.1, steps=steps)
        return toy.sampled_mean(sampler, drift, steps, eta) - toy.sampled_mean(sampler, Drift(), steps, eta)

    assert effect(20) == pytest.approx(0.1, rel=0.1)
    assert effect(20) == pytest.approx(effect(100), rel=0.06)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["noise", "step"])
@pytest.mark.parametrize(("sampler", "eta"), SAMPLERS)
def test_every_channel_moves_as_its_own_shift_would_move_it(sampler: str, eta: float, kind: Any) -> None:
    shifts, toy = (0.1, 0.0, -0.1, 0.2), Gaussian(schedule=STABLE_DIFFUSION)
    how = Sampling(sampler, 20, 1.0, Drift(sample=shifts, kind=kind), eta)  # type: ignore[arg-type]
    alone = [toy.sampled_mean(sampler, Drift(sample=shift, kind=kind), 20, eta) for shift in shifts]
    assert toy.sampled_means(how, channels=4).tolist() == pytest.approx(alone, abs=1e-5)


@settings(max_examples=15, deadline=None)
@given(SCALARS, SCALARS, st.sampled_from(SAMPLERS), st.sampled_from(["noise", "step"]))
def test_the_sampled_mean_is_linear_in_the_drift(left: float, right: float, how: Any, kind: Any) -> None:
    def moved(delta: float) -> float:
        return Gaussian(schedule=STABLE_DIFFUSION).sampled_mean(how[0], Drift(sample=delta, kind=kind), 5, how[1])

    assert moved(left) + moved(right) - moved(0.0) == pytest.approx(moved(left + right), abs=1e-4)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(SAMPLERS), SHIFTS, st.sampled_from(["noise", "step"]), st.integers(1, 8))
def test_no_drift_of_sampling_is_the_plain_process_to_the_bit(how: Any, train: Shift, kind: Any, steps: int) -> None:
    def drawn(drift: Drift) -> torch.Tensor:
        return Gaussian().samples(Sampling(how[0], steps, 1.0, drift, how[1]), 2, 4, 2)

    text = ",".join(map(str, train))
    assert torch.equal(drawn(make(delta=text, where="train", kind=kind)), drawn(Drift()))
    assert torch.equal(drawn(make(delta="0,0,0,0", kind=kind)), drawn(Drift()))


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(SAMPLERS), SCALARS, st.sampled_from(["noise", "step"]))
def test_a_number_is_that_number_on_every_channel_to_the_bit(how: Any, delta: float, kind: Any) -> None:
    def drawn(drift: Drift) -> torch.Tensor:
        return Gaussian().samples(Sampling(how[0], 5, 1.0, drift, how[1]), 2, 4, 2)

    assert torch.equal(drawn(Drift(sample=delta, kind=kind)), drawn(Drift(sample=(delta,) * 4, kind=kind)))


@given(SHIFTS, st.integers(0, 2**31))
def test_training_mixes_in_the_shifted_noise(shift: Shift, seed: int) -> None:
    eps = torch.randn(2, 4, 3, 3, generator=torch.Generator().manual_seed(seed))
    assert torch.equal(Drift(sample=shift).training_noise(eps), eps)
    wide = torch.tensor(shift if len(shift) == 4 else shift * 4)[None, :, None, None]
    torch.testing.assert_close(Drift(shift).training_noise(eps) - eps, wide.expand_as(eps))


@given(SCALARS, st.floats(0.01, 0.99), st.floats(0.0, 1.0))
def test_ancestral_shift_is_what_the_forward_path_lacks(delta: float, abar: float, share: float) -> None:
    variance = share * (1 - abar)
    (shift,) = Drift(sample=delta).ancestral_shift(abar, variance)
    kept = delta * math.sqrt(max(1 - abar - variance, 0.0))
    assert kept + shift == pytest.approx(delta * math.sqrt(1 - abar), abs=1e-9)


