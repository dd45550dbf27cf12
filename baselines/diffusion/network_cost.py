"""What a backbone costs, told from its files without loading them: operations of one U-Net call, and bytes.

The U-Net is built on the meta device, which holds shapes and no numbers, and its operations are counted there by
torch. Estimates leave out the autoencoder and the text encoder, which run once an image. Refuses what `find_backbone`
refuses, in its words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from ..backbone.parts import CLASSES
from ..backbone.precision import Precision
from ..backbone.source import find_backbone
from .latent_diffusion import ImageShape

TRAINING_PASSES = 3  # a step forward and back costs about three passes forward (Kaplan et al. 2020, arXiv 2001.08361)
STATE = 3  # beside float32 weights: their gradient and AdamW's two moments
CHECKPOINTED = 4  # weights, two moments and the average are kept on disk


@dataclass(frozen=True)
class NetworkCost:
    """Operations of one U-Net call on one image, bytes of all weights in the run's precision, and of the U-Net's own in
    float32, in which what is trained is kept."""

    flops: float
    weight_bytes: int
    trained_bytes: int


def network_cost(name: str, precision: Precision, image_shape: ImageShape) -> NetworkCost:
    """The cost of the backbone `name` for images `(3, H, W)`; `WeightsError` where there is none on this disk."""
    configs = find_backbone(name, precision, download=False).configs
    parts = {part: _empty(part, configs[part]) for part in CLASSES}
    shrink = 2 ** (len(parts["vae"].config.block_out_channels) - 1)
    tokens = parts["text_encoder"].config.max_position_embeddings
    flops = call_flops(parts["unet"], (image_shape[1] // shrink, image_shape[2] // shrink), tokens)
    width = getattr(torch, precision).itemsize
    counts = {part: sum(value.numel() for value in model.parameters()) for part, model in parts.items()}
    return NetworkCost(flops, width * sum(counts.values()), 4 * counts["unet"])


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
