"""Stage 1b: go on training the decoder alone, with the encoder frozen, on whole pictures.

It can run beside stage 2, because the latents no longer change. The loss is that of the autoencoder without KL.
"""

from __future__ import annotations

import copy
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL

from .autoencoder import picture_batch, reconstruction_loss
from .corpus import Corpus
from .training import average_into, cosine_rate, load_checkpoint, save_checkpoint, set_rate

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RefinementRecipe:
    """Number of steps, pictures a step and rate; the defaults made the shipped weights."""

    steps: int = 4000
    pictures: int = 8
    rate: float = 6e-4
    first_picture: int = 1_000_000
    average: float = 0.998
    seed: int = 2


def refine_decoder(
    corpus: Corpus, autoencoder: AutoencoderKL, recipe: RefinementRecipe, folder: Path, save_every: int = 250
) -> AutoencoderKL:
    """The autoencoder with a better decoder, from `folder/refinement.pt` on; the encoder's weights stay as given."""
    model = copy.deepcopy(autoencoder).requires_grad_(False).train()
    trained = torch.nn.ModuleList([model.decoder, model.post_quant_conv]).requires_grad_(True)
    average = copy.deepcopy(trained).requires_grad_(False)
    optimizer = torch.optim.Adam(trained.parameters(), lr=recipe.rate, betas=(0.9, 0.99))
    parts = {"trained": trained, "average": average, "optimizer": optimizer}
    path = folder / "refinement.pt"
    began, first = time.monotonic(), load_checkpoint(path, parts)
    for step in range(first, recipe.steps):
        set_rate(optimizer, cosine_rate(step, recipe.steps, recipe.rate))
        images = picture_batch(corpus, recipe.first_picture + step * recipe.pictures, recipe.pictures)
        noise = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
        with torch.autocast("cpu", torch.bfloat16):
            latents = model.encode(images).latent_dist.sample(noise)
            decoded = model.decode(latents).sample
        loss, psnr = reconstruction_loss(decoded, images)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained.parameters(), 1.0)
        optimizer.step()
        average_into(average, trained, step, recipe.average)
        if step % 50 == 0:
            _log.info("decoder step %d psnr %.2f dB, %.0f s", step, psnr, time.monotonic() - began)
        if (step + 1) % save_every == 0 or step + 1 == recipe.steps:
            save_checkpoint(path, step + 1, parts)
    trained.load_state_dict(average.state_dict())
    return model.eval()
