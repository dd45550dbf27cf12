"""What a fit and an image cost on the machine at hand: seconds and memory, shown and never judged.

On the CPU memory is the process's peak, so its rise is what the generator needed beyond what the process had needed
before; in a fresh process (`ldbench check`) that is close to all of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ldbench.records.result import Stage
from ldbench.run.environment import timed
from ldbench.testing import contract
from ldbench.testing.finding import Finding, measured


class Cost:
    """Seconds and peak memory of stages on a device."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = {}
        self.peaks: list[Stage] = []
        with timed("before", self.peaks, device):
            pass

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure the block under this name."""
        start = time.perf_counter()  # `timed` rounds to milliseconds, more than an image may take
        with timed(name, self.peaks, self.device):
            yield
            if self.device.type == "cuda":
                torch.cuda.synchronize(self.device)
        self.seconds[name] = time.perf_counter() - start

    def findings(self, images: int) -> list[Finding]:
        """Time and memory, in words; `images` is how many the stage `generate` made."""
        each = self.seconds["generate"] / images
        seconds = f"fit {self.seconds['fit']:.2g} s, {each:.2g} s an image, {images} at a time on {self.device.type}"
        before, fit, generate = (stage.peak_memory_mib or 0.0 for stage in self.peaks)
        if self.device.type == "cuda":
            memory = f"peak on the device {fit:.0f} MiB in fit, {generate:.0f} MiB for {images} images"
        else:
            rise = (generate - fit) / images
            memory = f"process peak {before:.0f} MiB before, {fit:.0f} after fit, {rise:.2g} MiB more an image"
        return [measured(contract.SECONDS, seconds), measured(contract.MEMORY, memory)]
