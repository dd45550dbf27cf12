"""Make the backbone from nothing: `python -m recipes.tiny_sd.pretrain --out FOLDER`.

Stages: autoencoder, latents of the frozen encoder, denoiser, export. Every stage continues from its checkpoint in
the scratch folder, so the command can be stopped and given again. The defaults are the numbers of steps that made
the shipped weights. Seeded, but another processor rounds differently, so its weights are not the same bytes.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
from pathlib import Path

import torch

from .autoencoder import AutoencoderRecipe, train_autoencoder
from .corpus import Corpus
from .denoiser import DenoiserRecipe, train_denoiser
from .export import export_folder
from .latents import encode_corpus
from .tokenizer import build_tokenizer


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The whole recipe; the defaults made the shipped weights."""

    corpus_seed: int = 0
    autoencoder: AutoencoderRecipe = dataclasses.field(default_factory=AutoencoderRecipe)
    denoiser: DenoiserRecipe = dataclasses.field(default_factory=DenoiserRecipe)
    latent_pictures: int = 60_000
    first_latent_picture: int = 2_000_000


def pretrain(recipe: Recipe, scratch: Path, out: Path) -> None:
    """Run every stage that is not finished yet, then write the folder `out`."""
    scratch.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    autoencoder = train_autoencoder(Corpus(recipe.corpus_seed), recipe.autoencoder, scratch)
    tokenizer = build_tokenizer()
    path = scratch / "latents.safetensors"
    data = encode_corpus(
        recipe.corpus_seed, autoencoder, tokenizer, recipe.first_latent_picture, recipe.latent_pictures, path,
        recipe.denoiser.workers,
    )  # fmt: skip
    unet, text_encoder = train_denoiser(path, tokenizer, recipe.denoiser, scratch)
    autoencoder.register_to_config(scaling_factor=data.scaling_factor)
    export_folder(out, autoencoder, unet, text_encoder, tokenizer)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Pretrain the tiny backbone on the procedural corpus (CPU, 2 h).")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the backbone to")
    parser.add_argument("--scratch", type=Path, help="checkpoints and latents; default: OUT with .scratch appended")
    parser.add_argument("--share", type=float, default=1.0, help="share of all steps and pictures, for a short trial")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    scratch = arguments.scratch or arguments.out.with_name(arguments.out.name + ".scratch")
    pretrain(scaled(Recipe(), arguments.share), scratch, arguments.out)


def scaled(recipe: Recipe, share: float) -> Recipe:
    """The recipe with every number of steps and latent pictures multiplied by `share` (at least one of each)."""
    if share == 1.0:
        return recipe

    def part(number: int) -> int:
        return max(round(number * share), 1)

    first, last = recipe.autoencoder.kl_ramp
    autoencoder = dataclasses.replace(
        recipe.autoencoder, crop_steps=part(recipe.autoencoder.crop_steps),
        whole_steps=part(recipe.autoencoder.whole_steps), kl_ramp=(part(first), part(first) + part(last - first)),
    )  # fmt: skip
    return dataclasses.replace(
        recipe,
        autoencoder=autoencoder,
        denoiser=dataclasses.replace(recipe.denoiser, steps=part(recipe.denoiser.steps)),
        latent_pictures=part(recipe.latent_pictures),
    )


if __name__ == "__main__":
    main()
