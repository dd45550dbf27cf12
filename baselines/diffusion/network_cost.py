"""What a backbone costs, told from its files without loading them: operations of one U-Net call, and bytes.

The U-Net is built on the meta device, which holds shapes and no numbers, and its operations are counted there by torch.
Estimates leave out the autoencoder and the text encoder, which run once an image. Its errors are those of
`find_backbone`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from ..backbone.parts import CLASSES
from ..backbone.precision import Precision
from ..backbone.source import find_backbone
from .latent_diffusion import ImageShape
from .recomputation import kept

TRAINING_PASSES = 3  # a step forward and back costs about three passes forward (Kaplan et al. 2020, arXiv 2001.08361)
FLOAT32 = 4  # bytes
GRADIENT, MOMENTS = 1, 2  # beside each trained value; the moments are AdamW's


@dataclass(frozen=True)
class NetworkCost:
    """Operations of one U-Net call on one image, bytes of all weights in the run's precision, and of the U-Net's own in
    float32, in which what is trained is kept. `unet` is on the meta device, `text_width` that of a word's embedding,
    `latent_bytes` those of one image's latent as it is kept on disk."""

    flops: float
    weight_bytes: int
    trained_bytes: int
    unet: Any
    text_width: int
    value_bytes: int
    latent_size: tuple[int, int]
    tokens: int
    latent_bytes: int

    def fit_bytes(self, trained: Trained, free: int | None = None) -> int:
        """Bytes on the device of weights, gradients, optimiser and average in a fit.

        On a GPU, of which `free` bytes are, the average lies in the host's memory, and what a step keeps for its
        backward pass is counted too; on a CPU it comes on top. Not counted are the training set's latents, which stay
        on a GPU where they take at most a twentieth of what is free.
        """
        if free is None:
            held = FLOAT32 * (trained.values * (GRADIENT + MOMENTS + trained.averaged) + trained.beside)
        elif trained.masters:
            held = trained.values * (FLOAT32 * (1 + MOMENTS) + self.value_bytes) + self.value_bytes * trained.beside
        else:
            held = FLOAT32 * (trained.values * (GRADIENT + MOMENTS) + trained.beside)
        held += self.weight_bytes
        if trained.float32_unet and self.value_bytes < FLOAT32 and not trained.masters:
            held += self.trained_bytes  # beside it the copy that autocast makes in the run's precision
        return held if free is None else held + self._step_bytes(trained, free - held)

    def _step_bytes(self, trained: Trained, free: int) -> int:
        """Bytes that a step keeps; where autocast rounds, both precisions are kept, which float32 covers."""
        step = kept(self.unet, self.latent_size, self.tokens, torch.bfloat16 if trained.masters else torch.float32)
        which = "all" if trained.recomputed else step.choice(trained.images, free)
        return step.bytes(which, trained.images)


@dataclass(frozen=True)
class Trained:
    """How many values a fit trains: weights of the U-Net `inside` it, and others `beside` the network's own.

    `float32_unet` says whether the whole U-Net is kept in float32 where it has no `masters`, `averaged` whether what is
    trained is averaged too. `images` go through the network at a time; all its blocks are `recomputed` backward, or as
    memory asks.
    """

    inside: int
    beside: int
    float32_unet: bool
    averaged: bool
    images: int = 1
    recomputed: bool = False
    masters: bool = False

    @property
    def values(self) -> int:
        """All of them."""
        return self.inside + self.beside

    @property
    def checkpoint_bytes(self) -> int:
        """Bytes of one checkpoint: what is trained, its moments, its average."""
        return FLOAT32 * self.values * (1 + MOMENTS + self.averaged)

    @property
    def result_bytes(self) -> int:
        """Bytes of what a fit leaves: what is trained, or its average."""
        return FLOAT32 * self.values


def network_cost(name: str, precision: Precision, image_shape: ImageShape) -> NetworkCost:
    """The cost of the backbone `name` for images `(3, H, W)`; `WeightsError` where there is none on this disk."""
    configs = find_backbone(name, precision, download=False).configs
    return _cost(json.dumps({part: configs[part] for part in CLASSES}), precision, image_shape)


@lru_cache(maxsize=8)  # building and counting takes a third of a second; a dry run asks for every row
def _cost(configs: str, precision: Precision, image_shape: ImageShape) -> NetworkCost:
    """The cost of the backbone whose parts have these configs, as JSON."""
    parts = {part: _empty(part, config) for part, config in json.loads(configs).items()}
    shrink = 2 ** (len(parts["vae"].config.block_out_channels) - 1)
    tokens = parts["text_encoder"].config.max_position_embeddings
    latent_size = image_shape[1] // shrink, image_shape[2] // shrink
    flops = call_flops(parts["unet"], latent_size, tokens)
    width = getattr(torch, precision).itemsize
    counts = {part: sum(value.numel() for value in model.parameters()) for part, model in parts.items()}
    return NetworkCost(
        flops, width * sum(counts.values()), FLOAT32 * counts["unet"], parts["unet"],
        parts["text_encoder"].config.hidden_size, width, latent_size, tokens,
        FLOAT32 * parts["vae"].config.latent_channels * latent_size[0] * latent_size[1],
    )


def call_flops(unet: Any, latent_size: tuple[int, int], tokens: int) -> float:
    """Floating-point operations of one call of a U-Net on the meta device, on one latent of this size."""
    latent = torch.empty(1, unet.config.in_channels, *latent_size, device="meta")
    text = torch.empty(1, tokens, unet.config.cross_attention_dim, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        unet(latent, torch.zeros((), dtype=torch.int64, device="meta"), text)
    return float(counter.get_total_flops())


def _empty(part: str, config: dict[str, Any]) -> Any:
    """The model that a config describes, without numbers."""
    with torch.device("meta"):
        if part == "text_encoder":
            cls = CLASSES[part]
            return cls(cls.config_class.from_dict(config))
        return CLASSES[part].from_config(config)
