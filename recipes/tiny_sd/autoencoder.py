"""Stage 1: train the autoencoder on crops of corpus pictures, then on whole pictures.

Crops of 32 pixels come first because an image costs a quarter of the time there; the last steps see 64 pixels, so that
the group norms meet the statistics they will be used with. The loss is L1 and L2 with a small KL term, without
adversary or perceptual network. Half of the crops are shown in grey, where four channels can hold everything.
"""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

from .architecture import IMAGE_SIZE, build_autoencoder
from .corpus import Corpus
from .muon import build_optimizers
from .precision import faster_precision
from .training import average_into, cosine_share, load_checkpoint, save_checkpoint, set_rates

_log = logging.getLogger(__name__)
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True)
class AutoencoderRecipe:
    """Numbers of pictures and steps, batch sizes and rates; the defaults made the shipped weights."""

    pictures: int = 6000
    crop_steps: int = 2500
    whole_steps: int = 200
    crop: int = 32
    crops: int = 12
    wholes: int = 4
    rate: float = 2e-3
    matrix_rate: float = 1e-2
    kl_weight: float = 3e-4
    grey_share: float = 0.5
    average: float = 0.998
    seed: int = 0

    @property
    def steps(self) -> int:
        """Steps of both phases."""
        return self.crop_steps + self.whole_steps


def train_autoencoder(
    corpus: Corpus, recipe: AutoencoderRecipe, folder: Path, save_every: int = 250, precision: torch.dtype | None = None
) -> AutoencoderKL:
    """Train from `folder/autoencoder.pt` on, or from the start, and return the averaged weights in float32.

    Crops are computed in `precision` (None: the faster of float32 and bfloat16), whole pictures in float32.
    """
    torch.manual_seed(recipe.seed)
    model = build_autoencoder()
    average = copy.deepcopy(model).requires_grad_(False).eval()
    optimizers = build_optimizers(model, recipe.rate, recipe.matrix_rate)
    parts = {"model": model, "average": average, **optimizers}
    path = folder / "autoencoder.pt"
    began, first = time.monotonic(), load_checkpoint(path, parts)
    if first == recipe.steps:
        return average
    pixels = corpus.render_pixels(0, recipe.pictures)
    images = _batch(pixels, recipe, first)
    crop_precision = precision or faster_precision(lambda dtype: _loss(model, images, recipe, 0, dtype)[0].backward())
    for step in range(first, recipe.steps):
        set_rates(optimizers.values(), cosine_share(step, recipe.steps, warmup=50))
        dtype = crop_precision if step < recipe.crop_steps else torch.float32
        loss, psnr = _loss(model, _batch(pixels, recipe, step), recipe, step, dtype)
        _move(model, optimizers, loss)
        average_into(average, model, step, recipe.average)
        if step % 50 == 0:
            _log.info(
                "autoencoder step %d loss %.4f psnr %.2f dB, %.0f s",
                step,
                loss.detach(),
                psnr,
                time.monotonic() - began,
            )
        if (step + 1) % save_every == 0 or step + 1 == recipe.steps:
            save_checkpoint(path, step + 1, parts)
    return average


def _loss(
    model: AutoencoderKL, images: torch.Tensor, recipe: AutoencoderRecipe, step: int, dtype: torch.dtype
) -> tuple[torch.Tensor, float]:
    """L1 plus twice L2 of pictures in [-1, 1] plus the weighted mean KL a latent element; and the PSNR in dB."""
    noise = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        posterior = model.encode(images).latent_dist
        decoded = model.decode(posterior.sample(noise)).sample
    kl = 0.5 * (posterior.mean.float().square() + posterior.var.float() - 1.0 - posterior.logvar.float()).mean()
    error = decoded.float() - images
    squared = error.square().mean()
    loss = error.abs().mean() + 2.0 * squared + recipe.kl_weight * kl
    return loss, float(10.0 * torch.log10(4.0 / squared.detach()))


def _move(model: AutoencoderKL, optimizers: Mapping[str, torch.optim.Optimizer], loss: torch.Tensor) -> None:
    model.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers.values():
        optimizer.step()


def _batch(pixels: np.ndarray, recipe: AutoencoderRecipe, step: int) -> torch.Tensor:
    """Images of one step, (N, 3, crop, crop) float32 in [-1, 1]: random crops, mirrored and turned, some in grey."""
    rng = np.random.default_rng([recipe.seed, 3, step])
    whole = step >= recipe.crop_steps
    size = IMAGE_SIZE if whole else recipe.crop
    crops = []
    for index in rng.integers(0, len(pixels), recipe.wholes if whole else recipe.crops):
        row, column = rng.integers(0, IMAGE_SIZE - size + 1, 2)
        crop = np.rot90(pixels[index, row : row + size, column : column + size], int(rng.integers(4)))
        crop = (crop[:, ::-1] if rng.random() < 0.5 else crop).astype(np.float32) / 127.5 - 1.0
        if rng.random() < recipe.grey_share:
            crop = np.repeat((crop @ _LUMINANCE)[..., None], 3, axis=2)
        crops.append(crop)
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).contiguous()
