"""A whole ldbench plugin: the mean of the training images with smooth noise on top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch.nn.functional import avg_pool2d

from ldbench.api import Context, Generator, Preset, Request, TrainingSet


@dataclass
class BlurredNoise(Generator):
    """Mean training image plus box-blurred noise: the right average, and nothing else."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})
    reason: ClassVar[str] = "It looks at no source image, so it can't edit one."
    strength: float = 0.3
    radius: int = 2
    _mean: torch.Tensor = field(default_factory=lambda: torch.zeros(()), init=False, repr=False)

    def fit(self, train: TrainingSet, context: Context) -> None:
        """Average the training images."""
        self._mean = torch.stack([train[index].image for index in range(len(train))]).mean(0)

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """One image a request, `(N, 3, H, W) float32 in [0, 1]`."""
        noise = torch.stack([request.noise((1, *context.image_shape[1:])) for request in requests])
        smooth = avg_pool2d(noise, 2 * self.radius + 1, stride=1, padding=self.radius)
        return (self._mean + self.strength * smooth).clamp(0, 1)


FAINT = Preset(BlurredNoise, {"strength": 0.1}, "The same with a third of the noise.")
