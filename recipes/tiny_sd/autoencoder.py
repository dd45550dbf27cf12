"""Stage 1: train the autoencoder on crops of corpus pictures, then on whole pictures.

Crops of 32 pixels come first because an image costs a quarter of the time there; the last steps see 64 pixels,
so that the attention of the middle block meets the number of positions it will be used with. The loss is L1 and
L2 with a very small KL term, without adversary or perceptual network. Refuses any picture outside the corpus.
"""

from __future__ import annotations

import copy
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

from .architecture import IMAGE_SIZE, build_autoencoder
from .corpus import Corpus
from .training import average_into, cosine_rate, load_checkpoint, save_checkpoint, set_rate

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AutoencoderRecipe:
    """Numbers of steps, batch sizes and rates; the defaults made the shipped weights."""

    crop_steps: int = 9000
    whole_steps: int = 1500
    crop: int = 32
    pictures: int = 8
    crops_a_picture: int = 2
    rate: float = 2e-3
    kl_weight_early: float = 3e-5
    kl_weight: float = 1e-3
    kl_ramp: tuple[int, int] = (3000, 4200)
    average: float = 0.998
    seed: int = 0

    @property
    def steps(self) -> int:
        """Steps of both phases."""
        return self.crop_steps + self.whole_steps

    def kl_weight_at(self, step: int) -> float:
        """Weight of the mean KL a latent element: small while the code forms, then raised along `kl_ramp`.

        The late weight brings the four channels to similar spreads, which diffusion needs; at the early one they
        differed sixfold (1.0 to 6.7).
        """
        begin, end = self.kl_ramp
        share = min(max((step - begin) / (end - begin), 0.0), 1.0)
        return self.kl_weight_early + share * (self.kl_weight - self.kl_weight_early)


def train_autoencoder(corpus: Corpus, recipe: AutoencoderRecipe, folder: Path, save_every: int = 500) -> AutoencoderKL:
    """Train from `folder/autoencoder.pt` on, or from the start, and return the averaged weights in float32."""
    torch.manual_seed(recipe.seed)
    model = build_autoencoder().to(memory_format=torch.channels_last)
    average = copy.deepcopy(model).requires_grad_(False).eval()
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.rate, betas=(0.9, 0.99))
    parts = {"model": model, "average": average, "optimizer": optimizer}
    path = folder / "autoencoder.pt"
    began, first = time.monotonic(), load_checkpoint(path, parts)
    for step in range(first, recipe.steps):
        set_rate(optimizer, cosine_rate(step, recipe.steps, recipe.rate))
        loss, psnr = _step(model, optimizer, _batch(corpus, recipe, step), recipe, step)
        average_into(average, model, step, recipe.average)
        if step % 50 == 0:
            _log.info("autoencoder step %d loss %.4f psnr %.2f dB, %.0f s", step, loss, psnr, time.monotonic() - began)
        if (step + 1) % save_every == 0 or step + 1 == recipe.steps:
            save_checkpoint(path, step + 1, parts)
    return average


def _step(
    model: AutoencoderKL, optimizer: torch.optim.Optimizer, images: torch.Tensor, recipe: AutoencoderRecipe, step: int
) -> tuple[float, float]:
    noise = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
    with torch.autocast("cpu", torch.bfloat16):
        posterior = model.encode(images).latent_dist
        decoded = model.decode(posterior.sample(noise)).sample
    kl = 0.5 * (posterior.mean.float().square() + posterior.var.float() - 1.0 - posterior.logvar.float()).mean()
    reconstruction, psnr = reconstruction_loss(decoded, images)
    loss = reconstruction + recipe.kl_weight_at(step) * kl
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach()), psnr


def reconstruction_loss(decoded: torch.Tensor, images: torch.Tensor) -> tuple[torch.Tensor, float]:
    """L1 plus twice L2 of pictures in [-1, 1], and the PSNR in dB."""
    error = decoded.float() - images
    squared = error.square().mean()
    return error.abs().mean() + 2.0 * squared, float(10.0 * torch.log10(4.0 / squared.detach()))


def _batch(corpus: Corpus, recipe: AutoencoderRecipe, step: int) -> torch.Tensor:
    """Images of one step, (N, 3, crop, crop) float32 in [-1, 1]: random crops, mirrored and turned."""
    rng = np.random.default_rng([recipe.seed, 3, step])
    pixels = corpus.render_pixels(step * recipe.pictures, (step + 1) * recipe.pictures)
    whole = step >= recipe.crop_steps
    size = IMAGE_SIZE if whole else recipe.crop
    crops = []
    for picture in pixels:
        for _ in range(1 if whole else recipe.crops_a_picture):
            row, column = rng.integers(0, IMAGE_SIZE - size + 1, 2)
            crop = np.rot90(picture[row : row + size, column : column + size], int(rng.integers(4)))
            crops.append(crop[:, ::-1] if rng.random() < 0.5 else crop)
    return _images(np.stack(crops))


def _images(pixels: np.ndarray) -> torch.Tensor:
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1.0
    return images.contiguous(memory_format=torch.channels_last)
