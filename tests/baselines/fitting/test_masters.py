"""Training in half precision: what is trained starts from the files' float32 and loses nothing to rounding after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from ldbench_baselines.basic_ft import BasicFT
from ldbench_baselines.custom_diffusion import CustomDiffusion
from ldbench_baselines.dreambooth import DreamBooth
from ldbench_baselines.fitting.checkpoint import STATE
from ldbench_baselines.fitting.fine_tuner import FineTuner
from ldbench_baselines.fitting.shared_fit import shared_start
from ldbench_baselines.lora import LoRA
from ldbench_baselines.sdedit import SDEdit
from ldbench_baselines.stable_diffusion import StableDiffusion
from ldbench_baselines.textual_inversion import TextualInversion
from safetensors.torch import load_file

from tests.baselines.discs import CPU, Discs, context, frozen, quick, requests


def half(method: type[FineTuner], **parameters: Any) -> FineTuner:
    """One step in bfloat16 that changes nothing, unless `parameters` say otherwise."""
    return quick(method, **{"precision": "bfloat16", "steps": 1, "learning_rate": 1e-60} | parameters)


def dtypes(model: torch.nn.Module) -> set[torch.dtype]:
    return {value.dtype for value in model.parameters()}


@pytest.mark.slow
@pytest.mark.usefixtures("moments_kept")
@pytest.mark.parametrize("method", [BasicFT, CustomDiffusion, DreamBooth])
def test_weights_that_are_trained_are_those_of_the_files(
    method: type[FineTuner], random_backbone: Path, tmp_path: Path
) -> None:
    generator = half(method)
    generator.fit(Discs(), context(tmp_path, random_backbone))
    stored, state = frozen(random_backbone), load_file(tmp_path / STATE)
    trained = {name.removeprefix("trained."): value for name, value in state.items() if name.startswith("trained.")}
    trained.pop("rows", None)
    assert trained
    assert all(torch.equal(value, stored[f"unet.{name}"]) for name, value in trained.items())
    assert not all(torch.equal(value, value.bfloat16().float()) for value in trained.values())
    model = generator._fitted()
    assert dtypes(model.unet) == dtypes(model.text_encoder) == dtypes(model.vae) == {torch.bfloat16}


def test_a_word_starts_from_the_files_row(random_backbone: Path, tmp_path: Path) -> None:
    generator = half(TextualInversion, vectors=1)
    generator.fit(Discs(), context(tmp_path, random_backbone))
    stored = frozen(random_backbone)
    table = next(value for name, value in stored.items() if name.endswith("token_embedding.weight"))
    pieces = generator._fitted().tokenizer("scan", add_special_tokens=False)["input_ids"]
    row = load_file(tmp_path / STATE)["trained.rows"][0]
    assert torch.equal(row, table[pieces].mean(0))
    assert not torch.equal(row, row.bfloat16().float())


def test_what_another_method_goes_on_from_is_not_rounded(random_backbone: Path, tmp_path: Path) -> None:
    where = context(tmp_path, random_backbone, shared=tmp_path / "shared")
    model = shared_start(half(BasicFT), Discs(), where)
    stored = frozen(random_backbone)
    assert all(torch.equal(value, stored[f"unet.{name}"]) for name, value in model.unet.state_dict().items())


def test_an_editor_samples_from_its_start_in_the_runs_precision(random_backbone: Path, tmp_path: Path) -> None:
    editor = SDEdit(start_steps=1, precision="bfloat16")
    editor.fit(Discs(), context(tmp_path, random_backbone))
    assert dtypes(editor._fitted().unet) == {torch.bfloat16}


def test_what_lora_learnt_is_not_rounded_away_in_half_precision(random_backbone: Path, tmp_path: Path) -> None:
    """The weights' own rounding, of W + BA, is coarse beside BA: added into them, much of what was learnt is lost."""
    generator = half(LoRA, rank=2, steps=3, learning_rate=1e-3)
    generator.fit(Discs(), context(tmp_path, random_backbone))
    unet: Any = generator._fitted().unet.float()  # the arithmetic exact, to see the weights alone
    names = [name for name, module in unet.named_modules() if name.endswith("attn1.to_q")]
    state = load_file(tmp_path / STATE)
    ours, merged = torch.zeros(()), torch.zeros(())
    total = torch.zeros(())
    for name in names:
        layer, path = unet.get_submodule(name), f"trained.{name}.lora"
        first, second = (state[f"{path}_{which}.default.weight"] for which in ("A", "B"))
        weight, learnt = layer.base_layer.weight, second @ first
        effective = layer(torch.eye(weight.shape[1])[None])[0].T
        ours += ((effective - weight - learnt) ** 2).sum()
        merged += (((weight + learnt).bfloat16().float() - weight - learnt) ** 2).sum()
        total += (learnt**2).sum()
    assert float((merged / total).sqrt()) > 0.1
    assert float((ours / total).sqrt()) < 0.01


def test_sampling_in_half_is_the_networks_own_and_no_autocasts(random_backbone: Path, tmp_path: Path) -> None:
    """Which has norms in float32, and takes a quarter longer so."""
    generator, where = StableDiffusion(precision="bfloat16", sampling_steps=3), context(tmp_path, random_backbone)
    generator.fit(Discs(), where)
    model, seen = generator._fitted(), []
    for part in (model.unet, model.vae.decoder, model.text_encoder):
        part.register_forward_pre_hook(lambda *_: seen.append(torch.is_autocast_enabled(CPU.type)))
    generator.generate(requests(2), where)
    list(generator.trajectory(requests(2), where))
    assert len(seen) > 2 * 3
    assert not any(seen)
