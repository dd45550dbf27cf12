"""Generators that take their process with them, for the matrix that must outlive it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from ldbench.api import Context, Generator, Request, TrainingSet


@dataclass
class Exits(Generator):
    """Leaves without a word, whenever it is asked to fit."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})

    def fit(self, train: TrainingSet, context: Context) -> None:
        """End the process below Python."""
        os._exit(7)

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """Never comes to this."""
        raise AssertionError


@dataclass
class ExitsOnce(Generator):
    """Leaves at its first fit and not at its second; half of the first one's work is kept."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})

    def fit(self, train: TrainingSet, context: Context) -> None:
        """End the process if no earlier one did."""
        mark = context.folder / "half"
        if not mark.exists():
            mark.touch()
            os._exit(7)

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """Grey images."""
        return torch.full((len(requests), *context.image_shape), 0.5)


@dataclass
class Quits(Generator):
    """Calls sys.exit, as a script would."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        """Print and leave."""
        print("giving up")
        raise SystemExit(3)
