"""A generator whose best setting is known: training images, too dark by 0.1, with `offset` added."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import torch

from ldbench.api import Context, Generator, Moment, Request, TrainingSet


@dataclass
class Toy(Generator):
    """Lifts training images off black and white first, so that no shift is cut off. Each fit leaves a line behind."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})
    sampling_parameters: ClassVar[frozenset[str]] = frozenset({"offset", "mode", "broken"})

    offset: float = 0.0
    contrast: float = 1.0
    mode: str = "plain"
    broken: bool = False

    _images: dict[str, torch.Tensor] = field(default_factory=dict, init=False, repr=False)

    def fit(self, train: TrainingSet, context: Context) -> None:
        """Remember the training images."""
        examples = [train[index] for index in range(len(train))]
        self._images = {example.id: example.image for example in examples}
        with (context.folder / "fits").open("a", encoding="utf-8") as file:
            file.write(f"{self.contrast}\n")

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """Training images, shifted, with a little noise of each request's own."""
        if self.broken:
            raise ZeroDivisionError("told to")
        noise = torch.stack([0.02 * request.noise(context.image_shape) for request in requests])
        images = torch.stack([self._of(request) for request in requests])
        return (images * self.contrast - 0.1 + self.offset + noise).clamp(0, 1)

    def _of(self, request: Request) -> torch.Tensor:
        return self._images.get(request.case.id, next(iter(self._images.values())))


@dataclass
class SeeThrough(Toy):
    """The same with latents (a quarter of the pixels) and a reverse process of `steps` steps."""

    steps: int = 8

    def encode(self, images: torch.Tensor, context: Context) -> torch.Tensor:
        """Every second pixel, centred: four channels, the last of them without signal."""
        small = images[:, :, ::2, ::2] * 4 - 2
        return torch.cat([small, torch.zeros_like(small[:, :1])], dim=1)

    def trajectory(self, requests: Sequence[Request], context: Context) -> Iterator[Moment]:
        """Noise that fades."""
        images = self.generate(requests, context)
        latents = self.encode(images, context)
        noise = torch.stack([request.noise(latents.shape[1:]) for request in requests])
        for step in range(1, self.steps + 1):
            left = 1 - step / self.steps
            yield Moment(step, self.steps, int(1000 * left), (1 - left) * latents + left * noise, images)


@dataclass
class Read(Toy):
    """The same, darkened by what two files say, one that a parameter names and one beside it."""

    level: str = "level.txt"
    bias: str = "auto"

    def fit(self, train: TrainingSet, context: Context) -> None:
        """Download the second file, where it isn't there."""
        super().fit(train, context)
        if not self._beside.exists():
            self._beside.write_text("0", encoding="utf-8")

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """Darker by the sum of both."""
        dark = sum(float(path.read_text(encoding="utf-8")) for path in (Path(self.level), self._beside))
        return super().generate(requests, context) * (1 - dark)

    def files(self, context: Context) -> Mapping[str, Mapping[str, Path]]:
        """What no parameter names."""
        return {"beside": {self._beside.name: self._beside}} if self._beside.exists() else {}

    def resolved(self, context: Context) -> Mapping[str, str]:
        """What the environment says, as a GPU would."""
        return {"bias": os.environ.get("TOY_BIAS", "none")}

    @property
    def _beside(self) -> Path:
        return Path(self.level).with_name("beside.txt")
