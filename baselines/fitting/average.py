"""The exponential moving average of what is trained: on the CPU beside it, on a GPU in the host's pinned memory.

On a GPU the average would be a second copy of all that is trained. There it passes by in portions: fetched, brought
nearer, sent back, in two queues of their own while the next step's gradients are computed, so that both directions of
the bus are busy. Portions for which the host has no memory to pin stay on the device. The arithmetic is the device's
either way.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import torch

from ldbench.api import out_of_memory

from .transfer import pinned

logger = logging.getLogger("ldbench.memory")  # from where a run takes it into its result
VALUES_AT_ONCE = 2**24  # of them pass by in a portion, 64 MiB; a larger tensor is a portion of its own


def decay_at(step: int, decay: float) -> float:
    """The decay after step `step` (from 0), smaller at the start so that the initial values are soon forgotten."""
    return min(decay, (1 + step) / (10 + step))


class Average:
    """Averages of `values`, by name, on their own device; without any if `decay` is 0, which costs no memory."""

    def __init__(self, values: Mapping[str, torch.Tensor], decay: float) -> None:
        self.decay, self.source = decay, values if decay > 0 else {}
        self.values = self._copied()

    def _copied(self) -> dict[str, torch.Tensor]:
        return {name: value.detach().clone() for name, value in self.source.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Bring the averages nearer to the values after step `step`."""
        if self.values:
            weight = 1 - decay_at(step, self.decay)
            torch._foreach_lerp_(list(self.values.values()), list(self.source.values()), weight)

    def hold_back(self) -> None:
        """Let what the device is asked from now on wait until the averages have read the values."""

    def wait(self) -> None:
        """Return when the averages may be read."""


class HostAverage(Average):
    """Averages of values on a GPU, in the host's pinned memory as far as there is some.

    The values must not change before `hold_back`.
    """

    def __init__(self, values: Mapping[str, torch.Tensor], decay: float) -> None:
        self._device = next(iter(values.values())).device
        super().__init__(values, decay)
        size = max((sum(self._sizes[name] for name in names) for names in self._portions), default=0)
        both = range(2 if self.values else 0)
        self._queues = [(torch.cuda.Stream(self._device), torch.empty(size, device=self._device)) for _ in both]

    def _copied(self) -> dict[str, torch.Tensor]:
        self._sizes = {name: value.numel() for name, value in self.source.items()}
        self._portions = _portions(self._sizes)
        self._kept = _memory([sum(self._sizes[name] for name in names) for names in self._portions], self._device)
        copies: dict[str, torch.Tensor] = {}
        for names, memory in zip(self._portions, self._kept, strict=True):
            copies |= self._views(names, memory)
        for name, copy in copies.items():
            copy.copy_(self.source[name].detach())
        return copies

    def _views(self, names: list[str], memory: torch.Tensor) -> dict[str, torch.Tensor]:
        """A portion's tensors in one stretch of memory, each in its value's layout."""
        pieces = memory[: sum(self._sizes[name] for name in names)].split([self._sizes[name] for name in names])
        return {
            name: torch.as_strided(piece, self.source[name].shape, self.source[name].stride(), piece.storage_offset())
            for name, piece in zip(names, pieces, strict=True)
        }

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Ask the device to bring the averages nearer to the values after step `step`."""
        weight = 1 - decay_at(step, self.decay)
        for stream, _ in self._queues:
            stream.wait_stream(torch.cuda.current_stream(self._device))
        for index, (names, kept) in enumerate(zip(self._portions, self._kept, strict=True)):
            stream, memory = self._queues[index % 2]
            passing = memory[: kept.numel()]
            with torch.cuda.stream(stream):
                passing.copy_(kept, non_blocking=True)
                views = self._views(names, memory)
                torch._foreach_lerp_(list(views.values()), [self.source[name].detach() for name in names], weight)
                kept.copy_(passing, non_blocking=True)

    def hold_back(self) -> None:
        """Let what the device is asked from now on wait until the averages have read the values."""
        for stream, _ in self._queues:
            torch.cuda.current_stream(self._device).wait_stream(stream)

    def wait(self) -> None:
        """Return when the averages may be read."""
        for stream, _ in self._queues:
            stream.synchronize()


def _memory(sizes: Sequence[int], device: torch.device) -> list[torch.Tensor]:
    """So many float32 values each, unset: in pinned memory as far as the host has it, the others on the device."""
    memory: list[torch.Tensor] = []
    try:
        for size in sizes:
            memory.append(pinned(size))
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        rest = sum(sizes[len(memory) :]) * 4 // 2**20
        logger.warning("fit: the host has no memory to pin for %d MiB of the moving average, kept on the device", rest)
    return memory + [torch.empty(size, device=device) for size in sizes[len(memory) :]]


def _portions(sizes: Mapping[str, int]) -> list[list[str]]:
    """Names in order, in runs of at most `VALUES_AT_ONCE` values where no single one has more."""
    portions: list[list[str]] = []
    held = 0
    for name, size in sizes.items():
        if not portions or held + size > VALUES_AT_ONCE:
            portions.append([])
            held = 0
        portions[-1].append(name)
        held += size
    return portions
