"""Numbers, where finite images prove little: the average, the update, a trained network and rounded weights on a CUDA
device are what plain arithmetic gives."""

from __future__ import annotations

import pytest
import torch
from ldbench_baselines.diffusion.latent_diffusion import load_backbone
from ldbench_baselines.fitting import average, masters
from ldbench_baselines.fitting.average import Average, HostAverage
from ldbench_baselines.fitting.masters import MasterAdamW, in_half, rounded

from ldbench.score.metrics.classifier import train_classifier
from ldbench.task.metric_specs import ClassifierSpec
from tests.score.metrics.marked_classes import marked

pytestmark = pytest.mark.gpu
SHAPES = ((300, 1000), (64, 32, 3, 3), (1_000_003,), (7,))
PORTION = 2**19  # values at once: three portions, one of a single larger tensor


def values(device: torch.device) -> dict[str, torch.nn.Parameter]:
    """The same at each call, one of them channels-last."""
    random = torch.Generator().manual_seed(0)
    drawn = [torch.randn(shape, generator=random).to(device) for shape in SHAPES]
    drawn[1] = drawn[1].to(memory_format=torch.channels_last)
    return {str(value.shape): torch.nn.Parameter(value) for value in drawn}


def bits(value: torch.Tensor) -> torch.Tensor:
    """Its float32, also NaN and zeros with their signs, as integers that can be compared."""
    return value.detach().cpu().clone().view(torch.int32)


def test_the_average_in_the_hosts_memory_is_the_devices(device: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the bit, whatever the device has in its queue while the averages pass by."""
    monkeypatch.setattr(average, "VALUES_AT_ONCE", PORTION)
    trained = values(device)
    here, there = Average(trained, 0.99), HostAverage(trained, 0.99)
    square = torch.randn(2048, 2048, device=device)
    for step in range(50):
        here.update(step)
        there.update(step)
        for _ in range(4):  # as the next step's gradients
            square = (square @ square).tanh_()
        there.hold_back()
        with torch.no_grad():
            for value in trained.values():
                value.add_(torch.randn_like(value), alpha=0.1)
    there.wait()
    assert square.isfinite().all()
    for name, expected in here.values.items():
        torch.testing.assert_close(there.values[name], expected.cpu(), rtol=0, atol=0)


def test_masters_are_what_adamw_makes_of_float32(device: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masters, "VALUES_AT_ONCE", PORTION)
    whole, halves = values(device), values(device)
    plain = torch.optim.AdamW(whole.values(), lr=1e-3, weight_decay=0.1, foreach=False, fused=False)
    ours = MasterAdamW(halves, 1e-3, 0.1)
    random, steps = torch.Generator(device).manual_seed(1), 20
    for step in range(steps):
        for name, value in whole.items():
            gradient = torch.randn(value.shape, generator=random, device=device).bfloat16() * (step % 2 or 1e-4)
            halves[name].grad, value.grad = gradient, gradient.float()  # every second is clipped
        torch.nn.utils.clip_grad_norm_(whole.values(), 1.0)
        ours.clip(1.0)
        plain.step()
        ours.step()
    # either side rounds a value of at most 8 twice a step, each time by up to 2^-22; what the update itself is off, a
    # millionth of 1e-3, is little beside it; a lost step is 1e-3, rounding to bfloat16 2^-9 of the value
    close = steps * 2 * 2 * 2**-22
    for name, value in whole.items():
        assert float((ours.masters[name] - value).detach().abs().max()) <= close
        assert torch.equal(halves[name], ours.masters[name].bfloat16())
    ours.give_back()
    assert all(torch.equal(halves[name], ours.masters[name]) for name in whole)


def test_a_classifier_is_trained_twice_alike(device: torch.device) -> None:
    images, labels = marked(0, 48)
    index, recipe = torch.tensor([int(label[-1]) for label in labels]), ClassifierSpec(3, 8, 1e-3, width=16)
    first, second = (
        train_classifier(images, index, classes=2, recipe=recipe, seed=0, device=device).network.state_dict()
        for _ in range(2)
    )
    assert bool(first["fc.weight"].any())  # it starts at zero
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_rounded_weights_come_back_to_the_bit(half: torch.dtype, device: torch.device) -> None:
    weights = values(device)
    special = torch.tensor([float("nan"), float("inf"), -0.0, 1e-45, 3e38, 1 / 3], device=device)
    weights["special"] = torch.nn.Parameter(special)
    before = {name: (bits(value), value.stride()) for name, value in weights.items()}
    with rounded(weights.values(), half):
        assert {(value.dtype, value.device) for value in weights.values()} == {(half, special.device)}
    assert {(value.dtype, value.device) for value in weights.values()} == {(torch.float32, special.device)}
    for name, (expected, stride) in before.items():
        assert torch.equal(bits(weights[name]), expected)
        assert weights[name].stride() == stride


def test_a_backbones_frozen_weights_come_back_to_the_bit(device: torch.device) -> None:
    model = load_backbone("tiny-sd", device)
    parts = (model.unet, model.text_encoder, model.vae)
    trained = next(model.unet.parameters())
    before = [bits(value) for part in parts for value in part.parameters()]
    with in_half(model, [trained]):
        assert trained.dtype == torch.float32
        assert {value.dtype for value in model.text_encoder.parameters()} == {torch.bfloat16}
        assert {value.device.type for value in model.vae.parameters()} == {"cpu"}
    after = [value for part in parts for value in part.parameters()]
    assert {value.device.type for value in after} == {device.type}
    assert all(torch.equal(bits(value), expected) for value, expected in zip(after, before, strict=True))
