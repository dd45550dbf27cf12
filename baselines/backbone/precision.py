"""The number formats that networks compute in."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

Precision = Literal["float32", "bfloat16", "float16"]


def arithmetic(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Autocast to `precision` on a device; nothing for float32."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=getattr(torch, precision))
