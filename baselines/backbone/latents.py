"""Between the stages: encode corpus pictures once with the frozen encoder, with the tokens of their captions.

Refuses to augment: the corpus is endless, so more pictures are rendered instead of turning the same ones.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file, save_file
from transformers import CLIPTokenizer

from .corpus import Corpus

_log = logging.getLogger(__name__)
_CHUNK = 64


@dataclass(frozen=True)
class LatentSet:
    """Scaled latents (N, 4, 16, 16) float16 of unit spread, caption tokens (N, 48) int32, and the scale used."""

    latents: torch.Tensor
    tokens: torch.Tensor
    scaling_factor: float


def encode_corpus(
    corpus: Corpus, autoencoder: AutoencoderKL, tokenizer: CLIPTokenizer, first: int, count: int, path: Path, seed: int
) -> LatentSet:
    """Latents of pictures `first` to `first + count`, sampled once from the posterior; cached in `path`."""
    if not path.exists():
        latents, captions = _encode(corpus, autoencoder, first, count, seed)
        tokens = tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids
        scale = 1.0 / latents.float().std()
        aside = path.with_suffix(".new")
        save_file({"latents": latents, "tokens": tokens.to(torch.int32), "scale": scale.reshape(1)}, str(aside))
        aside.replace(path)
    stored = load_file(str(path))
    scale = float(stored["scale"])
    return LatentSet((stored["latents"].float() * scale).half(), stored["tokens"], scale)


@torch.no_grad()
def _encode(
    corpus: Corpus, autoencoder: AutoencoderKL, first: int, count: int, seed: int
) -> tuple[torch.Tensor, list[str]]:
    noise = torch.Generator().manual_seed(seed)
    chunks: list[torch.Tensor] = []
    captions: list[str] = []
    for start in range(first, first + count, _CHUNK):
        pictures = [corpus.render(index) for index in range(start, min(start + _CHUNK, first + count))]
        captions += [picture.caption for picture in pictures]
        pixels = torch.from_numpy(np.stack([picture.pixels for picture in pictures]))
        images = (pixels.permute(0, 3, 1, 2).float() / 127.5 - 1.0).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            posterior = autoencoder.encode(images).latent_dist
        chunks.append((posterior.mean.float() + posterior.std.float() * _normal(posterior.mean, noise)).half())
        if (start - first) % (20 * _CHUNK) == 0:
            _log.info("latents of %d of %d pictures", len(captions), count)
    return torch.cat(chunks).contiguous(), captions


def _normal(like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return torch.randn(like.shape, generator=generator)
