"""Images by rows: what a metric takes that holds no set whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import torch


class ImageSet(Protocol):
    """Images by rows: a tensor that holds all of them, or a set that reads the rows which are asked for."""

    @property
    def shape(self) -> Sequence[int]:
        """`(N, 3, H, W)`; of a region `(N, H, W)`."""

    def __len__(self) -> int:
        """N."""

    def __getitem__(self, rows: Any) -> torch.Tensor:
        """The images of a slice or of a sequence of indices, `(n, 3, H, W) float32 in [0, 1]`."""


class LazyInputs(Protocol):
    """The images of `MetricInputs`, under the same names, as sets of which none is held whole.

    A metric of one value a case reads a slice at a time, and its memory does not grow with the number of images.
    """

    @property
    def generated(self) -> ImageSet:
        """The images of the evaluation cases."""

    @property
    def real(self) -> ImageSet:
        """Real images of the test split that distributions are compared with."""

    @property
    def sources(self) -> ImageSet:
        """The images that were edited, one an evaluation case."""

    @property
    def truths(self) -> ImageSet:
        """The true images, one an evaluation case, averaged over channels where the card averages the results."""

    @property
    def stored_truths(self) -> ImageSet:
        """The true images as they are stored."""

    @property
    def region(self) -> ImageSet | None:
        """Where truth says that an edit must change the image, rows `(n, H, W) bool`; None where nobody knows."""

    def seen_scans(self) -> tuple[ImageSet, tuple[str, ...]]:
        """All real images that a generator may have learnt from, with their ids."""

    def all_generated(self) -> tuple[ImageSet, list[str]]:
        """All images of the run with their classes; the evaluation cases are a part of them."""

    def training_scans(self) -> tuple[ImageSet, list[str]]:
        """The real training images with their classes."""

    def test_scans(self) -> tuple[ImageSet, list[str]]:
        """The real test images with their classes."""

    def further(self, name: Literal["null", "back"]) -> tuple[ImageSet, ImageSet]:
        """Images of the null edits or of the edits back, with the sources they belong to."""
