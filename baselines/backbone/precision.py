"""The number formats that networks compute in."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal, get_args

import torch

from ldbench.errors import UsageError

Precision = Literal["float32", "bfloat16", "float16"]


FIRST_WITH_BFLOAT16 = 8  # CUDA's compute capability; older cards emulate it, several times slower than float16


def automatic_precision(device: torch.device) -> Precision:
    """On a GPU bfloat16 where its own units compute in it, else float16; float32 on everything else."""
    if device.type != "cuda":
        return "float32"
    major, _ = torch.cuda.get_device_capability(device)
    return "bfloat16" if major >= FIRST_WITH_BFLOAT16 else "float16"


def check_precision(precision: Precision, device: torch.device) -> None:
    """UsageError for a precision that is none, or that the device can't compute in."""
    if precision not in get_args(Precision):
        raise UsageError(f"precision: expected one of {', '.join(get_args(Precision))}, got {precision!r}")
    if precision == "float16" and device.type == "cpu":
        raise UsageError("precision: float16 needs a GPU, got device cpu; give --set precision=float32 or bfloat16")


def arithmetic(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Autocast to `precision` on a device, for a network that holds float32; nothing for float32.

    A network in half precision needs none: on CUDA autocast has each norm in float32, and a sampling step of Stable
    Diffusion 1.4 with guidance takes 1.28 times as long (docs/measurements/gpu.md).
    """
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=getattr(torch, precision))


def first_parameter(network: torch.nn.Module) -> torch.nn.Parameter:
    """The parameter whose type and device are those of the network.

    Diffusers' `network.dtype` and `network.device` answer the same, but walk all modules each time they are read.
    """
    return next(network.parameters())


def has_masters(device: torch.device, precision: Precision) -> bool:
    """Whether a network holds bfloat16 while it is trained, beside float32 masters: on a GPU that computes in it.

    Elsewhere it holds float32, and autocast rounds where the precision asks for it.
    """
    return device.type == "cuda" and precision == "bfloat16"
