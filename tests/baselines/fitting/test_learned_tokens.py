"""Learned tokens: their rows stand in for the table's, no other word has a gradient, and nothing stays behind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ldbench_baselines.diffusion.latent_diffusion import LatentDiffusion, load_backbone
from ldbench_baselines.fitting.encoded import EncodedSet
from ldbench_baselines.fitting.learned_tokens import LearnedTokens, token_names
from safetensors.torch import load_file

from tests.baselines.discs import CPU

PROMPTS = ("<a> <a>_1 brain", "<a> brain MRI", "brain")


@pytest.fixture
def model(random_backbone: Path) -> LatentDiffusion:
    return load_backbone(str(random_backbone), CPU)


@pytest.fixture
def tokens(model: LatentDiffusion) -> LearnedTokens:
    return LearnedTokens.added(model, ("<a>", "<a>_1"), "scan")


def data() -> EncodedSet:
    return EncodedSet(torch.zeros(2, 4, 4, 8, 8), torch.tensor([0, 1, 2, 1]), PROMPTS)


def table(model: LatentDiffusion) -> torch.Tensor:
    return model.text_encoder.get_input_embeddings().weight


def test_names_are_numbered_as_diffusers_numbers_them() -> None:
    assert token_names("<a>", 1) == ("<a>",)
    assert token_names("<a>", 3) == ("<a>", "<a>_1", "<a>_2")


def test_the_rows_are_what_the_text_encoder_sees(model: LatentDiffusion, tokens: LearnedTokens) -> None:
    """Against the same values written into the table itself."""
    with torch.no_grad():
        tokens.rows.copy_(torch.randn(tokens.rows.shape, generator=torch.Generator().manual_seed(0)))
    found = tokens.condition(data())(torch.tensor([3, 0, 2]), torch.tensor([False, False, True]))
    before = model.embed([PROMPTS[1]])
    tokens.settle()
    expected = model.embed([PROMPTS[1], PROMPTS[0], ""])
    torch.testing.assert_close(found, expected)
    assert not torch.allclose(expected[:1], before)  # the table held the initial word until then


def test_only_rows_in_use_have_a_gradient(model: LatentDiffusion, tokens: LearnedTokens) -> None:
    condition = tokens.condition(data())
    condition(torch.tensor([1, 3]), torch.tensor([False, False]))[:, :, 0].sum().backward()
    assert tokens.rows.grad is not None
    assert tokens.rows.grad.any(1).tolist() == [True, False]  # "<a>_1" is in the first prompt alone
    assert not table(model).requires_grad
    condition(torch.tensor([0]), torch.tensor([False]))[:, :, 0].sum().backward()
    assert tokens.rows.grad.any(1).tolist() == [True, True]


def test_nothing_is_hooked_between_calls(model: LatentDiffusion, tokens: LearnedTokens) -> None:
    tokens.condition(data())(torch.tensor([0]), torch.tensor([False]))
    assert not model.text_encoder.get_input_embeddings()._forward_hooks


def test_each_distinct_prompt_is_encoded_once(
    model: LatentDiffusion, tokens: LearnedTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    original = LatentDiffusion.hidden_states

    def hidden_states(self: LatentDiffusion, ids: torch.Tensor) -> torch.Tensor:
        seen.append(len(ids))
        return original(self, ids)

    monkeypatch.setattr(LatentDiffusion, "hidden_states", hidden_states)
    found = tokens.condition(data())(torch.tensor([1, 3, 1, 0]), torch.tensor([False, False, True, True]))
    assert seen == [2]  # "<a> brain MRI" and the empty prompt, for four images
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[2], found[3])


def test_the_file_is_one_tensor_under_the_concepts_name(tokens: LearnedTokens, tmp_path: Path) -> None:
    tokens.save(tmp_path / "learned.safetensors")
    stored = load_file(tmp_path / "learned.safetensors")
    assert list(stored) == ["<a>"]
    assert torch.equal(stored["<a>"], tokens.rows.detach())


def test_adding_tokens_leaves_the_global_state_alone(model: LatentDiffusion) -> None:
    before = torch.random.get_rng_state()
    LearnedTokens.added(model, ("<b>",), "scan")
    assert torch.equal(torch.random.get_rng_state(), before)
