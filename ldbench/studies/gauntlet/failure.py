"""One known failure: how a generator's images would go wrong, in steps of growing severity.

Shape suffixes: n images, c channels, h rows, w columns; m training scans, k test scans.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from ldbench.api import Kind

Images = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]
Nature = Literal["appearance", "anatomy", "population", "condition", "copy", "edit"]
TEXT_TO_IMAGE: frozenset[Kind] = frozenset({"text-to-image"})
EDITS: frozenset[Kind] = frozenset({"aging", "disease-counterfactual"})


class NotPossibleError(Exception):
    """The data at hand cannot show this failure; the text says why."""


class Scans(Protocol):
    """Real scans `(N, C, H, W) float32 in [0, 1]`, an array or read when asked for: a split need not fit in memory."""

    def __len__(self) -> int:
        """N."""

    def __getitem__(self, rows: Indices) -> Images:
        """The scans of some indices."""


@dataclass(frozen=True)
class Material:
    """What failures are made of: images `(N, C, H, W) float32 in [0, 1]` and the class that each shows.

    `perfect` is what a perfect generator gives: real scans that no generator has seen, or the true images of edits.
    `sources` are the images that were edited, `subjects` a scan of another subject of the class asked for; both are
    None where nothing is edited. `elsewhere` are another data set's images of the same size, None where there are none.
    Where an image may have several labels, `asked` and `train_shown` are class and labels of each as one text.
    """

    perfect: Images
    labels: tuple[str, ...]
    train: Scans
    train_labels: tuple[str, ...]
    test: Scans
    sources: Images | None = None
    subjects: Images | None = None
    elsewhere: Images | None = None
    asked: tuple[str, ...] = ()
    train_shown: tuple[str, ...] = ()

    @property
    def step(self) -> float:
        """A 64th of the image's side, in pixels: lengths are given in it, so that they mean the same at any size."""
        return float(self.perfect.shape[-1]) / 64

    def of_class(self, label: str) -> Indices:
        """The indices of the training scans of a class."""
        return np.flatnonzero(np.array(self.train_labels) == label)

    def alike(self) -> tuple[dict[str, Indices], tuple[str, ...]]:
        """The training scans that show what a perfect image was asked for, by that, and what each was asked for.

        That is its class and, where there are any, its labels; those of its class alone where no scan has the same.
        """
        if not self.asked:
            return {label: self.of_class(label) for label in self.labels}, self.labels
        shown, pool = np.array(self.train_shown), dict[str, Indices]()
        for asked, label in zip(self.asked, self.labels, strict=True):
            same = np.flatnonzero(shown == asked)
            pool[asked] = same if len(same) else self.of_class(label)
        return pool, self.asked


Make = Callable[[Material, float, np.random.Generator], Images]


@dataclass(frozen=True)
class Failure:
    """A failure by name; `make` gives its images, as many as there are perfect ones.

    `severities` stand in the order of growing harm and are in the unit of `severity`. A reader sees nothing of the
    first `unseen` of them: a metric that punishes those over-reads. The random numbers of all severities are the same.
    """

    name: str
    kinds: frozenset[Kind]
    nature: Nature
    summary: str
    severity: str
    severities: tuple[float, ...]
    make: Make
    unseen: int = 0
