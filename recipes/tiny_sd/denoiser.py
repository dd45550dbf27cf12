"""Stage 2: train the U-Net and the text encoder together on latents of captioned corpus pictures.

Epsilon prediction on Stable Diffusion's schedule, min-SNR weights (Hang et al., ICCV 2023, arXiv 2303.09556) with
gamma 5, one caption in ten dropped for classifier-free guidance (Ho and Salimans, arXiv 2207.12598). The text
encoder is trained from scratch here and frozen afterwards, so words that no caption holds keep their random
embeddings; Adam without weight decay leaves those rows untouched.
"""

from __future__ import annotations

import copy
import functools
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from .architecture import build_scheduler, build_text_encoder, build_unet
from .latents import LatentSet, load_latents
from .training import average_into, cosine_rate, load_checkpoint, save_checkpoint, set_rate, steps_done
from .workers import average_gradients, run_workers

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DenoiserRecipe:
    """Number of steps, batch of each worker and rates; the defaults made the shipped weights."""

    steps: int = 3000
    batch: int = 32
    workers: int = 2
    rate: float = 8e-4
    caption_dropout: float = 0.1
    snr_limit: float = 5.0
    average: float = 0.999
    seed: int = 1


def train_denoiser(
    data_path: Path, tokenizer: CLIPTokenizer, recipe: DenoiserRecipe, folder: Path, save_every: int = 250
) -> tuple[UNet2DConditionModel, CLIPTextModel]:
    """Train from `folder/denoiser.pt` on, or from the start; returns the averaged U-Net and text encoder."""
    task = functools.partial(_work, data_path, tokenizer, recipe, folder, save_every)
    if steps_done(folder / "denoiser.pt") < recipe.steps:
        run_workers(task, recipe.workers, folder)
    average = build_pair(tokenizer).requires_grad_(False).eval()
    load_checkpoint(folder / "denoiser.pt", {"average": average})
    return average["unet"], average["text_encoder"]


def _work(
    data_path: Path, tokenizer: CLIPTokenizer, recipe: DenoiserRecipe, folder: Path, save_every: int, rank: int,
    workers: int,
) -> None:  # fmt: skip
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    data = load_latents(data_path)
    torch.manual_seed(recipe.seed)
    pair = build_pair(tokenizer)
    average = copy.deepcopy(pair).requires_grad_(False).eval()
    optimizer = torch.optim.Adam(pair.parameters(), lr=recipe.rate, betas=(0.9, 0.99))
    parts = {"pair": pair, "average": average, "optimizer": optimizer}
    empty = tokenizer("", padding="max_length", return_tensors="pt").input_ids[0]
    abar = build_scheduler().alphas_cumprod
    began, first, smooth = time.monotonic(), load_checkpoint(folder / "denoiser.pt", parts), 1.0
    for step in range(first, recipe.steps):
        set_rate(optimizer, cosine_rate(step, recipe.steps, recipe.rate))
        loss = _loss(pair, data, empty, abar, recipe, step * workers + rank)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(pair.parameters(), workers)
        torch.nn.utils.clip_grad_norm_(pair.parameters(), 1.0)
        optimizer.step()
        average_into(average, pair, step, recipe.average)
        smooth += 0.02 * (float(loss.detach()) - smooth)
        if step % 50 == 0 and rank == 0:
            _log.info("denoiser step %d mean loss %.4f, %.0f s", step, smooth, time.monotonic() - began)
        if rank == 0 and ((step + 1) % save_every == 0 or step + 1 == recipe.steps):
            save_checkpoint(folder / "denoiser.pt", step + 1, parts)


def build_pair(tokenizer: CLIPTokenizer) -> torch.nn.ModuleDict:
    """Untrained U-Net and text encoder, as one module with keys `unet` and `text_encoder`."""
    unet = build_unet().to(memory_format=torch.channels_last)
    return torch.nn.ModuleDict({"unet": unet, "text_encoder": build_text_encoder(tokenizer)}).train()


def _loss(
    pair: torch.nn.ModuleDict, data: LatentSet, empty: torch.Tensor, abar: torch.Tensor, recipe: DenoiserRecipe,
    draw: int,
) -> torch.Tensor:  # fmt: skip
    rng = torch.Generator().manual_seed(recipe.seed * 1_000_003 + draw)
    chosen = torch.randint(len(data.latents), (recipe.batch,), generator=rng)
    clean = data.latents[chosen].float().contiguous(memory_format=torch.channels_last)
    tokens = data.tokens[chosen].long()
    tokens[torch.rand(recipe.batch, generator=rng) < recipe.caption_dropout] = empty
    times = torch.randint(len(abar), (recipe.batch,), generator=rng)
    noise = torch.randn(clean.shape, generator=rng)
    signal = abar[times]
    noisy = signal.sqrt().view(-1, 1, 1, 1) * clean + (1.0 - signal).sqrt().view(-1, 1, 1, 1) * noise
    states = pair["text_encoder"](tokens).last_hidden_state
    predicted = pair["unet"](noisy, times, states).sample
    ratio = signal / (1.0 - signal)
    weight = ratio.clamp(max=recipe.snr_limit) / ratio
    return ((predicted - noise).square().mean(dim=(1, 2, 3)) * weight).mean()
