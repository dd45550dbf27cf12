"""Float32 masters beside bfloat16: the update is AdamW's own, from gradients that are rounded and nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ldbench_baselines.basic_ft import BasicFT
from ldbench_baselines.custom_diffusion import CustomDiffusion
from ldbench_baselines.fitting import fine_tuner, masters
from ldbench_baselines.fitting.checkpoint import STATE
from ldbench_baselines.fitting.fine_tuner import FineTuner
from ldbench_baselines.fitting.masters import MasterAdamW
from ldbench_baselines.lora import LoRA
from ldbench_baselines.textual_inversion import TextualInversion
from safetensors.torch import load_file

from tests.baselines.discs import Discs, context, frozen, quick, weights
from tests.baselines.fitting.test_loop import SETTINGS, fit, stop_after

HALVES = dataclasses.replace(SETTINGS, precision="bfloat16", masters=True)
SHAPES = ((3,), (2, 3, 2, 2), (5, 4))


def values(seed: int) -> dict[str, torch.nn.Parameter]:
    """Some in torch's layout, one channels-last."""
    source = torch.Generator().manual_seed(seed)
    drawn = {str(shape): torch.randn(shape, generator=source) for shape in SHAPES}
    drawn[str(SHAPES[1])] = drawn[str(SHAPES[1])].to(memory_format=torch.channels_last)
    return {name: torch.nn.Parameter(value) for name, value in drawn.items()}


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 5), st.sampled_from([1e-3, 1.0, 1e3]), st.integers(1, 40))
def test_masters_follow_adamw_bit_for_bit(seed: int, steps: int, scale: float, at_once: int) -> None:
    """Whatever the portions, with gradients that are clipped or not; the network's copies are the rounded masters."""
    whole, halves = values(seed), values(seed)
    plain = torch.optim.AdamW(whole.values(), lr=0.01, weight_decay=0.1, fused=True)
    source = torch.Generator().manual_seed(seed + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(masters, "VALUES_AT_ONCE", at_once)
        ours = MasterAdamW(halves, 0.01, 0.1)
        for _ in range(steps):
            for name, value in whole.items():
                gradient = (scale * torch.randn(value.shape, generator=source)).bfloat16()
                halves[name].grad = gradient.clone()
                value.grad = torch.empty_like(value).copy_(gradient)  # fused, torch walks memory in the value's layout
            given = [value.grad.flatten() for value in halves.values() if value.grad is not None]
            norm = torch.cat(given).float().norm()
            ours.clip(1.0)
            assert ours._divisor is not None
            torch.testing.assert_close(ours._divisor, norm.clamp(min=1), rtol=1e-5, atol=1e-5)
            plain.grad_scale = ours._divisor.clone()  # type: ignore[attr-defined]  # which torch's own divides by
            plain.step()
            ours.step()
    for name, value in whole.items():
        assert halves[name].dtype == torch.bfloat16
        assert halves[name].grad is None
        assert torch.equal(ours.masters[name], value)
        assert torch.equal(halves[name], value.bfloat16())
        assert halves[name].stride() == value.stride()
    ours.give_back()
    assert all(torch.equal(halves[name], value) for name, value in whole.items())


def test_updates_too_small_for_bfloat16_add_up() -> None:
    value = torch.nn.Parameter(torch.ones(4))
    ours = MasterAdamW({"a": value}, lr=1e-4, weight_decay=0.0)
    for _ in range(100):
        value.grad = torch.ones(4, dtype=torch.bfloat16)
        ours.step()
    torch.testing.assert_close(ours.masters["a"].detach(), torch.full((4,), 0.99), rtol=1e-5, atol=1e-5)
    assert float(torch.ones(1).bfloat16() - 1e-4) == 1.0  # what a network in bfloat16 alone would have kept


def test_a_value_without_a_gradient_counts_as_having_none() -> None:
    first, second = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2))
    ours = MasterAdamW({"a": first, "b": second}, lr=0.1, weight_decay=0.0)
    first.grad = torch.ones(2, dtype=torch.bfloat16)
    ours.clip(1.0)
    ours.step()
    assert not torch.equal(ours.masters["a"].detach(), torch.ones(2))
    assert torch.equal(ours.masters["b"].detach(), torch.ones(2))


def test_the_loop_learns_and_resumes_bit_for_bit(tmp_path: Path) -> None:
    whole = fit(tmp_path / "whole", HALVES)
    assert whole.dtype == torch.float32
    assert not torch.equal(whole, whole.bfloat16().float())
    torch.testing.assert_close(whole, fit(tmp_path / "float32"), atol=0.05, rtol=0)
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "cut", HALVES, fail_when=stop_after(17))
    assert torch.equal(fit(tmp_path / "cut", HALVES), whole)


@pytest.mark.usefixtures("moments_kept")
def test_a_checkpoint_is_the_same_file_as_without_masters(tmp_path: Path) -> None:
    """One of an earlier version, whose network was float32 under autocast, goes on with masters."""
    half = dataclasses.replace(HALVES, masters=False)
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path, half, fail_when=stop_after(17))
    before = load_file(tmp_path / STATE)
    assert fit(tmp_path, HALVES).isfinite().all()
    after = load_file(tmp_path / STATE)
    assert {name: (value.dtype, value.shape) for name, value in before.items()} == {
        name: (value.dtype, value.shape) for name, value in after.items()
    }


@pytest.mark.parametrize(
    "method",
    [BasicFT, CustomDiffusion, *(pytest.param(one, marks=pytest.mark.slow) for one in (LoRA, TextualInversion))],
)
def test_a_fit_with_masters_leaves_what_it_started_from(
    method: type[FineTuner], random_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a rate that float32 rounds to 0: no float32 was rounded, and the network computed in bfloat16."""
    monkeypatch.setattr(fine_tuner, "has_masters", lambda device, precision: precision == "bfloat16")
    seen: set[torch.dtype] = set()
    optimise = fine_tuner.optimise

    def watched(parameters: Any, objective: Any, *rest: Any) -> None:
        unet = objective.model.unet
        unet.register_forward_pre_hook(lambda *_: seen.update(value.dtype for value in unet.parameters()))
        optimise(parameters, objective, *rest)

    monkeypatch.setattr(fine_tuner, "optimise", watched)
    generator = quick(method, precision="bfloat16", steps=2, learning_rate=1e-60)
    where = context(tmp_path, random_backbone)
    generator._model = generator.tuned(Discs(), where)
    assert seen == {torch.bfloat16}
    stored, now = frozen(random_backbone), weights(generator)
    same = [name for name, value in stored.items() if name in now and now[name].dtype == torch.float32]
    assert any(name.startswith("unet.") for name in same) or method in (LoRA, TextualInversion)
    for name in same:
        if "token_embedding" not in name:
            assert torch.equal(now[name], stored[name]), name
