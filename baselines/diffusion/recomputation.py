"""What a training step keeps for its backward pass, and which blocks compute it again instead.

The blocks at the top resolution hold most of what is kept for a small part of the operations. The U-Net is run on the
meta device, which holds shapes and no numbers, with torch's own hooks on what autograd saves.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch.autograd.graph import saved_tensors_hooks
from torch.overrides import TorchFunctionMode

Recomputed = Literal["nothing", "top", "all"]
WORTH_IT = 2**30  # bytes that the top blocks keep, above which they are computed again on a GPU


@dataclass(frozen=True)
class Kept:
    """Bytes that one image's step keeps, by what is computed again."""

    nothing: int
    top: int
    all: int

    def bytes(self, recomputed: Recomputed, images: int) -> int:
        """Bytes of a step of so many images."""
        return images * int(getattr(self, recomputed))

    def choice(self, images: int, free: int) -> Recomputed:
        """The least that is worth computing again, so that `images` fit into `free` bytes where that can be."""
        if self.bytes("top", images) > free:
            return "all"
        worth_it = images * (self.nothing - self.top) > WORTH_IT
        return "top" if worth_it or self.bytes("nothing", images) > free else "nothing"


def free_bytes(device: torch.device) -> int | None:
    """Bytes of a GPU that this process has or may have; None on a CPU, whose memory isn't asked."""
    if device.type != "cuda":
        return None
    return int(torch.cuda.mem_get_info(device)[0]) + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(
        device
    )


def recompute(unet: Any, which: Recomputed) -> None:
    """Make the U-Net compute again, in the backward pass, what its blocks keep: of the top resolution, of all, or not.
    """
    unet.disable_gradient_checkpointing()
    if which == "nothing":
        return
    unet.enable_gradient_checkpointing()
    if which == "top":
        top = {id(module) for block in (unet.down_blocks[0], unet.up_blocks[-1]) for module in block.modules()}
        for module in unet.modules():
            if id(module) not in top and getattr(module, "gradient_checkpointing", False):
                module.gradient_checkpointing = False


def kept(unet: Any, latent_size: tuple[int, int], tokens: int, dtype: torch.dtype) -> Kept:
    """What a step keeps of an image with a U-Net of this one's configuration that computes in `dtype`, its weights
    apart. Counted once a process: a run asks before it starts and when it fits."""
    kind: Any = type(unet)
    return _kept(kind, json.dumps(dict(unet.config), sort_keys=True), latent_size, tokens, dtype)


@functools.cache
def _kept(kind: Any, config: str, latent_size: tuple[int, int], tokens: int, dtype: torch.dtype) -> Kept:
    with torch.device("meta"):
        unet = kind.from_config(json.loads(config)).requires_grad_(True)
    torch.nn.Module.to(unet, dtype)
    sizes: dict[str, int] = {}
    for which in ("nothing", "top", "all"):
        recompute(unet, which)
        sizes[which] = _saved(unet, latent_size, tokens, dtype)
    return Kept(**sizes)


def _saved(unet: Any, latent_size: tuple[int, int], tokens: int, dtype: torch.dtype) -> int:
    """Bytes of the tensors that autograd saves in one call, each storage once."""
    own = {value.untyped_storage()._cdata for value in unet.parameters()}
    saved: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage()._cdata not in own:
            saved[tensor.untyped_storage()._cdata] = tensor  # held, so that no other takes its place
        return tensor

    latent = torch.empty(1, unet.config.in_channels, *latent_size, device="meta", dtype=dtype)
    text = torch.empty(1, tokens, unet.config.cross_attention_dim, device="meta", dtype=dtype)
    with saved_tensors_hooks(pack, lambda tensor: tensor), _FusedAttention():
        loss = unet(latent, torch.zeros((), dtype=torch.int64, device="meta"), text).sample
        total = sum(tensor.untyped_storage().nbytes() for tensor in saved.values())
    del loss
    return total


class _FusedAttention(TorchFunctionMode):
    """Attention that keeps its inputs and its output, as fused kernels do; on the meta device torch would take it apart
    and keep the matrix of all pairs."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Replace attention alone."""
        if func is F.scaled_dot_product_attention:
            named = dict(zip(("query", "key", "value"), args, strict=False)) | dict(kwargs or {})
            return _Attention.apply(named["query"], named["key"], named["value"])  # type: ignore[no-untyped-call]
        return func(*args, **(kwargs or {}))


class _Attention(torch.autograd.Function):
    """What attention keeps; it computes nothing."""

    @staticmethod
    def forward(ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """The output's shape."""
        output = torch.empty_like(query)
        ctx.save_for_backward(query, key, value, output)
        return output
