"""What a step keeps, by hand for a small network; which blocks compute again; the choice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from ldbench_baselines.diffusion import recomputation
from ldbench_baselines.diffusion.latent_diffusion import load_backbone
from ldbench_baselines.diffusion.recomputation import WORTH_IT, Kept, free_bytes, kept, recompute

GIB = 2**30


def blocks(unet: Any) -> set[str]:
    """The names of the modules that compute again."""
    return {name for name, module in unet.named_modules() if getattr(module, "gradient_checkpointing", False)}


def gradients(unet: Any) -> dict[str, torch.Tensor]:
    source = torch.Generator().manual_seed(0)
    latent = torch.randn(2, 4, 8, 8, generator=source)
    text = torch.randn(2, 5, unet.config.cross_attention_dim, generator=source)
    unet.zero_grad()
    unet(latent, torch.tensor([3, 500]), text).sample.square().sum().backward()
    return {name: value.grad.clone() for name, value in unet.named_parameters()}


def test_the_top_blocks_alone_compute_again_and_the_gradients_stay(random_backbone: Path) -> None:
    unet: Any = load_backbone(str(random_backbone), torch.device("cpu")).unet.requires_grad_(True)
    plain = gradients(unet)
    last = f"up_blocks.{len(unet.up_blocks) - 1}"
    recompute(unet, "all")
    every = blocks(unet)
    recompute(unet, "top")
    top = blocks(unet)
    assert {name for name in top if not name.startswith(("down_blocks.0", last))} == set()
    assert {"down_blocks.0", last} <= top < every
    for name, value in gradients(unet).items():
        torch.testing.assert_close(value, plain[name], atol=1e-5, rtol=1e-4)
    recompute(unet, "nothing")
    assert blocks(unet) == set()


@pytest.mark.slow
def test_what_is_kept_is_what_autograd_holds(random_backbone: Path) -> None:
    model = load_backbone(str(random_backbone), torch.device("cpu"))
    with torch.device("meta"):
        unet = type(model.unet).from_config(model.unet.config)
    small, large = (kept(unet, size, 5, torch.float32) for size in ((8, 8), (16, 16)))
    for step in (small, large):
        assert step.nothing > step.top > step.all > 0
    assert 3 < large.nothing / small.nothing < 4.5
    half = kept(unet, (8, 8), 5, torch.bfloat16)
    assert 0.4 < half.nothing / small.nothing < 0.65


@pytest.mark.slow
def test_what_is_kept_is_counted_once_a_configuration(random_backbone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unet: Any = load_backbone(str(random_backbone), torch.device("cpu")).unet
    counted: list[torch.dtype] = []
    count = recomputation._saved

    def counting(unet: Any, size: tuple[int, int], tokens: int, dtype: torch.dtype) -> int:
        counted.append(dtype)
        return count(unet, size, tokens, dtype)

    monkeypatch.setattr(recomputation, "_saved", counting)
    first = kept(unet, (8, 8), 6, torch.float32)
    with torch.device("meta"):
        alike = type(unet).from_config(unet.config)
        other = type(unet).from_config(unet.config, in_channels=8)
    assert kept(alike, (8, 8), 6, torch.float32) == first
    assert counted == [torch.float32] * 3
    assert kept(other, (8, 8), 6, torch.float32).nothing > first.nothing
    assert kept(unet, (8, 8), 6, torch.bfloat16) != first
    assert len(counted) == 9
    assert unet.dtype == torch.float32
    assert not any(value.requires_grad for value in unet.parameters())


def test_the_least_that_is_worth_it_and_fits() -> None:
    step = Kept(nothing=GIB, top=GIB // 2, all=GIB // 10)
    assert step.bytes("top", 4) == 2 * GIB
    assert step.choice(images=4, free=80 * GIB) == "top"
    assert step.choice(images=4, free=GIB) == "all"
    assert Kept(WORTH_IT // 8, WORTH_IT // 16, 1).choice(images=4, free=WORTH_IT // 3) == "top"
    assert Kept(WORTH_IT // 8, WORTH_IT // 16, 1).choice(images=4, free=80 * GIB) == "nothing"


def test_a_cpu_is_not_asked() -> None:
    assert free_bytes(torch.device("cpu")) is None
