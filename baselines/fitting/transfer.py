"""Between the host and the device without either waiting for the other.

A copy out of ordinary memory makes the host wait until the device has come to it; one out of pinned memory is left to
the device's own queue. Numbers on their way back arrive in pinned memory and are read when they are needed. What every
step reads stays on the device where it takes little of its memory.
"""

from __future__ import annotations

import torch

from ..diffusion.recomputation import free_bytes

RESIDENT_SHARE = 1 / 20  # of a GPU's free memory that a tensor may take to stay there: 30,000 latents of 512 px in 4 GB


def sent(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The tensor on `device`; a GPU fetches it when its queue comes to it."""
    if device.type != "cuda" or tensor.device.type != "cpu":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def resident(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The tensor on a GPU where it takes little of what is free there; else, and on a CPU, the tensor as it is."""
    free = free_bytes(device)
    # not pinned first: it is copied once, and pinned memory of its size would be held on the host beside it
    return tensor if free is None or tensor.nbytes > free * RESIDENT_SHARE else tensor.to(device)


def pinned(count: int) -> torch.Tensor:
    """So many float32 values in pinned memory, unset."""
    return torch.empty(count, pin_memory=True)


class Arriving:
    """A number of the device's, asked for now and waited for when it is read by `float`."""

    def __init__(self, value: torch.Tensor) -> None:
        """`value ()`; of the CPU's it is there already."""
        self.late = value.device.type == "cuda"
        self._value = value.detach()
        if self.late:
            self._value = torch.empty((), dtype=value.dtype, pin_memory=True)
            self._value.copy_(value.detach(), non_blocking=True)
            self._there = torch.cuda.Event()
            self._there.record(torch.cuda.current_stream(value.device))

    def __float__(self) -> float:
        if self.late:
            self._there.synchronize()
        return float(self._value)
