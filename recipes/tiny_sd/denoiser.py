"""Stage 2: train the U-Net and the text encoder together on latents of captioned corpus pictures.

Epsilon prediction on Stable Diffusion's schedule, weights 1 / sqrt(SNR) (Yu et al., 2023, arXiv 2310.08442), one
caption in ten dropped for classifier-free guidance (Ho and Salimans, arXiv 2207.12598). Colours, numbers and places
are decided where noise is high, and there the plain loss of a wrong picture is almost nothing: SNR times its error.
With min-SNR weights, 1 there too, one surface in twelve had the colour of its caption after 605 steps. The rate is
constant and falls in the last steps only, so a run can be ended early or extended. The text encoder is trained from
scratch here and frozen afterwards, so words that no caption holds keep their random embeddings; Adam without weight
decay leaves those rows untouched.
"""

from __future__ import annotations

import copy
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import CLIPTextModel, CLIPTokenizer

from .architecture import build_scheduler, build_text_encoder, build_unet
from .latents import LatentChunks
from .muon import build_optimizers
from .precision import faster_precision
from .training import average_into, load_checkpoint, save_checkpoint, set_rates, trapezoid_share

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DenoiserRecipe:
    """Number of steps, batch, growth of the training set and rates; the defaults made the shipped weights."""

    steps: int = 13_000
    decay_steps: int = 2_500
    batch: int = 48
    chunks: int = 80
    first_chunks: int = 4
    steps_a_chunk: int = 80
    rate: float = 1e-3
    matrix_rate: float = 1e-2
    caption_dropout: float = 0.1
    average: float = 0.999
    seed: int = 1

    def chunks_at(self, step: int) -> int:
        """Number of chunks that step `step` draws from: more pictures are rendered while training goes on."""
        return min(self.first_chunks + step // self.steps_a_chunk, self.chunks)


def train_denoiser(
    data: LatentChunks, recipe: DenoiserRecipe, folder: Path, save_seconds: float = 600.0,
    precision: torch.dtype | None = None,
) -> tuple[UNet2DConditionModel, CLIPTextModel]:  # fmt: skip
    """Train from `folder/denoiser.pt` on, or from the start; returns the averaged U-Net and text encoder.

    A checkpoint is saved whenever `save_seconds` have passed. `precision` None: the faster of float32 and bfloat16.
    """
    torch.manual_seed(recipe.seed)
    pair = build_pair(data.tokenizer)
    average = copy.deepcopy(pair).requires_grad_(False).eval()
    optimizers = build_optimizers(pair, recipe.rate, recipe.matrix_rate)
    parts = {"pair": pair, "average": average, **optimizers}
    path = folder / "denoiser.pt"
    first, smooth, saved = load_checkpoint(path, parts), 1.0, time.monotonic()
    batches = _Batches(data, recipe)
    if first < recipe.steps and precision is None:
        trial = batches.draw(first)
        precision = faster_precision(lambda dtype: _loss(pair, trial, dtype).backward())
    for step in range(first, recipe.steps):
        set_rates(optimizers.values(), trapezoid_share(step, recipe.steps, recipe.decay_steps))
        loss = _loss(pair, batches.draw(step), precision or torch.float32)
        pair.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(pair.parameters(), 1.0)
        for optimizer in optimizers.values():
            optimizer.step()
        average_into(average, pair, step, recipe.average)
        smooth += max(0.01, 1.0 / (step - first + 1)) * (float(loss.detach()) - smooth)
        if step % 50 == 0:
            _log.info("denoiser step %d mean loss %.4f", step, smooth)
        if time.monotonic() - saved >= save_seconds or step + 1 == recipe.steps:
            save_checkpoint(path, step + 1, parts)
            saved = time.monotonic()
    return average["unet"], average["text_encoder"]


def build_pair(tokenizer: CLIPTokenizer) -> torch.nn.ModuleDict:
    """Untrained U-Net and text encoder, as one module with keys `unet` and `text_encoder`."""
    return torch.nn.ModuleDict({"unet": build_unet(), "text_encoder": build_text_encoder(tokenizer)}).train()


@dataclass(frozen=True)
class _Batch:
    noisy: torch.Tensor
    noise: torch.Tensor
    times: torch.Tensor
    tokens: torch.Tensor
    signal: torch.Tensor  # (N,) alpha bar at `times`


class _Batches:
    """Batches by step: what step `s` draws depends on the recipe and `s` alone, whenever a run was interrupted."""

    def __init__(self, data: LatentChunks, recipe: DenoiserRecipe) -> None:
        self._data, self._recipe = data, recipe
        self._latents: list[torch.Tensor] = []
        self._tokens: list[torch.Tensor] = []
        self._abar = build_scheduler().alphas_cumprod
        self._empty = data.tokenizer("", padding="max_length", return_tensors="pt").input_ids[0]

    def draw(self, step: int) -> _Batch:
        recipe = self._recipe
        while len(self._latents) < recipe.chunks_at(step):
            latents, tokens = self._data.chunk(len(self._latents))
            self._latents.append(latents)
            self._tokens.append(tokens)
        rng = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
        chunks = torch.randint(recipe.chunks_at(step), (recipe.batch,), generator=rng).tolist()
        rows = torch.randint(self._data.size, (recipe.batch,), generator=rng).tolist()
        places = list(zip(chunks, rows, strict=True))
        clean = torch.stack([self._latents[chunk][row] for chunk, row in places]).float()
        tokens = torch.stack([self._tokens[chunk][row] for chunk, row in places]).long()
        tokens[torch.rand(recipe.batch, generator=rng) < recipe.caption_dropout] = self._empty
        # one time from each of N equal intervals: the loss of a batch varies less than with independent times
        shares = (torch.arange(recipe.batch) + torch.rand(recipe.batch, generator=rng)) / recipe.batch
        times = (shares * len(self._abar)).long()
        noise = torch.randn(clean.shape, generator=rng)
        signal = self._abar[times]
        noisy = signal.sqrt().view(-1, 1, 1, 1) * clean + (1.0 - signal).sqrt().view(-1, 1, 1, 1) * noise
        return _Batch(noisy, noise, times, tokens, signal)


def _loss(pair: torch.nn.ModuleDict, batch: _Batch, dtype: torch.dtype) -> torch.Tensor:
    # on so few positions plain matrix products take less time than a fused kernel
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32), sdpa_kernel(SDPBackend.MATH):
        states = pair["text_encoder"](batch.tokens).last_hidden_state
        predicted = pair["unet"](batch.noisy, batch.times, states).sample
    weight = ((1.0 - batch.signal) / batch.signal).sqrt()
    return ((predicted.float() - batch.noise).square().mean(dim=(1, 2, 3)) * weight).mean()
