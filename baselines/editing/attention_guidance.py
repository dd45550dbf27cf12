"""Cross-attention guidance (Parmar et al. 2023, arXiv 2302.03027, Sec. 3.2): an edit's attention stays its source's.

A map A (heads, pixels, tokens) says which token each pixel of a cross-attention layer looks at, and so holds the
structure of the image. Each reverse step of the edit is preceded by one step down L_xa = sum ||A_edit - A_ref||^2 on
z_t, over all layers, heads, pixels and tokens. The reference, the same steps under the source's text, goes one step at
a time with the edit, so only the maps of one timestep are ever held.

The Latent Drifting paper ablates a tau that it doesn't define; it is taken for this weight. The code of Pix2Pix-Zero's
authors averages over heads, and over both halves of classifier-free guidance, of which one is blind to the edit: its
0.1 is 0.1 / (2 heads) here.

The U-Net's own attention processors are put back after every use, whatever happens. An unconditional U-Net has no maps
and is not guided. Shapes: B images, H heads, P pixels, L tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from ..diffusion.sampling import Predict, ReverseStep


@dataclass(frozen=True)
class AttentionGuidance:
    """A `sampling.Guide`: one gradient step on z_t towards the attention of `reference`, which goes one step with it.

    `predict` is the network under the edited text, without classifier-free guidance.
    """

    unet: torch.nn.Module
    predict: Predict
    reference: Iterator[ReverseStep]
    weight: float

    def __call__(self, z_BChw: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """z_t - weight * gradient, `(B, C, h, w)`; the images' losses are summed, so each moves as if it were alone."""
        with attention_maps(self.unet) as reference:
            next(self.reference)
        with torch.enable_grad(), attention_maps(self.unet) as edited:
            z = z_BChw.detach().requires_grad_()
            self.predict(z, t)
            (gradient,) = torch.autograd.grad(map_distance(edited, reference).sum(), z)
        return z_BChw.detach() - self.weight * gradient


def map_distance(edited: Sequence[torch.Tensor], reference: Sequence[torch.Tensor]) -> torch.Tensor:
    """L_xa `(B,)`: the squared differences of maps `(B, H, P, L)`, one a layer, summed."""
    pairs = zip(edited, reference, strict=True)
    return torch.stack([((one - other) ** 2).sum((1, 2, 3)) for one, other in pairs]).sum(0)


@contextmanager
def attention_maps(unet: torch.nn.Module) -> Iterator[list[torch.Tensor]]:
    """A list that the U-Net's calls fill with their cross-attention maps `(B, H, P, L) float32`, a layer at a time."""
    layers: list[Any] = [module for name, module in unet.named_modules() if name.endswith("attn2")]
    processors, maps = [layer.get_processor() for layer in layers], list[torch.Tensor]()
    try:
        for layer in layers:
            layer.set_processor(_WrittenOut(maps))
        yield maps
    finally:
        for layer, processor in zip(layers, processors, strict=True):
            layer.set_processor(processor)


@dataclass(frozen=True)
class _WrittenOut:
    """Cross-attention as softmax(q k^T / sqrt(d)) v, in float32, because the fused kernel never shows its map."""

    maps: list[torch.Tensor] = field(repr=False)

    def __call__(
        self, attn: Any, hidden_states: torch.Tensor, encoder_hidden_states: torch.Tensor,
        attention_mask: None = None, temb: None = None,
    ) -> torch.Tensor:
        query, key, value = (
            x.unflatten(2, (attn.heads, -1)).transpose(1, 2)
            for x in (attn.to_q(hidden_states), attn.to_k(encoder_hidden_states), attn.to_v(encoder_hidden_states))
        )
        with torch.autocast(query.device.type, enabled=False):
            weights = (attn.scale * query.float() @ key.float().transpose(2, 3)).softmax(-1)
            mixed = weights @ value.float()
        self.maps.append(weights)
        out: torch.Tensor = attn.to_out[1](attn.to_out[0](mixed.to(value.dtype).transpose(1, 2).flatten(2)))
        return out
