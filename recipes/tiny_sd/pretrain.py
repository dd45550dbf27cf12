"""Make the backbone from nothing: `python -m recipes.tiny_sd.pretrain --out FOLDER`.

Stages: autoencoder, denoiser (which encodes its pictures as it goes), export. Every stage continues from its
checkpoint in the scratch folder, so the command can be stopped and given again; `--snapshot` exports the denoiser as
it is. The defaults are the numbers of steps that made the shipped weights. Seeded, but another processor rounds
differently, so its weights are not the same bytes.
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
from .latents import LatentChunks, as_images
from .standard import standardise
from .tokenizer import build_tokenizer
from .training import steps_done


@dataclasses.dataclass(frozen=True)
class PretrainingRecipe:
    """The whole recipe; the defaults made the shipped weights."""

    corpus_seed: int = 0
    autoencoder: AutoencoderRecipe = dataclasses.field(default_factory=AutoencoderRecipe)
    denoiser: DenoiserRecipe = dataclasses.field(default_factory=DenoiserRecipe)
    standard_pictures: int = 1_000
    first_standard_picture: int = 1_000_000
    chunk_pictures: int = 1_000
    first_latent_picture: int = 2_000_000


def pretrain(recipe: PretrainingRecipe, scratch: Path, out: Path) -> None:
    """Run every stage that is not finished yet, then write the folder `out`."""
    scratch.mkdir(parents=True, exist_ok=True)
    corpus, tokenizer = Corpus(recipe.corpus_seed), build_tokenizer()
    autoencoder = train_autoencoder(corpus, recipe.autoencoder, scratch)
    start = recipe.first_standard_picture
    standardise(autoencoder, as_images(corpus.render_pixels(start, start + recipe.standard_pictures)))
    data = LatentChunks(
        corpus, autoencoder, tokenizer, scratch, recipe.chunk_pictures, recipe.first_latent_picture
    )  # fmt: skip
    unet, text_encoder = train_denoiser(data, recipe.denoiser, scratch)
    export_folder(out, autoencoder, unet, text_encoder, tokenizer)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Pretrain the tiny backbone on the procedural corpus (CPU, 7 h).")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the backbone to")
    parser.add_argument("--scratch", type=Path, help="checkpoints and latents; default: OUT with .scratch appended")
    parser.add_argument("--share", type=float, default=1.0, help="share of all steps and pictures, for a short trial")
    parser.add_argument("--threads", type=int, default=1, help="threads of this process (default 1)")
    parser.add_argument("--steps", type=int, help="end the denoiser at this step, its rate falling before")
    parser.add_argument("--snapshot", action="store_true", help="train no further: export the checkpoints as they are")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    scratch = arguments.scratch or arguments.out.with_name(arguments.out.name + ".scratch")
    recipe = scaled(PretrainingRecipe(), arguments.share)
    steps = steps_done(scratch / "denoiser.pt") if arguments.snapshot else arguments.steps
    if steps is not None:
        recipe = dataclasses.replace(recipe, denoiser=dataclasses.replace(recipe.denoiser, steps=steps))
    pretrain(recipe, scratch, arguments.out)


def scaled(recipe: PretrainingRecipe, share: float) -> PretrainingRecipe:
    """The recipe with every number of steps and pictures multiplied by `share` (at least one of each)."""
    if share == 1.0:
        return recipe

    def part(number: int) -> int:
        return max(round(number * share), 1)

    first, second = recipe.autoencoder, recipe.denoiser
    return dataclasses.replace(
        recipe,
        autoencoder=dataclasses.replace(
            first, pictures=part(first.pictures), crop_steps=part(first.crop_steps),
            whole_steps=part(first.whole_steps),
        ),
        denoiser=dataclasses.replace(
            second, steps=part(second.steps), decay_steps=part(second.decay_steps),
            steps_a_chunk=part(second.steps_a_chunk),
        ),
        standard_pictures=part(recipe.standard_pictures),
        chunk_pictures=part(recipe.chunk_pictures),
    )  # fmt: skip


if __name__ == "__main__":
    main()
