"""Muon moves matrices along orthogonal directions, and every parameter has one optimiser."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recipes.tiny_sd.architecture import build_text_encoder, build_unet
from recipes.tiny_sd.muon import Muon, build_optimizers, orthogonal
from recipes.tiny_sd.tokenizer import build_tokenizer


@settings(max_examples=20)
@given(rows=st.integers(2, 24), columns=st.integers(2, 24), seed=st.integers(0, 1000), scale=st.floats(1e-3, 1e3))
def test_singular_values_come_near_one(rows: int, columns: int, seed: int, scale: float) -> None:
    rng = torch.Generator().manual_seed(seed)
    left = torch.linalg.qr(torch.randn(rows, rows, generator=rng))[0]
    right = torch.linalg.qr(torch.randn(columns, columns, generator=rng))[0]
    rank = min(rows, columns)
    values = torch.rand(rank, generator=rng) * 0.9 + 0.1
    result = orthogonal(scale * left[:, :rank] * values @ right[:rank])
    singular = torch.linalg.svdvals(result)
    assert 0.6 < float(singular.min()) <= float(singular.max()) < 1.3
    aligned = left[:, :rank].T @ result @ right[:rank].T  # the singular vectors stay
    torch.testing.assert_close(aligned, torch.diag(aligned.diagonal()), rtol=0, atol=2e-3)


def test_a_step_has_the_size_of_the_rate_whatever_the_gradient() -> None:
    for gradient_scale in (1e-4, 1e4):
        kernel = torch.nn.Parameter(torch.zeros(4, 2, 3, 3))
        kernel.grad = gradient_scale * torch.randn(kernel.shape, generator=torch.Generator().manual_seed(0))
        Muon([kernel], lr=0.01).step()
        largest = float(torch.linalg.matrix_norm(kernel.detach().flatten(1), ord=2))
        assert 0.006 < largest < 0.013
        assert float((kernel.detach() * kernel.grad).sum()) < 0.0


@pytest.mark.slow
def test_every_parameter_has_one_optimiser_and_tables_of_vectors_have_adam() -> None:
    pair = torch.nn.ModuleDict({"unet": build_unet(), "text_encoder": build_text_encoder(build_tokenizer())})
    optimizers = build_optimizers(pair, 1e-3, 1e-2)
    held = {
        name: [id(p) for group in optimizer.param_groups for p in group["params"]]
        for name, optimizer in optimizers.items()
    }
    assert sorted(held["adam"] + held["muon"]) == sorted(id(p) for p in pair.parameters())
    assert id(pair["text_encoder"].get_input_embeddings().weight) in held["adam"]
    assert id(pair["unet"].mid_block.resnets[0].conv1.weight) in held["muon"]
    assert all(p.ndim >= 2 for group in optimizers["muon"].param_groups for p in group["params"])
