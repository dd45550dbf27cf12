"""What a data set is to the suite: its images and what is known of them, and how an owner's copy is read.

Two ways to bring a data set: `load` for one that a package ships, `reader` for one that users hold in their owners'
layout and prepare with `ldbench data prepare NAME`. Data that a program makes can also have a `simulator`, which makes
new subjects from a seed: `ldbench data render NAME`. Pixels are NumPy arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from ldbench.api.values import Attributes, ParameterValue, Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Record:
    """One image of a data set: whose it is, which split and role it has, and what is known of it.

    `split` is train, validation or test. `role` is `scan`, or names what else an image is of its subject (`later`).
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
    makes (a lateral view, no visit in the window). `image` is what it would have been, where the owners' tables say so
    of a file that is missing: it takes part in the draw of the test set, or another copy would have another test set.
    """

    name: str
    reason: str
    kind: Literal["fault", "rule"]
    rule: str
    image: SourceImage | None = None


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
    """A data set in its owners' layout. `class_attribute` is what the test set is balanced by, over `classes`.

    A dataclass whose fields all have defaults: they are its settings (`--set key=value`).
    """

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


class Render(Protocol):
    """How a simulator makes data."""

    def __call__(
        self, folder: Path, *, seed: int, revision: str, splits: Collection[str], processes: int, progress: Progress
    ) -> None:
        """Write the `splits` of a data set of new subjects into the empty `folder`, on so many processes.

        Equal seed, revision and splits give equal bytes, whatever the number of processes. The seed draws every
        subject, and a split's images don't depend on which others are asked for. Image ids and subjects of two seeds
        differ, and say nothing of the seed that a draw of 128 bits would not hide. A seed has up to 256 bits, and all
        of them count: `numpy.random.default_rng` takes them whole. Raises `UsageError` for an unknown revision.
        """


@dataclass(frozen=True)
class Simulator:
    """A data set's own program, for test sets that nobody has seen.

    `render` makes data. `read` reads them from their folder and is called with the SHA-256 that each file must have
    (file name to SHA-256); it refuses other content with `DataError`.
    """

    render: Render
    read: Callable[[Path, Mapping[str, str]], Dataset]


@dataclass(frozen=True)
class DataSource:
    """A data set by name, as a plug-in of `ldbench.datasets`.

    `load` gives the data set that a package ships; it is called with the card's `data.checksums` (file name to
    SHA-256) and refuses other content with `DataError`. `reader` gives the class of a `Reader`; it is called when data
    are prepared, so that what the reader needs is imported then. `plan` holds defaults of `ldbench data prepare` that
    differ from the general ones, by the option's name: `test_per_class`, `test_classes`, `images_a_subject`,
    `fractions`, `min_years`. `folders` are where the data lie, so that `ldbench check` sees a generator read answers.
    `simulator` makes data of new subjects (`ldbench data render NAME`), where a program made the data. `networks` are
    files of feature networks that learnt from the data: a card's `[scan_network]` asks for one by its `sha256`.
    """

    name: str
    summary: str
    load: Callable[[Mapping[str, str]], Dataset] | None = None
    reader: Callable[[], type[Reader]] | None = None
    plan: Mapping[str, str | int | float] = field(default_factory=dict)
    folders: Callable[[], Sequence[Path]] | None = None
    simulator: Simulator | None = None
    networks: Callable[[], Sequence[Path]] | None = None
