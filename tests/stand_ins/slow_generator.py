"""A generator that takes its time, for tests that interrupt it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from ldbench.api import Context, Generator, Request, TrainingSet


@dataclass
class Slow(Generator):
    """Smooth noise from each request's seed, `pause` seconds a batch."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})
    pause: float = 0.0
    broken: bool = False

    def fit(self, train: TrainingSet, context: Context) -> None:
        """Fail when told to."""
        if self.broken:
            raise ZeroDivisionError("told to")

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """Blurred noise."""
        time.sleep(self.pause)
        noise = torch.stack([request.noise(context.image_shape) for request in requests])
        return torch.nn.functional.avg_pool2d(noise, 5, 1, 2).sigmoid()
