"""Make the backbone from nothing: `python -m ldbench_baselines.backbone.pretrain --out FOLDER`.

Stages: autoencoder; then, on the frozen encoder, the denoiser (in this process) and the decoder's refinement (in
a second one); then export. Every stage continues from its checkpoint in the scratch folder, so the command can be
stopped and given again. The defaults are the numbers of steps that made the shipped weights. Seeded, but another
processor rounds differently, so another machine's weights are not the same bytes.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import multiprocessing
from pathlib import Path

import torch
from diffusers import AutoencoderKL

from .autoencoder import AutoencoderRecipe, train_autoencoder
from .corpus import Corpus
from .denoiser import DenoiserRecipe, train_denoiser
from .export import export_folder
from .latents import encode_corpus
from .refinement import RefinementRecipe, refine_decoder
from .tokenizer import build_tokenizer


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The whole recipe; the defaults made the shipped weights."""

    corpus_seed: int = 0
    autoencoder: AutoencoderRecipe = AutoencoderRecipe()
    refinement: RefinementRecipe = RefinementRecipe()
    denoiser: DenoiserRecipe = DenoiserRecipe()
    latent_pictures: int = 48_000
    first_latent_picture: int = 2_000_000


def pretrain(recipe: Recipe, scratch: Path, out: Path) -> None:
    """Run every stage that is not finished yet, then write the folder `out`."""
    scratch.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    corpus = Corpus(recipe.corpus_seed)
    autoencoder = train_autoencoder(corpus, recipe.autoencoder, scratch)
    refiner = multiprocessing.get_context("spawn").Process(target=refine_stage, args=(recipe, scratch))
    refiner.start()
    tokenizer = build_tokenizer()
    data = encode_corpus(
        corpus, autoencoder, tokenizer, recipe.first_latent_picture, recipe.latent_pictures,
        scratch / "latents.safetensors", recipe.denoiser.seed,
    )  # fmt: skip
    unet, text_encoder = train_denoiser(data, tokenizer, recipe.denoiser, scratch)
    refiner.join()
    if refiner.exitcode:
        raise RuntimeError(f"the decoder's refinement must end with exit code 0, got {refiner.exitcode}: {scratch}")
    refined = refine_decoder(corpus, autoencoder, recipe.refinement, scratch)
    refined.register_to_config(scaling_factor=data.scaling_factor)
    export_folder(out, refined, unet, text_encoder, tokenizer)


def refine_stage(recipe: Recipe, scratch: Path) -> AutoencoderKL:
    """The decoder's refinement as a process of its own: everything it needs is in the scratch folder."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    corpus = Corpus(recipe.corpus_seed)
    autoencoder = train_autoencoder(corpus, recipe.autoencoder, scratch)
    return refine_decoder(corpus, autoencoder, recipe.refinement, scratch)


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
        refinement=dataclasses.replace(recipe.refinement, steps=part(recipe.refinement.steps)),
        denoiser=dataclasses.replace(recipe.denoiser, steps=part(recipe.denoiser.steps)),
        latent_pictures=part(recipe.latent_pictures),
    )


if __name__ == "__main__":
    main()
