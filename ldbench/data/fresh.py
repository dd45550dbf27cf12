"""Data with some splits of new subjects, such as a test set that nobody has seen beside the public training set.

A host publishes such a split without its true images. It is read here too, and asking for a true image is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ldbench.api import Dataset, DataSource, Record
from ldbench.data.hosted import HostedDataset, is_hosted, open_hosted
from ldbench.errors import DataError
from ldbench.task.card import DataSpec
from ldbench.task.fresh_spec import SPLITS, FreshSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class MixedDataset:
    """One data set whose splits come from several; `parts` says by split from which."""

    name: str
    parts: Mapping[str, Dataset]

    @property
    def records(self) -> tuple[Record, ...]:
        """The records of each split, in the order of its own data."""
        return tuple(
            record for split, part in self.parts.items() for record in part.records if record.split == split
        )

    def select(self, split: str, role: str = "scan") -> list[Record]:
        """The records of a split with a role, in the manifest's order."""
        return self.parts[split].select(split, role)

    def only(self, split: str) -> Dataset:
        """The images of one split: what may be handed to those who mustn't see the others."""
        return self.parts[split].only(split)

    def size(self, record: Record) -> tuple[int, int]:
        """Height and width of a record's image."""
        return self.parts[record.split].size(record)

    def image(self, record: Record) -> NDArray[np.float32]:
        """The image of a record as `(3, H, W) float32 in [0, 1]`, grey replicated."""
        return self.parts[record.split].image(record)


def with_fresh(
    spec: DataSpec, fresh: FreshSpec, source: DataSource | None, installed: Callable[[], Dataset]
) -> Dataset:
    """The data of a card with `[data.fresh]`; `installed` gives the others, where a split is asked of them.

    Raises `DataError` where the data's simulator is not installed, the files are others, or lack a split.
    """
    if source is None or source.simulator is None:
        raise DataError(
            f"{spec.dataset}: expected a data set with a simulator, as the card has [data.fresh], got none; install "
            "the package that brings it"
        )
    folder = Path(fresh.folder)
    if is_hosted(folder):
        rendered: Dataset = open_hosted(folder, spec.dataset)
    else:
        rendered = source.simulator.read(folder, fresh.checksums)
        if absent := set(fresh.splits) - {record.split for record in rendered.records}:
            raise DataError(f"{folder}: expected the splits {', '.join(fresh.splits)}, got none of {sorted(absent)}")
    if set(fresh.splits) == set(SPLITS):
        return rendered
    others = installed()
    return MixedDataset(spec.dataset, {split: rendered if split in fresh.splits else others for split in SPLITS})


def is_blind(dataset: Dataset) -> bool:
    """Whether a host keeps the true images of the test split, so that nothing can be scored here."""
    return isinstance(dataset, MixedDataset) and isinstance(dataset.parts["test"], HostedDataset)
