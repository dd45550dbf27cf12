"""A generator that fits by itself where several processes run, and says in which folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from ldbench.api import Context, Generator, Request, TrainingSet


@dataclass
class Alone(Generator):
    """Noise; `fit` leaves its process's number in its folder, which no other may have used."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})

    def fit(self, train: TrainingSet, context: Context) -> None:
        """Leave a note."""
        assert not list(context.folder.iterdir())
        (context.folder / "process").write_text(f"{context.process} of {context.processes}", encoding="utf-8")

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """Noise from each request's seed."""
        return torch.stack([request.noise(context.image_shape) for request in requests]).sigmoid()
