"""What a reader of an owner's data set says of it, before anything is written.

A reader lists the images with what is known of them and reads one of them at a time; splits, files and hashing of ids
are `compose`'s. Refuses nothing here: a source is a record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ldbench.api import Attributes, ParameterValue
from ldbench.errors import ImageError

UNREADABLE = "unreadable"


@dataclass(frozen=True)
class SourceImage:
    """One image of a data set as its owners ship it.

    `name` is what a report calls it, a path relative to the root; `subject` the owners' id, of which only a hash
    leaves; `image` is unique in the data set and stable whatever else lies in the folder (`patient00001/study1/view1`),
    and only its hash leaves too. `years` places the images of one subject in time (age at the scan, say), None where
    they have no order: two of one subject with different years can make a pair.
    """

    name: str
    path: Path
    subject: str
    image: str
    attributes: Attributes
    years: float | None = None


@dataclass(frozen=True)
class Skipped:
    """An image that is left out: its name, what is wrong with it in one line, and the rule that leaves it out.

    `fault` is damage or a contradiction in the data, on which a strict run stops; `rule` is a choice that a setting
    makes (a lateral view, no visit in the window).
    """

    name: str
    reason: str
    kind: Literal["fault", "rule"]
    rule: str


class FaultyImageError(ImageError):
    """An image that can't be used, with the rule under which a report counts it; any other `ImageError` is unreadable.

    Rules: `NaN`, `several volumes`, `oblique`, `orientation unknown`, `broken header`, `no contrast`, `compressed`,
    `alignment`.
    """

    def __init__(self, text: str, rule: str = UNREADABLE) -> None:
        super().__init__(text)
        self.rule = rule


@dataclass(frozen=True)
class Found:
    """What a folder holds: images to use, and those that are left out already, by name in sorted order."""

    images: tuple[SourceImage, ...]
    skipped: tuple[Skipped, ...]

    @classmethod
    def in_order(cls, images: Iterable[SourceImage], skipped: Iterable[Skipped]) -> Found:
        """Both by name, and what is left out twice by its reason too."""
        return cls(
            tuple(sorted(images, key=lambda image: image.name)),
            tuple(sorted(skipped, key=lambda left: (left.name, left.reason))),
        )


class Reader(Protocol):
    """A data set's own layout. `class_attribute` is what the test set is balanced by, over `classes`."""

    @property
    def dataset(self) -> str:
        """The data set's name, as cards give it."""

    @property
    def class_attribute(self) -> str:
        """The attribute whose classes the test set balances."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Its values."""

    def found(self, root: Path) -> Found:
        """Everything below the root; reads tables and names, no pixels. Raises `DataError` for another layout."""

    def pixels(self, source: SourceImage) -> NDArray[np.float32]:
        """The prepared image `(H, W) float32 in [0, 1]`, all of one size. Raises `ImageError` naming the file."""

    def settings(self) -> Mapping[str, ParameterValue]:
        """Every choice that was made, for the record."""
