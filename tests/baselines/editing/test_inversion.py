"""Inversion is DDIM backwards, to diffusers' step and to the drift's laws; whitening whitens, each image alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from ldbench_baselines.diffusion.sampling import Sampling, descend, integrate
from ldbench_baselines.diffusion.schedulers import reverse_path
from ldbench_baselines.drift import Drift
from ldbench_baselines.editing.inversion import Whitening, drifted, invert, kl_loss, noise_of, pair_loss, whitening

from ldbench.api import Case, Request
from ldbench.errors import UsageError
from tests.baselines.gaussian import LINEAR, STABLE_DIFFUSION, ZERO_SNR, Gaussian

VELOCITY = {**STABLE_DIFFUSION, "prediction_type": "v_prediction"}


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def there_and_back(
    toy: Gaussian, z_0: torch.Tensor, drift: Drift, back: Drift | None = None, steps: int = 50
) -> torch.Tensor:
    """z_0 inverted and sampled again without an edit."""
    path = reverse_path("ddim", steps, toy.schedule)
    z_T = drifted(invert(toy.predictor(), z_0, path, drift), drift)
    how = Sampling("ddim", steps, 1.0, back or drift)
    *_, last = descend(toy.predictor(), z_T, path, how, [])
    return last.next_latents


@pytest.mark.parametrize("steps", [5, 50])
@pytest.mark.parametrize("schedule", [LINEAR, STABLE_DIFFUSION, {**LINEAR, "set_alpha_to_one": True}])
def test_without_drift_it_is_diffusers_inverse_scheduler(schedule: Mapping[str, Any], steps: int) -> None:
    from diffusers import DDIMInverseScheduler

    theirs = DDIMInverseScheduler.from_config(dict(schedule))
    theirs.set_timesteps(steps)
    predict, z_0 = Gaussian(schedule=schedule).predictor(), noise(2, 4, 4, 4)
    z = z_0
    for t in theirs.timesteps:
        z = theirs.step(predict(z, t), t, z).prev_sample
    ours = invert(predict, z_0, reverse_path("ddim", steps, schedule), Drift())
    torch.testing.assert_close(ours, z, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("schedule", [LINEAR, STABLE_DIFFUSION, VELOCITY, ZERO_SNR])
def test_what_sampling_makes_is_inverted_to_the_noise_it_was_made_of(schedule: Mapping[str, Any]) -> None:
    toy, z_T = Gaussian(schedule=schedule), noise(3, 1, 4, 4)
    z_0 = integrate(toy.predictor(), z_T, schedule, Sampling("ddim", 500, 1.0, Drift()), [])
    found = invert(toy.predictor(), z_0, reverse_path("ddim", 500, schedule), Drift())
    torch.testing.assert_close(found, z_T, atol=0.03, rtol=0.01)


def test_a_velocity_is_the_noise_of_the_latents_it_leads_to() -> None:
    """A step of diffusers' DDIM on the same velocity comes back from what inversion makes of it, exactly."""
    path = reverse_path("ddim", 10, VELOCITY)
    z_s, velocity = noise(1, 4, 4, 4), noise(1, 4, 4, 4, seed=1)
    abar_t, abar_s = path.abar[3], path.abar[4]
    eps = noise_of(velocity, z_s, "v_prediction", abar_t, abar_s)
    z_t = (abar_t / abar_s) ** 0.5 * (z_s - (1 - abar_s) ** 0.5 * eps) + (1 - abar_t) ** 0.5 * eps
    back = path.scheduler.step(velocity, path.calls[3][0], z_t).prev_sample
    torch.testing.assert_close(back, z_s, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("trained", "drift"),
    [(0.0, Drift()), (0.1, Drift(0.1, 0.1)), (0.1, Drift(0.1, 0.1, leak=0.3)), (0.1, Drift(0.1, 0.002, "step"))],
)
def test_the_null_edit_gives_the_image_back_under_either_kind_of_drift(trained: float, drift: Drift) -> None:
    z_0 = 0.5 + 0.5 * noise(64, 1, 4, 4)
    error = there_and_back(Gaussian(trained=trained), z_0, drift) - z_0
    assert abs(float(error.mean())) < 0.03
    assert float(error.std()) < 0.04


def test_a_shift_taken_off_after_the_step_would_come_back_worse_and_one_put_on_not_at_all() -> None:
    """A drift of 0.1 at each of 50 steps, unit variance: a bias of 0.024, against 0.027 and 9.8."""
    toy = Gaussian(std=1.0, schedule=STABLE_DIFFUSION)
    z_0, drift, path = 0.5 + noise(64, 1, 4, 4), Drift(0.0, 0.1, "step"), reverse_path("ddim", 50, STABLE_DIFFUSION)

    def bias(after: float) -> float:
        z = z_0
        for step in reversed(range(50)):
            one = replace(path, calls=path.calls[step : step + 1], abar=path.abar[step : step + 2])
            z = invert(toy.predictor(), z, one, Drift()) + after
        *_, found = descend(toy.predictor(), z, path, Sampling("ddim", 50, 1.0, drift), [])
        return float((found.next_latents - z_0).mean())

    before = float((there_and_back(toy, z_0, drift) - z_0).mean())
    assert 0 < before < bias(-0.1) < 0.03
    assert bias(0.1) > 5


def test_a_network_trained_with_drift_inverts_to_shifted_noise_by_itself() -> None:
    z_0 = 0.5 + 0.5 * noise(200, 1, 8, 8)
    path = reverse_path("ddim", 100, LINEAR)
    for trained in (0.0, 0.3):
        z_T = invert(Gaussian(trained=trained).predictor(), z_0, path, Drift(trained, trained))
        assert float(z_T.mean()) == pytest.approx(trained, abs=0.02)


def test_only_the_difference_of_the_drifts_is_added_to_inverted_latents() -> None:
    z_T = noise(1, 2, 4, 4)
    assert drifted(z_T, Drift(0.1, 0.1)) is z_T
    assert drifted(z_T, Drift(0.1, 0.3, "step")) is z_T
    torch.testing.assert_close(drifted(z_T, Drift(0.1, 0.3)), z_T + 0.2)
    shifts = torch.tensor([0.2, -0.1])[:, None, None]
    torch.testing.assert_close(drifted(z_T, Drift(0.0, (0.2, -0.1))), z_T + shifts)
    torch.testing.assert_close(drifted(z_T, Drift(0.1, 0.1, leak=0.7)), z_T)


def test_sampling_with_another_drift_than_trained_moves_the_image_and_back() -> None:
    z_0 = 0.5 + 0.5 * noise(64, 1, 4, 4)
    moved = [float((there_and_back(Gaussian(trained=0.1), z_0, Drift(0.1, d)) - z_0).mean()) for d in (0.0, 0.1, 0.2)]
    assert moved[0] < moved[1] - 0.03 < moved[2] - 0.06


def test_a_path_without_an_inverse_is_refused_in_one_line() -> None:
    for sampler in ("ddpm", "pndm", "euler"):
        path = reverse_path(sampler, 5, STABLE_DIFFUSION)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="inversion: expected the deterministic sampler ddim"):
            invert(Gaussian().predictor(), noise(1, 1, 2, 2), path, Drift())


def white(count: int, weight: float = 20.0, seed: int = 5) -> Whitening:
    asked = [Request(Case(f"case-{index}", "", {}), seed + index) for index in range(count)]
    made = whitening(weight, 5, 5, asked)
    assert made is not None
    return made


def unwhite(count: int, size: int = 16) -> torch.Tensor:
    """Noise with a mean, a wrong variance and neighbours that agree."""
    rough = noise(count, 4, size, size)
    return 0.3 + 1.4 * (rough + rough.roll(1, 2) + rough.roll(1, 3)) / 3


def correlations(x: torch.Tensor) -> float:
    """Squared autocorrelation at short offsets, averaged."""
    lags = [(x * x.roll(lag, side)).mean((2, 3)) ** 2 for lag in (1, 2, 3) for side in (2, 3)]
    return float(torch.stack(lags).mean())


def test_whitening_makes_noise_whiter() -> None:
    before, sources = unwhite(3), white(3)
    after = before
    for _ in range(20):  # timesteps
        after = sources(after)
    assert correlations(after) < 0.5 * correlations(before)
    assert abs(float(after.mean())) < 0.3 * abs(float(before.mean()))
    assert abs(float(after.var()) - 1) < 0.3 * abs(float(before.var()) - 1)


def test_whitening_leaves_white_noise_nearly_alone() -> None:
    before = noise(4, 4, 16, 16)
    assert float((white(4)(before) - before).abs().mean()) < 0.1


def test_an_image_is_whitened_alone_whoever_is_beside_it() -> None:
    rough = unwhite(3)
    together, alone = white(3)(rough), torch.cat([white(1, seed=5 + index)(rough[[index]]) for index in range(3)])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)
    assert not torch.allclose(white(1, seed=9)(rough[:1]), alone[:1], atol=1e-6)  # another seed, other offsets


def test_the_offsets_of_all_rolls_are_drawn_as_one_roll_after_the_other_would() -> None:
    offsets, again = white(2)._offsets(torch.empty(2, 4, 16, 16)), white(2)
    for roll in offsets:
        for size, level in zip((16, 8), roll, strict=True):
            drawn = [torch.randint(1, size // 2 + 1, (4,), generator=source) for source in again.sources]
            assert torch.equal(level, torch.stack(drawn))
    assert offsets.shape == (25, 2, 2, 4)


def test_nothing_to_whiten_with_is_nothing() -> None:
    assert whitening(0.0, 5, 5, []) is None
    assert whitening(20.0, 0, 5, []) is None


def test_the_losses_are_the_librarys_at_one_level() -> None:
    """8 x 8 is the pyramid's last level, where the paper's factor of 2 between levels has no part."""
    from diffusers import StableDiffusionPix2PixZeroPipeline as Theirs

    eps, source = unwhite(1, size=8), torch.Generator().manual_seed(3)
    theirs = Theirs.auto_corr_loss(None, eps, torch.Generator().manual_seed(3))
    offsets = torch.stack([torch.randint(4, (1,), generator=source) for _ in range(4)], 1)
    torch.testing.assert_close(pair_loss(eps, [offsets])[0], theirs)
    torch.testing.assert_close(kl_loss(eps)[0], Theirs.kl_divergence(None, eps))


def test_coarser_noise_of_white_noise_is_white() -> None:
    """The pyramid's factor keeps the variance, so that each level asks for the same."""
    eps, offset = noise(64, 4, 32, 32), torch.ones(64, 4, dtype=torch.long)
    levels = [float(pair_loss(eps, [offset] * count).mean()) for count in (1, 2, 3)]
    sizes = [32, 16, 8]
    expected = [sum(8 / size**2 for size in sizes[:count]) for count in (1, 2, 3)]
    assert levels == pytest.approx(expected, rel=0.15)


def test_the_gradient_that_is_descended_is_the_losses() -> None:
    eps, offset = unwhite(1, size=8).double(), torch.tensor([[1, 2, 3, 4]])
    step = Whitening(1.0, 1, 1, [torch.Generator()])
    for loss in (lambda x: pair_loss(x, [offset]), kl_loss):
        x = eps.clone().requires_grad_()
        assert torch.autograd.gradcheck(loss, (x,))
    assert step(eps).shape == eps.shape


def test_latents_too_small_to_have_neighbours_are_refused() -> None:
    with pytest.raises(UsageError, match="regularisation_weight: expected latents of 2 x 2 or more"):
        white(1)(noise(1, 4, 1, 1))
