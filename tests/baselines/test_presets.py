"""The rows that drift is compared with: offset noise, zero terminal SNR, the signal leak's start."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from ldbench_baselines.basic_ft import BasicFT
from ldbench_baselines.diffusion.generator import StableDiffusion
from ldbench_baselines.diffusion.latent_diffusion import load_backbone
from ldbench_baselines.diffusion.sampling import predictor
from ldbench_baselines.fitting.denoising import Denoising
from ldbench_baselines.fitting.fine_tuner import FineTuner
from ldbench_baselines.fitting.loop import Batch, step_generator

from .discs import CPU, Discs, context, quick, requests
from .rows import ROWS

pytestmark = pytest.mark.slow

OFFSET_NOISE, ZERO_SNR = ROWS["basic-ft-offset-noise"], ROWS["basic-ft-zero-snr"]
SIGNAL_LEAK = ROWS["basic-ft-signal-leak"]


def drawn(generator: FineTuner, random_backbone: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Batch:
    """A thousand images' draw from the objective of a fit."""
    objectives: list[Denoising] = []
    original = Denoising.draw

    def draw(self: Denoising, source: torch.Generator) -> Batch:
        objectives.append(self)
        return original(self, source)

    monkeypatch.setattr(Denoising, "draw", draw)
    generator.fit(Discs(), context(folder, random_backbone))
    large = replace(objectives[0], settings=replace(objectives[0].settings, batch_size=1000))
    return original(large, step_generator(0, 0))


def mean_latent(random_backbone: Path) -> torch.Tensor:
    """The mean of each channel of the training images' latents, computed directly."""
    images = torch.stack([Discs()[index].image for index in range(16)])
    return load_backbone(str(random_backbone), CPU).encode(images)[0].mean((0, 2, 3))


def first_latents(generator: StableDiffusion, folder: Path, random_backbone: Path) -> torch.Tensor:
    """z_T less the noise of the requests: the start's mean, `(1, C, h, w)`."""
    wanted = requests(1)
    moment = next(iter(generator.trajectory(wanted, context(folder, random_backbone))))
    return moment.latents - wanted[0].noise((4, 8, 8))


def test_offset_noise_reaches_the_noise_that_is_trained_on(
    random_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert OFFSET_NOISE().offset_noise == 0.1
    batch = drawn(quick(OFFSET_NOISE, offset_noise=0.5, steps=1), random_backbone, tmp_path, monkeypatch)
    assert float(batch.eps.mean((2, 3)).var()) == pytest.approx(1 / 64 + 0.25, rel=0.05)


def test_without_it_the_noise_is_standard(
    random_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = drawn(quick(BasicFT, steps=1), random_backbone, tmp_path, monkeypatch)
    assert float(batch.eps.mean((2, 3)).var()) == pytest.approx(1 / 64, rel=0.05)


def test_zero_terminal_snr_ends_without_signal_and_starts_from_pure_noise(
    random_backbone: Path, tmp_path: Path
) -> None:
    generator, where = quick(ZERO_SNR, sampling_steps=4), context(tmp_path, random_backbone)
    generator.fit(Discs(), where)
    assert generator._model is not None
    schedule = generator._model.schedule
    assert float(schedule.alphas_cumprod[-1]) == pytest.approx(0, abs=1e-7)
    assert float(load_backbone(str(random_backbone), CPU).schedule.alphas_cumprod[-1]) > 0.004
    assert schedule.config["prediction_type"] == "v_prediction"
    first, *_, last = generator.trajectory(requests(2), where)
    assert first.timestep == 999
    assert torch.equal(first.latents[0], requests(1)[0].noise((4, 8, 8)))
    assert last.images.isfinite().all()
    assert generator.generate(requests(2), where).isfinite().all()


def test_zero_terminal_snr_rescales_guidance_as_its_authors_do(random_backbone: Path, tmp_path: Path) -> None:
    generator, where = quick(ZERO_SNR, steps=1, guidance_scale=8.0), context(tmp_path, random_backbone)
    generator.fit(Discs(), where)
    model, asked, t = generator._fitted(), requests(2), torch.tensor(999)
    z = torch.stack([each.noise((4, 8, 8)) for each in asked])
    text = model.embed([each.case.prompt for each in asked])
    seen = generator._predictor(model, asked, where)(z, t)
    torch.testing.assert_close(seen, predictor(model, text, 8.0, rescale=0.7)(z, t))
    assert not torch.allclose(seen, predictor(model, text, 8.0)(z, t))


def test_zero_terminal_snr_learns_the_velocity(
    random_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the last timestep a_T is 0, so v is -z_0 and z_T is the noise, which says nothing of it."""
    targets: list[torch.Tensor] = []

    def mse_loss(predicted: torch.Tensor, target: torch.Tensor, reduction: str) -> torch.Tensor:
        targets.append(target)
        return (predicted - target).square()

    monkeypatch.setattr("torch.nn.functional.mse_loss", mse_loss)
    last = torch.full((4,), 999)
    monkeypatch.setattr("ldbench_baselines.fitting.denoising.Draw.timesteps", lambda self, count, source: last)
    generator = quick(ZERO_SNR, steps=1)
    generator.fit(Discs(), context(tmp_path, random_backbone))
    z_0 = mean_latent(random_backbone)
    torch.testing.assert_close(-targets[0].mean((0, 2, 3)), z_0, atol=0.2, rtol=0.2)


@pytest.mark.parametrize(("sampler", "first"), [("ddpm", 999), ("ddim", 501)])
@pytest.mark.parametrize("method", [SIGNAL_LEAK, StableDiffusion])
def test_the_signal_leak_is_the_share_of_signal_times_the_mean_latent(
    method: type[StableDiffusion], sampler: str, first: int, random_backbone: Path, tmp_path: Path
) -> None:
    """a_T where the sampler starts: DDIM's two leading steps begin at t = 501."""
    few = {"sampler": sampler, "sampling_steps": 2, "delta_sample": "signal-leak"}
    generator = quick(method, **few) if issubclass(method, FineTuner) else method(**few)  # type: ignore[arg-type]
    generator.fit(Discs(), context(tmp_path, random_backbone))
    abar = load_backbone(str(random_backbone), CPU).schedule.alphas_cumprod[first]
    expected = math.sqrt(float(abar)) * mean_latent(random_backbone)
    found = first_latents(generator, tmp_path, random_backbone)
    torch.testing.assert_close(found, expected.view(1, 4, 1, 1).expand_as(found), atol=1e-5, rtol=1e-4)
    assert float(expected.abs().max()) > 1e-3


def test_the_signal_leak_changes_nothing_in_training(random_backbone: Path, tmp_path: Path) -> None:
    generator = quick(SIGNAL_LEAK)
    generator.fit(Discs(), context(tmp_path, random_backbone))
    assert generator._model is not None
    assert not any(generator._drift(generator._model).train)
