"""What a host gives out of a test split: the sources of the cases, what is known of their targets, and no true image.

`host.json` beside the sources holds the records. Once `reveal.json` lies there too, so does the truth, and this module
is not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ldbench.api import Record
from ldbench.errors import DataError, ResultError
from ldbench.records.checksum import sha256_file
from ldbench.records.files import read_record
from ldbench.records.result import TaskRef

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HOST, REVEAL, SOURCES = "host.json", "reveal.json", "sources"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class HostedRecord:
    """A record as `ldbench.api.Record` has it, with the SHA-256 of its image's file; None where the host keeps it."""

    id: str
    subject: str
    split: str
    role: str
    attributes: Mapping[str, str | int | float]
    index: int
    source: str | None
    sha256: str | None

    @property
    def record(self) -> Record:
        """Without the hash."""
        return Record(self.id, self.subject, self.split, self.role, self.attributes, self.index, self.source)


@dataclass(frozen=True)
class HostedTest:
    """The file host.json: what the host commits to, and what cases are made of.

    `seed_commitment` is SHA-256 over seed and salt; the card's `[data.fresh]` commits to the files that hold the
    truth. `split_hash` is the whole data's. `size` is that of every image, height and width.
    """

    task: TaskRef
    dataset: str
    revision: str
    seed_commitment: str
    split_hash: str
    size: tuple[int, ...]
    records: tuple[HostedRecord, ...]
    created: str
    ldbench: str
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True)
class HostedDataset:
    """The test split as its host gave it out; `hashes` are those of the images that were given out, by record."""

    name: str
    folder: Path
    records: tuple[Record, ...]
    hashes: Mapping[str, str]
    side: tuple[int, int]

    def select(self, split: str, role: str = "scan") -> list[Record]:
        """The records of a split with a role, in the manifest's order."""
        return [record for record in self.records if record.split == split and record.role == role]

    def only(self, split: str) -> HostedDataset:
        """The images of one split."""
        records = tuple(record for record in self.records if record.split == split)
        return HostedDataset(self.name, self.folder, records, self.hashes, self.side)

    def size(self, record: Record) -> tuple[int, int]:
        """Height and width of every image."""
        return self.side

    def image(self, record: Record) -> NDArray[np.float32]:
        """A source, `(3, H, W) float32 in [0, 1]`; `DataError` for a true image, and for a source that was changed."""
        from ldbench.data.images import read_image

        expected = self.hashes.get(record.id)
        if expected is None:
            raise DataError(f"{record.id}: the host keeps this image until the seed is revealed")
        path = self.folder / SOURCES / f"{record.id}.png"
        if sha256_file(path) != expected:
            raise DataError(f"{path}: expected the host's file, got another; fetch the package again")
        image: NDArray[np.float32] = read_image(path, size=self.side).numpy()
        return image


def is_hosted(folder: Path) -> bool:
    """Whether a folder is what a host gave out, and its seed was not revealed there yet."""
    return (folder / HOST).is_file() and not (folder / REVEAL).is_file()


def read_hosted(folder: Path) -> HostedTest:
    """The file host.json of a folder; `DataError` for anything else."""
    try:
        hosted = read_record(
            HostedTest, folder / HOST, "the host.json of a hosted task", SCHEMA_VERSION, "fetch the package again"
        )
    except ResultError as error:
        raise DataError(str(error)) from error
    if len(hosted.size) != 2:
        raise DataError(f"{folder / HOST}:size: expected height and width, got {list(hosted.size)}; fetch it again")
    return hosted


def open_hosted(folder: Path, name: str) -> HostedDataset:
    """The data that a host gave out in a folder. Raises `DataError`."""
    hosted = read_hosted(folder)
    hashes = {one.id: one.sha256 for one in hosted.records if one.sha256 is not None}
    side = (hosted.size[0], hosted.size[1])
    return HostedDataset(name, folder, tuple(one.record for one in hosted.records), hashes, side)
