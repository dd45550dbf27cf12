"""LoRA: small matrices beside the attention's projections, seeded, and as diffusers reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ldbench_baselines.fitting.checkpoint import STATE
from ldbench_baselines.lora import WEIGHTS, LoRA
from safetensors.torch import load_file

from ldbench.errors import UsageError

from .discs import Discs, context, frozen, pipeline, quick, weights

Fitted = tuple[LoRA, Path]


@pytest.fixture(scope="module")
def fitted(random_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    folder = tmp_path_factory.mktemp("fit")
    generator = quick(LoRA, rank=2, learning_rate=0.05)
    assert isinstance(generator, LoRA)
    generator.fit(Discs(), context(folder, random_backbone))
    return generator, folder


def test_only_the_attentions_projections_move(fitted: Fitted, random_backbone: Path) -> None:
    before = frozen(random_backbone)
    after = {
        name.replace(".base_layer.", "."): value for name, value in weights(fitted[0]).items() if ".lora_" not in name
    }
    assert after.keys() == before.keys()
    changed = {name for name in before if not torch.equal(after[name], before[name])}
    projections = tuple(f".{part}.weight" for part in ("to_q", "to_k", "to_v", "to_out.0"))
    assert changed == {name for name in before if name.startswith("unet.") and name.endswith(projections)}
    assert len(changed) >= 8


def test_what_moved_is_of_the_rank_that_was_asked_for(fitted: Fitted, random_backbone: Path) -> None:
    before = frozen(random_backbone)
    name = next(name for name in before if name.endswith("attn1.to_q.weight"))
    after = weights(fitted[0])[name.replace(".weight", ".base_layer.weight")]
    singular = torch.linalg.svdvals(after - before[name])
    assert int((singular > 1e-4 * singular[0]).sum()) == 2


def test_only_the_small_matrices_are_in_the_checkpoint(fitted: Fitted) -> None:
    trained = [name for name in load_file(fitted[1] / STATE) if name.startswith("trained.")]
    assert trained
    assert all(".lora_A." in name or ".lora_B." in name for name in trained)


def test_diffusers_reads_the_file_and_predicts_the_same(fitted: Fitted, random_backbone: Path) -> None:
    generator, folder = fitted
    assert generator._model is not None
    pipe = pipeline(random_backbone)
    text = generator._model.embed(["a disc of size 3"])
    z, t = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0)), torch.tensor(500)
    with torch.no_grad():
        plain = pipe.unet(z, t, text).sample
        pipe.load_lora_weights(str(folder), weight_name=WEIGHTS)
        theirs, ours = pipe.unet(z, t, text).sample, generator._model.unet(z, t, text).sample
    torch.testing.assert_close(theirs, ours, atol=1e-5, rtol=1e-4)
    assert float((ours - plain).abs().max()) > 1e-3


@pytest.mark.slow
def test_its_first_matrices_come_from_the_runs_seed(random_backbone: Path, tmp_path: Path) -> None:
    def first(name: str, seed: int) -> torch.Tensor:
        torch.manual_seed(len(name))  # the state outside has no say
        generator = quick(LoRA, steps=1, learning_rate=1e-60)
        generator.fit(Discs(), context(tmp_path / name, random_backbone, seed=seed))
        state = load_file(tmp_path / name / STATE)
        return state[next(key for key in state if key.startswith("trained.") and ".lora_A." in key)]

    with torch.random.fork_rng(devices=[]):
        one, again, other = first("one", 0), first("again", 0), first("other", 1)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_an_untrained_adapter_changes_nothing_and_seeds_no_gpu(
    random_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail("a GPU was seeded"))
    generator = quick(LoRA, steps=1, learning_rate=1e-60)
    generator.fit(Discs(), context(tmp_path, random_backbone))
    before = frozen(random_backbone)
    after = {name.replace(".base_layer.", "."): value for name, value in weights(generator).items()}
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_no_rank_is_one_line() -> None:
    with pytest.raises(UsageError, match="rank: expected 1 or more, got 0"):
        LoRA(rank=0)
