"""A training set of grey discs in any size, and what fits and samples of it need: the fine-tuners' common material."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from ldbench_baselines.basic_ft import BasicFT
from ldbench_baselines.diffusion.latent_diffusion import LatentDiffusion, load_backbone
from ldbench_baselines.fitting.denoising import Denoising, Draw, frozen_text
from ldbench_baselines.fitting.encoded import encode_set
from ldbench_baselines.fitting.fine_tuner import FineTuner

from ldbench.api import Case, Context, Example, Progress, Request, silent

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline

CPU = torch.device("cpu")
SIDE = 16  # pixels; enough for the random backbone, whose latents are half of it


@dataclass(frozen=True)
class Discs:
    """`count` grey discs, each of a size of its own that its prompt tells."""

    count: int = 16
    side: int = SIDE
    grey: float = 0.8

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Example:
        axis = torch.linspace(-1, 1, self.side)
        across = axis + 0.2  # off the middle, so that a mirrored disc is another picture
        disc = ((across[None, :] ** 2 + axis[:, None] ** 2) < 0.2 + 0.03 * index).float() * self.grey
        return Example(f"disc-{index}", disc.expand(3, -1, -1).clone(), f"a disc of size {index % 8}", {"size": index})


def context(folder: Path, backbone: Path | str, side: int = SIDE, progress: Progress = silent, **rest: Any) -> Context:
    """A context on the CPU with seed 0; makes the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return Context(CPU, rest.pop("seed", 0), folder, (3, side, side), str(backbone), progress, **rest)


def requests(count: int) -> list[Request]:
    """Requests for discs, each with its own seed."""
    return [Request(Case(f"case-{index}", f"a disc of size {index}", {}), 1000 + index) for index in range(count)]


def quick(method: type[FineTuner], **parameters: Any) -> FineTuner:
    """A method with few steps of few images; `parameters` win."""
    few: dict[str, Any] = {"steps": 3, "batch_size": 4, "sampling_steps": 2, "guidance_scale": 1.0}
    if "class_images" in method.__dataclass_fields__:
        few["class_images"] = 5
    return method(**few | parameters)


def weights(generator: FineTuner) -> dict[str, torch.Tensor]:
    """Every tensor of a fitted generator's backbone, by part and name, copied."""
    assert generator._model is not None
    parts = {"unet": generator._model.unet, "vae": generator._model.vae, "text": generator._model.text_encoder}
    return {f"{part}.{n}": v.detach().clone() for part, module in parts.items() for n, v in module.state_dict().items()}


def frozen(backbone: Path) -> dict[str, torch.Tensor]:
    """Every tensor of a backbone as it lies on disk, as `weights` names them."""
    generator = BasicFT()
    generator._model = load_backbone(str(backbone), CPU)
    return weights(generator)


def seen_prompts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that fills with every prompt that a backbone tokenises from now on."""
    seen: list[str] = []
    original = LatentDiffusion.tokenise

    def tokenise(self: LatentDiffusion, prompts: Sequence[str], cases: Sequence[str] | None = None) -> torch.Tensor:
        seen.extend(prompts)
        return original(self, prompts, cases)

    monkeypatch.setattr(LatentDiffusion, "tokenise", tokenise)
    return seen


def pipeline(backbone: Path) -> StableDiffusionPipeline:
    """The backbone as diffusers' own pipeline, to read there what a method leaves."""
    from diffusers import StableDiffusionPipeline  # needs what ldbench_baselines declares first

    model = load_backbone(str(backbone), CPU)
    return StableDiffusionPipeline(  # type: ignore[no-untyped-call]
        model.vae, model.text_encoder, model.tokenizer, model.unet, model.schedule,
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )


def loss_on_a_fixed_batch(generator: FineTuner, train: Discs, folder: Path) -> float:
    """A fitted generator's objective, over 64 images with its own prompts and drift, always the same draw."""
    model = generator._model
    assert model is not None
    data = encode_set(model, train, context(folder, "as it was loaded", train.side))
    data = replace(data, prompts=tuple(generator._prompt(prompt) for prompt in data.prompts))
    draw = Draw(64, prompt_dropout=0.0, high_noise_share=0.3)
    objective = Denoising(model, data, len(data), draw, generator._drift(model), frozen_text(model, data))
    with torch.no_grad():
        return float(objective.loss(objective.draw(torch.Generator().manual_seed(9)))) / 64
