"""Training pairs: the task's own encoded side by side, or generated from two captions and the same noise."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from ldbench_baselines.basic_ft import BasicFT
from ldbench_baselines.diffusion.latent_diffusion import LatentDiffusion, load_backbone
from ldbench_baselines.editing import pairs
from ldbench_baselines.editing.pairs import (
    PAIRS,
    PairPrompts,
    encoded_pairs,
    generated_pairs,
    pair_prompts,
    sample_pairs,
)

from ldbench.api import Context, Example
from ldbench.errors import GeneratorError
from tests.baselines.discs import CPU, SIDE, Discs, context, quick

from .disc_pairs import DiscPairs, LoneDiscs


@dataclass(frozen=True)
class Mended:
    """Pairs of which the second is changed."""

    second: Example

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Example:
        return self.second if index else DiscPairs()[0]


@pytest.fixture(scope="module")
def model(random_backbone: Path) -> LatentDiffusion:
    return load_backbone(str(random_backbone), CPU)


def sharing(folder: Path, backbone: Path) -> Context:
    return context(folder / "own", backbone, shared=folder / "shared")


@pytest.mark.parametrize("flip", [False, True])
def test_pairs_are_encoded_side_by_side_and_kept(
    flip: bool, model: LatentDiffusion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, train = context(tmp_path, "as it was loaded"), DiscPairs(5)
    made = encoded_pairs(model, train, where, flip=flip)
    assert made.sources.shape == made.targets.moments[0].shape == (10 if flip else 5, 4, 8, 8)
    assert made.targets.prompts == tuple(f"grow size {size}" for size in range(5))
    pair = train[3]
    assert pair.source is not None
    torch.testing.assert_close(made.sources[3], model.encode(pair.source[None])[0, 0])
    torch.testing.assert_close(made.targets.moments[:, 3], model.encode(pair.image[None])[:, 0])
    if flip:
        torch.testing.assert_close(made.sources[8], model.encode(pair.source.flip(2)[None])[0, 0])
    monkeypatch.setattr(LatentDiffusion, "encode", None)
    again = encoded_pairs(model, train, where, flip=flip)
    assert torch.equal(again.sources, made.sources)
    assert torch.equal(again.targets.moments, made.targets.moments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": None}, r"training example disc-1: expected a source as the others have, got none; drop it"),
        ({"source": torch.zeros(3, 8, 8)}, r"example disc-1: expected a source of \(3, 16, 16\), .* got \(3, 8, 8\)"),
    ],
)
def test_a_pair_that_is_none_is_one_line(
    change: dict[str, torch.Tensor | None], message: str, model: LatentDiffusion, tmp_path: Path
) -> None:
    train = Mended(dataclasses.replace(DiscPairs()[1], **change))  # type: ignore[arg-type]
    with pytest.raises(GeneratorError, match=message) as caught:
        encoded_pairs(model, train, context(tmp_path, "as it was loaded"))
    assert "\n" not in str(caught.value)


def test_both_images_of_a_generated_pair_come_from_the_same_noise(model: LatentDiffusion) -> None:
    """Under equal captions they are equal, ancestral noise included; under others they are not, the less so the further
    the target's caption is followed."""
    prompts = [PairPrompts("a small disc", "a small disc", "keep", 1), PairPrompts("a small disc", "a ring", "cut", 1)]
    how = BasicFT(sampler="ddpm", sampling_steps=4)._sampling(model)
    sources, targets = sample_pairs(model, prompts, (3, SIDE, SIDE), how, 3.0)
    assert sources.shape == (2, 4, 8, 8)
    torch.testing.assert_close(sources[0], targets[0], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(sources[1], sources[0])
    less = sample_pairs(model, prompts, (3, SIDE, SIDE), how, 1.0)
    assert torch.equal(less[0], sources)
    assert 0 < 2 * float((less[1, 1] - sources[1]).norm()) < float((targets[1] - sources[1]).norm())
    other = sample_pairs(model, [dataclasses.replace(prompts[0], seed=2)], (3, SIDE, SIDE), how, 1.0)
    assert not torch.allclose(other[0, 0], sources[0])


def test_examples_without_an_edit_make_no_pair_and_further_pairs_have_noise_of_their_own() -> None:
    every, some, more = (pair_prompts(LoneDiscs(8), count, 0) for count in (None, 2, 8))
    assert [each.instruction for each in every] == [f"grow size {size}" for size in (0, 1, 2, 4, 5, 6)]
    assert (every[4].source, every[4].target) == ("a disc of size 5", "a disc of size 1")
    assert some == every[:2]
    assert more[:6] == every
    assert dataclasses.replace(more[6], seed=every[0].seed) == every[0]
    assert len({each.seed for each in more}) == 8
    assert not {each.seed for each in pair_prompts(LoneDiscs(8), None, 1)} & {each.seed for each in every}


@pytest.mark.slow
def test_generated_pairs_are_kept_and_belong_to_their_start(
    random_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    original = pairs.sample_pairs

    def counted(model: LatentDiffusion, prompts: Sequence[PairPrompts], *rest: object) -> torch.Tensor:
        made.append(len(prompts))
        return original(model, prompts, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(pairs, "sample_pairs", counted)
    where, start = sharing(tmp_path, random_backbone), quick(BasicFT)
    first = generated_pairs(start, LoneDiscs(16), where, None, 1.0, batch_size=7)
    assert made == [7, 5]
    assert first.sources.shape == (12, 4, 8, 8)
    assert [first.targets.prompts[index] for index in first.targets.prompt_of[:4]] == [
        "grow size 0", "grow size 1", "grow size 2", "grow size 4"
    ]
    assert not first.targets.moments[1].any()
    assert not torch.equal(first.targets.moments[0], first.sources)
    again = generated_pairs(start, LoneDiscs(16), where, None, 1.0, batch_size=7)
    assert torch.equal(again.sources, first.sources)
    assert torch.equal(again.targets.moments, first.targets.moments)
    assert made == [7, 5]
    generated_pairs(quick(BasicFT, learning_rate=0.01), LoneDiscs(16), where, None, 1.0)
    generated_pairs(start, LoneDiscs(16), where, 3, 1.0)
    generated_pairs(start, LoneDiscs(16), where, 3, 2.0)
    assert made == [7, 5, 12, 3, 3]
    assert (where.folder / PAIRS).exists()


@pytest.mark.slow
def test_generated_pairs_do_not_depend_on_how_many_memory_holds(
    random_backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, original, found = sharing(tmp_path, random_backbone), pairs.sample_pairs, []
    for fits in (12, 5):
        def sampled(model: LatentDiffusion, prompts: Sequence[PairPrompts], *rest: Any, most: int = fits) -> Any:
            if len(prompts) > most:
                raise torch.OutOfMemoryError("told to")
            return original(model, prompts, *rest)

        monkeypatch.setattr(pairs, "sample_pairs", sampled)
        own = dataclasses.replace(where, folder=tmp_path / str(fits))
        found.append(generated_pairs(quick(BasicFT), LoneDiscs(16), own, None, 1.0, batch_size=12))
    torch.testing.assert_close(found[0].sources, found[1].sources, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found[0].targets.moments, found[1].targets.moments, atol=1e-4, rtol=1e-4)


def test_images_alone_are_one_line() -> None:
    message = r"none of 16 training examples: expected a source image, or source_prompt, target_prompt and instruction"
    with pytest.raises(GeneratorError, match=message) as caught:
        pair_prompts(Discs(), None, 0)
    assert "\n" not in str(caught.value)
