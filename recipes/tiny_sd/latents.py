"""Between the stages: latents of corpus pictures with the tokens of their captions, made a chunk at a time.

Chunks are made when training first asks for them, and cached, so that training begins at once and a step costs the
U-Net alone. There is no augmentation: the corpus is endless, so more pictures are rendered instead.
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
_BATCH = 50


@dataclass(frozen=True)
class LatentChunks:
    """Chunk `index` holds the pictures `first + index * size` and on, encoded by a frozen `autoencoder`."""

    corpus: Corpus
    autoencoder: AutoencoderKL
    tokenizer: CLIPTokenizer
    folder: Path
    size: int
    first: int

    def chunk(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents (size, 4, 32, 32) float16, sampled once, and tokens (size, 48) int32: from the cache, or made."""
        path = self.folder / f"latents-{index:04d}.safetensors"
        if not path.exists():
            aside = path.with_suffix(".new")
            latents, tokens = self._encode(self.first + index * self.size)
            save_file({"latents": latents, "tokens": tokens}, str(aside))
            aside.replace(path)
            _log.info("latents of chunk %d", index)
        stored = load_file(str(path))
        return stored["latents"], stored["tokens"]

    @torch.no_grad()
    def _encode(self, start: int) -> tuple[torch.Tensor, torch.Tensor]:
        noise = torch.Generator().manual_seed(start)
        chunks: list[torch.Tensor] = []
        captions: list[str] = []
        for index in range(start, start + self.size, _BATCH):
            pictures = [self.corpus.render(i) for i in range(index, min(index + _BATCH, start + self.size))]
            captions += [picture.caption for picture in pictures]
            images = as_images(np.stack([picture.pixels for picture in pictures]))
            chunks.append(self.autoencoder.encode(images).latent_dist.sample(noise).half())
        tokens = self.tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids
        return torch.cat(chunks), tokens.to(torch.int32)


def as_images(pixels: np.ndarray) -> torch.Tensor:
    """(N, 3, S, S) float32 in [-1, 1] of (N, S, S, 3) uint8 pixels."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous().float() / 127.5 - 1.0
