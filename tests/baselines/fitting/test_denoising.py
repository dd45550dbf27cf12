"""The fine-tuners' objective: which noise is mixed in and asked for, how a batch is drawn and weighed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from diffusers import DDPMScheduler
from ldbench_baselines.diffusion.latent_diffusion import load_backbone
from ldbench_baselines.drift import Drift
from ldbench_baselines.fitting.denoising import Denoising, Draw, frozen_text
from ldbench_baselines.fitting.encoded import EncodedSet

from tests.baselines.discs import CPU

SCHEDULE = {
    "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
}


def source(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class ZeroUnet(torch.nn.Module):
    """Answers zero and notes the latents, times and text that it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []

    def forward(self, z: torch.Tensor, t: torch.Tensor, text: torch.Tensor) -> SimpleNamespace:
        self.seen.append((z, t, text))
        return SimpleNamespace(sample=torch.zeros_like(z))


class Recorder:
    """A backbone with such a U-Net, on Stable Diffusion's schedule."""

    def __init__(self, prediction_type: str = "epsilon") -> None:
        self.schedule = DDPMScheduler(**SCHEDULE, prediction_type=prediction_type)
        self.abar = self.schedule.alphas_cumprod
        self.unet = ZeroUnet()
        self.seen = self.unet.seen


def encoded(count: int = 4, mean: float = 0.0) -> EncodedSet:
    """Images without anything on them but a constant, with a prompt each."""
    moments = torch.stack([torch.full((count, 4, 16, 16), mean), torch.zeros(count, 4, 16, 16)])
    return EncodedSet(moments, torch.arange(count), tuple(f"prompt {index}" for index in range(count)))


def no_text(index: torch.Tensor, dropped: torch.Tensor) -> torch.Tensor:
    return torch.zeros(len(index), 3, 8)


def objective(model: Recorder, draw: Draw, data: EncodedSet | None = None, **rest: Any) -> Denoising:
    data = data or encoded()
    rest = {"instances": len(data), "drift": Drift(), "condition": no_text} | rest
    return Denoising(model, data, settings=draw, **rest)  # type: ignore[arg-type]


@pytest.mark.parametrize("delta", [0.0, 0.1, -0.3])
def test_training_mixes_in_and_predicts_the_drifted_noise(delta: float) -> None:
    """With a zero prediction and z_0 = 0 the loss is E[(eps + delta)^2] = 1 + delta^2, and z_t = b_t (eps + delta)."""
    model = Recorder()
    target = objective(model, Draw(256, 0.1, 0.3), drift=Drift(delta, 9.0))  # 9: sampling's has no part in training
    loss = target.loss(target.draw(source())) / 256
    assert float(loss) == pytest.approx(1 + delta**2, abs=0.01)
    z_t, t, _ = model.seen[0]
    b_t = (1 - model.abar[t]).sqrt()
    assert float((z_t.mean((1, 2, 3)) / b_t).mean()) == pytest.approx(delta, abs=0.01)


def test_a_drift_a_channel_shifts_its_channel() -> None:
    model = Recorder()
    target = objective(model, Draw(256, 0.0, 0.0), drift=Drift((0.5, 0.0, -0.5, 1.0)))
    target.loss(target.draw(source()))
    z_t, t, _ = model.seen[0]
    means = (z_t / (1 - model.abar[t]).sqrt().view(-1, 1, 1, 1)).mean((0, 2, 3))
    torch.testing.assert_close(means, torch.tensor([0.5, 0.0, -0.5, 1.0]), atol=0.02, rtol=0)


def test_the_signal_is_kept_at_its_share() -> None:
    model = Recorder()
    target = objective(model, Draw(64, 0.0, 0.0), data=encoded(mean=2.0))
    batch = target.draw(source())
    target.loss(batch)
    z_t, t, _ = model.seen[0]
    a, b = (x.sqrt().view(-1, 1, 1, 1) for x in (model.abar[t], 1 - model.abar[t]))
    torch.testing.assert_close(z_t, a * 2.0 + b * batch.eps)
    assert torch.equal(t, batch.timestep)


def test_a_velocity_backbone_is_asked_for_the_velocity_of_the_drifted_noise() -> None:
    """v = a_t noise - b_t z_0 (Salimans and Ho 2022), here from z_0 = 2 and a prediction of zero."""
    model = Recorder("v_prediction")
    target = objective(model, Draw(8, 0.0, 0.0), data=encoded(mean=2.0), drift=Drift(0.3))
    batch = target.draw(source())
    a, b = (x.sqrt().view(-1, 1, 1, 1) for x in (model.abar[batch.timestep], 1 - model.abar[batch.timestep]))
    expected = (a * (batch.eps + 0.3) - b * 2.0).square().mean((1, 2, 3)).sum()
    torch.testing.assert_close(target.loss(batch), expected)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_share_of_high_noise_is_the_share_that_was_asked_for(share: float) -> None:
    t = Draw(20_000, 0.1, share).timesteps(1000, source())
    assert 0 <= int(t.min()) < int(t.max()) <= 999
    assert float((t >= 700).float().mean()) == pytest.approx(share + (1 - share) * 0.3, abs=0.01)


def test_without_that_share_every_time_is_as_likely() -> None:
    t = Draw(40_000, 0.1, 0.0).timesteps(10, source())
    assert torch.bincount(t, minlength=10).float().div(4000).tolist() == pytest.approx([1.0] * 10, abs=0.07)


def test_prompts_are_left_out_at_the_rate_that_was_asked_for() -> None:
    batch = objective(Recorder(), Draw(5000, 0.25, 0.0), data=encoded(3)).draw(source())
    assert float(batch.dropped.float().mean()) == pytest.approx(0.25, abs=0.02)
    assert set(batch.index.tolist()) == {0, 1, 2}


def test_a_batch_comes_from_its_source_alone() -> None:
    target = objective(Recorder(), Draw(6, 0.5, 0.5, prior=3), data=encoded(9), instances=4, offset_noise=0.1)
    first, again, other = target.draw(source(1)), target.draw(source(1)), target.draw(source(2))
    assert all(torch.equal(column, getattr(again, name)) for name, column in vars(first).items())
    assert not torch.equal(first.eps, other.eps)
    assert {len(column) for column in vars(first).values()} == {9}


def test_the_prior_comes_last_and_from_its_own_images() -> None:
    batch = objective(Recorder(), Draw(300, 0.0, 0.0, prior=200), data=encoded(9), instances=4).draw(source())
    assert set(batch.index[:300].tolist()) == {0, 1, 2, 3}
    assert set(batch.index[300:].tolist()) == {4, 5, 6, 7, 8}


@pytest.mark.parametrize(("prior", "weight"), [(4, 1.0), (4, 0.25), (7, 2.0), (0, 1.0)])
def test_the_loss_is_the_instances_mean_plus_the_weighted_mean_of_the_prior(prior: int, weight: float) -> None:
    """Ruiz et al. 2023, Eq. 2, against the same errors averaged directly."""
    model = Recorder()
    settings = Draw(4, 0.0, 0.0, prior=prior, prior_weight=weight)
    target = objective(model, settings, data=encoded(9), instances=4)
    batch = target.draw(source())
    errors = batch.eps.square().mean((1, 2, 3))
    expected = errors[:4].mean() + (weight * errors[4:].mean() if prior else 0)
    torch.testing.assert_close(target.loss(batch) / len(batch.index), expected)


@pytest.mark.parametrize("offset", [0.0, 0.1, 0.5])
def test_offset_noise_varies_the_mean_of_each_image_and_channel(offset: float) -> None:
    """The mean of hw independent normals has variance 1 / hw; the offset adds its own square."""
    batch = objective(Recorder(), Draw(2000, 0.0, 0.0), offset_noise=offset).draw(source())
    means = batch.eps.mean((2, 3))
    assert float(means.var()) == pytest.approx(1 / 256 + offset**2, rel=0.05)
    assert float(torch.corrcoef(means.T)[0, 1].abs()) < 0.1  # a number a channel, not one an image
    within = (batch.eps - means[..., None, None]).var()
    assert float(within) == pytest.approx(1 - 1 / 256, rel=0.01)


def test_frozen_text_gives_each_image_its_prompt_or_the_empty_one(random_backbone: Path) -> None:
    model, data = load_backbone(str(random_backbone), CPU), encoded(5)
    condition = frozen_text(model, data, batch_size=2)
    found = condition(torch.tensor([4, 0, 3]), torch.tensor([False, True, False]))
    torch.testing.assert_close(found, model.embed(["prompt 4", "", "prompt 3"]))
    assert not found.requires_grad
