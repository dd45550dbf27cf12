"""The U-Net with a source image beside the latent: its channels, what is left out in training, guidance by both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from ldbench_baselines.diffusion.latent_diffusion import LatentDiffusion, load_backbone
from ldbench_baselines.drift import Drift
from ldbench_baselines.editing.denoising import EditDenoising, edit_predictor, widen
from ldbench_baselines.fitting.denoising import Denoising, Draw, frozen_text
from ldbench_baselines.fitting.encoded import EncodedSet
from ldbench_baselines.fitting.fine_tuner import whole_unet
from ldbench_baselines.fitting.loop import TrainingSettings, train

from ldbench.api import silent
from tests.baselines.conftest import edit_json
from tests.baselines.discs import CPU, Discs

NO_DRIFT = Drift()


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def trained(random_backbone: Path) -> LatentDiffusion:
    """A widened backbone whose extra channels do something; the U-Net takes no other prompts than the text's."""
    model = load_backbone(str(random_backbone), CPU)
    widen(model)
    with torch.no_grad():
        model.unet.conv_in.weight[:, 4:] = 0.3 * noise(8, 4, 3, 3, seed=5)
    return model


def objective(
    model: LatentDiffusion, drift: Drift = NO_DRIFT, batch_size: int = 4, dropout: float = 0.05
) -> EditDenoising:
    moments = torch.stack([noise(6, 4, 8, 8, seed=1), torch.full((6, 4, 8, 8), 0.1)])
    data = EncodedSet(moments, torch.arange(6) % 2, ("grow", "shrink"))
    plain = Denoising(model, data, 6, Draw(batch_size, 0.1, 0.5), drift, frozen_text(model, data))
    return EditDenoising(plain, noise(6, 4, 8, 8, seed=2), dropout)


def test_new_channels_of_zero_leave_the_prediction_and_the_global_random_state(random_backbone: Path) -> None:
    model = load_backbone(str(random_backbone), CPU)
    z, text = noise(2, 4, 8, 8), model.embed(["a disc", "a ring"])
    state = torch.get_rng_state()
    with torch.no_grad():
        before = model.unet(z, 500, text).sample
        widen(model)
        after = model.unet(torch.cat([z, 9 * noise(2, 4, 8, 8, seed=1)], 1), 500, text).sample
    assert torch.equal(torch.get_rng_state(), state)
    torch.testing.assert_close(after, before, rtol=0, atol=1e-6)
    assert model.unet.config.in_channels == model.unet.conv_in.in_channels == 8
    assert not any(parameter.requires_grad for parameter in model.unet.parameters())


@pytest.mark.parametrize("shift", [None, 0.3])
def test_the_image_condition_is_the_unscaled_mode(backbone_copy: Path, shift: float | None) -> None:
    edit_json(backbone_copy / "vae" / "config.json", shift_factor=shift, scaling_factor=0.4)
    model = load_backbone(str(backbone_copy), CPU)
    images = torch.stack([Discs()[index].image for index in range(2)])
    with torch.no_grad():
        mode = model.vae.encode(images * 2 - 1).latent_dist.mode()
    torch.testing.assert_close(model.unscaled(model.encode(images)[0]), mode, rtol=0, atol=1e-5)


def test_each_of_instruction_image_and_both_is_left_out_as_often(trained: LatentDiffusion) -> None:
    batch = objective(trained, batch_size=20_000).draw(torch.Generator().manual_seed(3))
    text, image = batch.dropped, batch.image_dropped
    for found in (text & ~image, image & ~text, text & image):
        assert float(found.float().mean()) == pytest.approx(0.05, abs=0.006)  # 4 standard errors
    nothing = objective(trained, batch_size=50, dropout=0.0).draw(torch.Generator().manual_seed(3))
    assert not nothing.dropped.any()
    assert not nothing.image_dropped.any()


def test_a_source_left_out_has_no_part_in_the_loss_and_another_has(trained: LatentDiffusion) -> None:
    edits = objective(trained)
    batch = edits.draw(torch.Generator().manual_seed(0))
    other = EditDenoising(edits.denoising, -edits.conditions, 0.05)
    for dropped in (True, False):
        asked = replace(batch, image_dropped=torch.full((4,), dropped))
        with torch.no_grad():
            assert bool(edits.loss(asked) == other.loss(asked)) is dropped


def test_the_loss_is_that_of_the_noise_with_the_source_beside_the_latent(trained: LatentDiffusion) -> None:
    edits = objective(trained)
    batch = replace(
        edits.draw(torch.Generator().manual_seed(0)),
        dropped=torch.tensor([True, False, False, True]), image_dropped=torch.tensor([True, True, False, False]),
    )
    data, abar = edits.denoising.data, trained.schedule.alphas_cumprod
    total = 0.0
    for place, index in enumerate(batch.index.tolist()):
        z_0 = data.moments[0, index] + data.moments[1, index] * batch.posterior_eps[place]
        a, b = abar[batch.timestep[place]].sqrt(), (1 - abar[batch.timestep[place]]).sqrt()
        source = edits.conditions[index] * float(not batch.image_dropped[place])
        prompt = "" if batch.dropped[place] else data.prompts[int(data.prompt_of[index])]
        z = torch.cat([a * z_0 + b * batch.eps[place], source])[None]
        with torch.no_grad():
            predicted = trained.unet(z, batch.timestep[place], trained.embed([prompt])).sample[0]
        total += float(((predicted - batch.eps[place]) ** 2).mean())
    with torch.no_grad():
        assert float(edits.loss(batch)) == pytest.approx(total, rel=1e-5)


def test_drift_shifts_the_noise_and_the_target(trained: LatentDiffusion) -> None:
    plain, drifting = objective(trained), objective(trained, Drift(train=0.1))
    batch = plain.draw(torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert float(drifting.loss(batch)) == float(plain.loss(replace(batch, eps=batch.eps + 0.1)))
        assert float(drifting.loss(batch)) != float(plain.loss(batch))


@pytest.mark.parametrize(
    ("text_scale", "image_scale", "calls"), [(1, 1, 1), (1.7, 1, 2), (2.5, 2.5, 2), (0, 1, 1), (7.5, 1.5, 3), (1, 2, 3)]
)
def test_guidance_is_the_papers_and_asks_the_network_no_more_than_needed(
    text_scale: float, image_scale: float, calls: int, trained: LatentDiffusion
) -> None:
    z, image, t = noise(2, 4, 8, 8), noise(2, 4, 8, 8, seed=1), torch.tensor(400)
    text, empty = trained.embed(["grow", "shrink"]), trained.embed(["", ""])
    rows: list[int] = []

    def e(image: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        predicted: torch.Tensor = trained.unet(torch.cat([z, image], 1), t, text).sample
        return predicted

    with torch.no_grad():
        nothing, pictured, told = e(0 * image, empty), e(image, empty), e(image, text)
        expected = nothing + image_scale * (pictured - nothing) + text_scale * (told - pictured)
        predict = edit_predictor(trained, text, image, text_scale, image_scale)
        watch = trained.unet.register_forward_pre_hook(lambda _, inputs: rows.append(len(inputs[0])))
        guided = predict(z, t)
        watch.remove()
    assert rows == [2 * calls]
    torch.testing.assert_close(guided, expected, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_what_the_source_tells_is_learnt(random_backbone: Path, tmp_path: Path) -> None:
    """Each target is its source turned round: of the loss with other sources, 0.76 was seen."""
    model = load_backbone(str(random_backbone), CPU)
    widen(model)
    colours = noise(64, 4, 1, 1).expand(-1, -1, 8, 8).contiguous()
    data = EncodedSet(torch.stack([-colours, torch.zeros_like(colours)]), torch.zeros(64, dtype=torch.int64), ("turn",))
    trainable = whole_unet(model, data)
    plain = Denoising(model, data, 64, Draw(16, 0.0, 0.5), NO_DRIFT, trainable.condition)
    edits = EditDenoising(plain, colours, 0.05)
    train(trainable.parameters, edits, TrainingSettings(200, 16, 0.01, seed=0), tmp_path, {}, silent)
    many = EditDenoising(replace(plain, settings=Draw(256, 0.0, 0.5)), colours, 0.0)
    batch = many.draw(torch.Generator().manual_seed(1))
    with torch.no_grad():
        right, wrong = (float(EditDenoising(plain, each, 0.0).loss(batch)) for each in (colours, colours.roll(1, 0)))
    assert right < 0.85 * wrong
