"""Custom Diffusion: the text's keys and values and one word, in the file as they were trained."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ldbench_baselines.custom_diffusion import WEIGHTS, CustomDiffusion
from ldbench_baselines.fitting.learned_tokens import EMBEDDINGS
from ldbench_baselines.fitting.prior import CLASS_IMAGES
from safetensors.torch import load_file

from .discs import CPU, Discs, context, frozen, pipeline, quick, requests, seen_prompts, weights

Fitted = tuple[CustomDiffusion, Path]


@pytest.fixture(scope="module")
def fitted(random_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    folder = tmp_path_factory.mktemp("fit")
    generator = quick(CustomDiffusion, learning_rate=0.05)
    assert isinstance(generator, CustomDiffusion)
    generator.fit(Discs(), context(folder, random_backbone))
    return generator, folder


def test_keys_values_and_one_row_are_trained_and_nothing_else(fitted: Fitted, random_backbone: Path) -> None:
    before, after = frozen(random_backbone), weights(fitted[0])
    assert after.keys() == before.keys()
    table = next(name for name in before if name.endswith("token_embedding.weight"))
    changed = {name for name in before if name != table and not torch.equal(after[name], before[name])}
    blocks = {name.split(".attn2.")[0] for name in before if ".attn2." in name}
    assert changed == {f"{block}.attn2.{part}.weight" for block in blocks for part in ("to_k", "to_v")}
    assert len(blocks) > 1
    words = len(before[table])
    assert torch.equal(after[table][:words], before[table])
    assert len(after[table]) == words + 1


def test_diffusers_gives_the_same_prediction_from_the_files(fitted: Fitted, random_backbone: Path) -> None:
    generator, folder = fitted
    assert generator._model is not None
    stored = load_file(folder / WEIGHTS)
    ours = generator._model.unet.state_dict()
    assert all(torch.equal(value, ours[name]) for name, value in stored.items())
    pipe = pipeline(random_backbone)
    assert pipe.unet.load_state_dict(stored, strict=False).unexpected_keys == []
    pipe.load_textual_inversion(str(folder / EMBEDDINGS))
    text = pipe.encode_prompt("<new1> a disc of size 3", CPU, 1, False)[0]
    torch.testing.assert_close(text, generator._model.embed([generator._prompt("a disc of size 3")]))
    z, t = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0)), torch.tensor(500)
    with torch.no_grad():
        torch.testing.assert_close(pipe.unet(z, t, text).sample, generator._model.unet(z, t, text).sample)


def test_the_modifier_stands_before_the_tasks_prompts_and_not_before_the_classs(
    random_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = seen_prompts(monkeypatch)
    generator, where = quick(CustomDiffusion, class_images=2), context(tmp_path, random_backbone)
    generator.fit(Discs(), where)
    bare = [f"a disc of size {size}" for size in range(8)]
    assert set(seen[:2]) <= set(bare)  # the class images, made first
    assert seen[2:] == [*(f"<new1> {prompt}" for prompt in bare), *bare, ""]
    seen.clear()
    generator.generate(requests(1), where)
    assert seen == ["<new1> a disc of size 0"]


def test_it_preserves_the_prior_unless_told_otherwise(fitted: Fitted, random_backbone: Path, tmp_path: Path) -> None:
    assert (fitted[1] / CLASS_IMAGES).exists()
    quick(CustomDiffusion, prior_weight=0.0).fit(Discs(), context(tmp_path, random_backbone))
    assert not (tmp_path / CLASS_IMAGES).exists()
