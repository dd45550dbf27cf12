"""Between the stages: encode corpus pictures once with the frozen encoder, with the tokens of their captions.

Refuses to augment: the corpus is endless, so more pictures are rendered instead of turning the same ones.
"""

from __future__ import annotations

import logging
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file, save_file
from transformers import CLIPTokenizer

from .corpus import Corpus

_log = logging.getLogger(__name__)
_CHUNK, _BATCH = 3200, 64


@dataclass(frozen=True)
class LatentSet:
    """Scaled latents (N, 4, 16, 16) float16 of unit spread, caption tokens (N, 48) int32, and the scale used."""

    latents: torch.Tensor
    tokens: torch.Tensor
    scaling_factor: float


def load_latents(path: Path) -> LatentSet:
    """The latents that `encode_corpus` wrote."""
    stored = load_file(str(path))
    scale = float(stored["scale"])
    return LatentSet((stored["latents"].float() * scale).half(), stored["tokens"], scale)


def encode_corpus(
    seed: int, autoencoder: AutoencoderKL, tokenizer: CLIPTokenizer, first: int, count: int, path: Path, workers: int
) -> LatentSet:
    """Latents of pictures `first` to `first + count` of the corpus of `seed`, sampled once; cached in `path`."""
    if path.exists():
        return load_latents(path)
    starts = range(first, first + count, _CHUNK)
    jobs = [(seed, autoencoder, start, min(start + _CHUNK, first + count)) for start in starts]
    if workers == 1:
        results = [_encode(*job) for job in jobs]
    else:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            results = list(pool.map(_encode, *zip(*jobs, strict=True)))
    latents = torch.from_numpy(np.concatenate([values for values, _ in results]))
    captions = [caption for _, words in results for caption in words]
    tokens = tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids
    scale = 1.0 / latents.float().std()
    aside = path.with_suffix(".new")
    save_file({"latents": latents, "tokens": tokens.to(torch.int32), "scale": scale.reshape(1)}, str(aside))
    aside.replace(path)
    return load_latents(path)


@torch.no_grad()
def _encode(seed: int, autoencoder: AutoencoderKL, start: int, stop: int) -> tuple[np.ndarray, list[str]]:
    """Unscaled float16 latents and captions of pictures `start` to `stop`."""
    torch.set_num_threads(1)
    corpus = Corpus(seed)
    noise = torch.Generator().manual_seed(start)
    chunks: list[torch.Tensor] = []
    captions: list[str] = []
    for index in range(start, stop, _BATCH):
        pictures = [corpus.render(i) for i in range(index, min(index + _BATCH, stop))]
        captions += [picture.caption for picture in pictures]
        pixels = torch.from_numpy(np.stack([picture.pixels for picture in pictures]))
        images = (pixels.permute(0, 3, 1, 2).float() / 127.5 - 1.0).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            posterior = autoencoder.encode(images).latent_dist
        mean, deviation = posterior.mean.float(), posterior.std.float()
        chunks.append((mean + deviation * torch.randn(mean.shape, generator=noise)).half().contiguous())
    _log.info("latents of pictures %d to %d", start, stop)
    return torch.cat(chunks).numpy(), captions
