"""Cross-attention maps: what they are, that taking them changes nothing, and that the gradient is theirs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ldbench_baselines.diffusion.latent_diffusion import LatentDiffusion, load_backbone
from ldbench_baselines.diffusion.sampling import Sampling, descend, predictor
from ldbench_baselines.diffusion.schedulers import reverse_path
from ldbench_baselines.drift import Drift
from ldbench_baselines.editing.attention_guidance import AttentionGuidance, attention_maps, map_distance

from tests.baselines.discs import CPU

T = torch.tensor(500)


@pytest.fixture(scope="module")
def model(random_backbone: Path) -> LatentDiffusion:
    """A backbone whose attention is sharper than a random one's, so that a change of text can be seen in it."""
    made = load_backbone(str(random_backbone), CPU)
    with torch.no_grad():
        for name, parameter in made.unet.named_parameters():
            if "attn2.to_q" in name or "attn2.to_k" in name:
                parameter.mul_(4)
    return made


def latents(count: int = 2) -> torch.Tensor:
    return torch.randn(count, 4, 8, 8, generator=torch.Generator().manual_seed(0))


def guidance(model: LatentDiffusion, weight: float, z: torch.Tensor, places: list[int] | None = None) -> torch.Tensor:
    """One guided z of each, towards the attention under another text."""
    places = list(range(len(z))) if places is None else places
    source, edited = ([f"{what} number {place}" for place in places] for what in ("a disc", "brain MRI with AD,"))
    path, how = reverse_path("ddim", 5, model.schedule.config), Sampling("ddim", 5, 1.0, Drift())
    reference = descend(predictor(model, model.embed(source)), z, path, how, [])
    guide = AttentionGuidance(model.unet, predictor(model, model.embed(edited)), reference, weight)
    with torch.no_grad():
        return guide(z, path.calls[0][0])


def distance(model: LatentDiffusion, z: torch.Tensor, reference: torch.Tensor) -> float:
    """L_xa between the edited text at z and the source's text at `reference`, at the first timestep."""
    t = reverse_path("ddim", 5, model.schedule.config).calls[0][0]
    found = []
    for what, at in (("brain MRI with AD,", z), ("a disc", reference)):
        text = model.embed([f"{what} number {place}" for place in range(len(z))])
        with torch.no_grad(), attention_maps(model.unet) as maps:
            predictor(model, text)(at, t)
        found.append(maps)
    return float(map_distance(*found).sum())


def test_taking_the_maps_changes_no_prediction(model: LatentDiffusion) -> None:
    text, z = model.embed(["a disc", "brain"]), latents()
    with torch.no_grad():
        plain = predictor(model, text)(z, T)
        with attention_maps(model.unet) as maps:
            written_out = predictor(model, text)(z, T)
    torch.testing.assert_close(written_out, plain, atol=1e-5, rtol=1e-5)
    layers = [name for name, _ in model.unet.named_modules() if name.endswith("attn2")]
    assert len(maps) == len(layers) > 2
    for each in maps:
        assert each.shape[0] == 2
        assert each.shape[3] == model.prompt_length
        torch.testing.assert_close(each.sum(3), torch.ones_like(each[..., 0]))


def test_the_processors_are_put_back_also_after_an_error(model: LatentDiffusion) -> None:
    before = dict(model.unet.attn_processors)
    with attention_maps(model.unet):
        inside = dict(model.unet.attn_processors)
    assert {name for name in before if inside[name] is not before[name]} == {n for n in before if ".attn2." in n}
    assert all(model.unet.attn_processors[name] is before[name] for name in before)
    with pytest.raises(KeyboardInterrupt), attention_maps(model.unet):
        raise KeyboardInterrupt
    assert all(model.unet.attn_processors[name] is before[name] for name in before)


def test_the_guided_step_is_the_finite_difference_of_the_loss(model: LatentDiffusion) -> None:
    z = latents(1)
    gradient = z - guidance(model, 1.0, z)
    direction = torch.randn(z.shape, generator=torch.Generator().manual_seed(1))
    step = 1e-2
    slope = (distance(model, z + step * direction, z) - distance(model, z - step * direction, z)) / (2 * step)
    assert slope == pytest.approx(float((gradient * direction).sum()), rel=0.02)
    assert abs(slope) > 1e-4


def test_a_larger_weight_brings_attention_closer(model: LatentDiffusion) -> None:
    z = latents(1)
    found = [distance(model, guidance(model, weight, z), z) for weight in (0.0, 0.005, 0.01, 0.02)]
    assert found[0] == pytest.approx(distance(model, z, z))
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.99 * found[0]


def test_images_of_a_batch_are_guided_alone(model: LatentDiffusion) -> None:
    z = latents(3)
    together = guidance(model, 0.05, z)
    alone = torch.cat([guidance(model, 0.05, z[[place]], [place]) for place in range(3)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    assert float((together - z).abs().max()) > 1e-4


def test_the_same_text_is_not_guided(model: LatentDiffusion) -> None:
    z, path = latents(), reverse_path("ddim", 5, model.schedule.config)
    along = predictor(model, model.embed(["a disc", "brain"]))
    reference = descend(along, z, path, Sampling("ddim", 5, 1.0, Drift()), [])
    with torch.no_grad():
        assert torch.equal(AttentionGuidance(model.unet, along, reference, 10.0)(z, path.calls[0][0]), z)


def test_nothing_of_the_network_gathers_gradients(model: LatentDiffusion) -> None:
    guidance(model, 1.0, latents(1))
    assert not any(each.requires_grad or each.grad is not None for each in model.unet.parameters())
