"""The rows of manifests as records that are made when they are asked for: what is held is the text, and where each row
starts.

A record with its attributes and its file takes 700 bytes as objects, and a row of text 150.
"""

from __future__ import annotations

import csv
import io
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import overload

from ldbench.api import Record
from ldbench.data.ids import Ids

_TYPES: Mapping[str, Callable[[str], str | int | float]] = {"integer": int, "number": float, "text": str}


@dataclass(frozen=True, slots=True)
class ImageFile:
    """Where an image lies below the data set's folder, the SHA-256 of the file, and its height and width."""

    folder: Path
    file: str
    sha256: str
    size: tuple[int, int]

    @property
    def path(self) -> Path:
        """Where the image lies."""
        return self.folder / self.file


@dataclass(frozen=True)
class Manifest:
    """The text of one manifest, whose `folder` the files lie in; `types` are those of its attributes."""

    folder: Path
    text: bytes
    types: Mapping[str, str]
    size: tuple[int, int]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns; none where the text is empty."""
        return tuple(next(_rows(io.BytesIO(self.text)), ()))

    @cached_property
    def _starts(self) -> array[int]:
        """Where in the text each row starts, and where the last one ends."""
        lines = io.BytesIO(self.text)
        rows = _rows(lines)
        next(rows, None)
        starts, start = array("q"), lines.tell()
        for row in rows:
            if row:
                starts.append(start)
            start = lines.tell()
        starts.append(start)
        return starts

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._starts) - 1

    def only(self, places: Iterable[int]) -> Manifest:
        """The manifest without all rows but some."""
        return replace(self, text=self.text[0 : self._starts[0]] + b"".join(map(self._text, places)))

    def row(self, place: int) -> dict[str, str]:
        """The cells of a row by column."""
        return dict(zip(self.columns, next(_rows(io.BytesIO(self._text(place)))), strict=False))

    def record(self, place: int, index: int) -> Record:
        """The record of a row. Empty cells are attributes that nobody knows."""
        row = self.row(place)
        attributes = {name: _TYPES[kind](row[name]) for name, kind in self.types.items() if row[name] != ""}
        return Record(
            row["image_id"], row["subject"], row["split"], row["role"], attributes, index, row["source"] or None
        )

    def file(self, place: int) -> ImageFile:
        """The file of a row."""
        row = self.row(place)
        return ImageFile(self.folder, row["file"], row["sha256"], self.size)

    def _text(self, place: int) -> bytes:
        return self.text[self._starts[place] : self._starts[place + 1]]


def _rows(lines: Iterable[bytes]) -> Iterator[list[str]]:
    return csv.reader(line.decode("utf-8") for line in lines)


@dataclass(frozen=True)
class ManifestRows(Sequence[Record]):
    """The records of manifests that follow each other; `indices` are their places in the whole data set."""

    manifests: tuple[Manifest, ...]
    indices: Sequence[int]

    @overload
    def __getitem__(self, place: int) -> Record: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Record, ...]: ...

    def __getitem__(self, place: int | slice) -> Record | tuple[Record, ...]:
        """The record at a place, or those of a slice."""
        places = range(len(self))[place]
        return self._record(places) if isinstance(places, int) else tuple(map(self._record, places))

    def __len__(self) -> int:
        """How many records there are."""
        return len(self.indices)

    def file(self, record: Record) -> ImageFile:
        """The file of a record; KeyError where it isn't one of these."""
        manifest, row = self._where(self.ids.place(record.id))
        return manifest.file(row)

    def only(self, split: str) -> ManifestRows:
        """The records of one split; of the others nothing is kept, as this is what a generator is given."""
        places = array("q", (place for place, record in enumerate(self) if record.split == split))
        rows = [array("q") for _ in self.manifests]
        for place in places:
            part, row = self._part(place)
            rows[part].append(row)
        manifests = (manifest.only(chosen) for manifest, chosen in zip(self.manifests, rows, strict=True))
        return ManifestRows(tuple(manifests), array("q", (self.indices[place] for place in places)))

    @cached_property
    def ids(self) -> Ids:
        """The ids of all records, in their order."""
        return Ids(record.id for record in self)

    @cached_property
    def _ends(self) -> tuple[int, ...]:
        return tuple(accumulate(map(len, self.manifests)))

    def _part(self, place: int) -> tuple[int, int]:
        """Which manifest a record stands in, and in which row of it."""
        part = bisect_right(self._ends, place)
        return part, place - (self._ends[part - 1] if part else 0)

    def _where(self, place: int) -> tuple[Manifest, int]:
        part, row = self._part(place)
        return self.manifests[part], row

    def _record(self, place: int) -> Record:
        manifest, row = self._where(place)
        return manifest.record(row, self.indices[place])


def rows_of(*manifests: Manifest) -> ManifestRows:
    """All rows of manifests that follow each other."""
    return ManifestRows(manifests, range(sum(map(len, manifests))))
