"""Whole sets of images, for metrics that ask for them: read off the sets that are read by rows, and kept once read.

Who asks for one holds all its images for as long as the inputs live. What the sets by rows refuse is refused here too.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from ldbench.api import LazyInputs

if TYPE_CHECKING:
    import torch


class WholeSets:
    """The part of `ldbench.api.MetricInputs` that is `lazy` in tensors."""

    @property
    @abstractmethod
    def lazy(self) -> LazyInputs:
        """The images as sets that are read by rows."""

    @cached_property
    def generated(self) -> torch.Tensor:
        """The images of the evaluation cases."""
        return self.lazy.generated[:]

    @cached_property
    def real(self) -> torch.Tensor:
        """The true images of an editing task's evaluation cases, else the test scans."""
        return self.lazy.real[:]

    @cached_property
    def sources(self) -> torch.Tensor:
        """The images that were edited, one an evaluation case."""
        return self.lazy.sources[:]

    @cached_property
    def truths(self) -> torch.Tensor:
        """The true images, one an evaluation case, averaged over channels where the card averages the results."""
        return self.lazy.truths[:]

    @cached_property
    def stored_truths(self) -> torch.Tensor:
        """The true images as they are stored."""
        return self.lazy.stored_truths[:]

    @cached_property
    def region(self) -> torch.Tensor | None:
        """Where truth says that the image must change, `(N, H, W) bool`; None where there is no truth."""
        return None if self.lazy.region is None else self.lazy.region[:]

    def all_generated(self) -> tuple[torch.Tensor, list[str]]:
        """All images of the run with their classes, in the order of their ids."""
        images, labels = self.lazy.all_generated()
        return images[:], labels

    def seen_scans(self) -> tuple[torch.Tensor, tuple[str, ...]]:
        """All real images that a generator may have learnt from, with their ids."""
        images, ids = self.lazy.seen_scans()
        return images[:], ids

    def training_scans(self) -> tuple[torch.Tensor, list[str]]:
        """The real training images with their classes."""
        images, labels = self.lazy.training_scans()
        return images[:], labels

    def test_scans(self) -> tuple[torch.Tensor, list[str]]:
        """The real test images with their classes."""
        images, labels = self.lazy.test_scans()
        return images[:], labels

    def further(self, name: Literal["null", "back"]) -> tuple[torch.Tensor, torch.Tensor]:
        """Images of a further pass, with the sources of their cases, in the order of the cases' ids."""
        images, sources = self.lazy.further(name)
        return images[:], sources[:]
