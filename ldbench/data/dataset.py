"""What is known of one image of a data set, and what any data set can be asked, wherever its pixels lie.

Refuses to know a format: the sandbox's archive is `frozen`'s, a folder of prepared images `prepared`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ldbench.api import Attributes


@dataclass(frozen=True)
class Record:
    """One image of a data set: whose it is, which split and role it has, and what is known of it.

    `source` is the id of the scan that an image of another role belongs to; None: the subject's only one.
    """

    id: str
    subject: str
    split: str
    role: str
    attributes: Attributes
    index: int
    source: str | None = None


class Dataset(Protocol):
    """All images of a data set."""

    @property
    def name(self) -> str:
        """What cards call it."""

    @property
    def records(self) -> Sequence[Record]:
        """Its images, in the manifest's order."""

    def select(self, split: str, role: str = "scan") -> list[Record]:
        """The records of a split with a role, in the manifest's order."""

    def only(self, split: str) -> Dataset:
        """The images of one split: what may be handed to those who mustn't see the others."""

    def size(self, record: Record) -> tuple[int, int]:
        """Height and width of a record's image."""

    def image(self, record: Record) -> NDArray[np.float32]:
        """The image of a record as `(3, H, W) float32 in [0, 1]`, grey replicated."""
