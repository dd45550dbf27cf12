"""What a worker process does: read an image, check it, write its PNG so that only a whole one ever bears the name.

Refuses blank images, and images that a reader returned against its promise; notes those of very few grey levels. A
fault comes back as text; anything else that goes wrong is a defect and keeps its traceback, with the image's name
added.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing import parent_process
from multiprocessing.connection import wait
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from ldbench.api import Reader, SourceImage
from ldbench.data.prepare.observations import Observations, observing
from ldbench.data.prepare.pixels.radiograph import encode_png, to_levels
from ldbench.errors import DataError, FaultyImageError, ImageError
from ldbench.plugins.registry import import_file
from ldbench.records.checksum import sha256_file
from ldbench.records.files import disk_refusal, whole_file

FEW_LEVELS = "fewer than 32 grey levels"
_FEW = 32


@dataclass(frozen=True)
class ImageOutcome:
    """An image's id, with the SHA-256 and size of its file, or with the fault that it has and the fault's rule.

    `source_sha256` is as the function of that name gives it. `notes` are
    what was taken on trust to make it, `observations` what was seen of it on the way.
    """

    image_id: str
    sha256: str = ""
    size: tuple[int, int] = (0, 0)
    fault: str = ""
    rule: str = "unreadable"
    source_sha256: str = ""
    notes: tuple[str, ...] = ()
    observations: Observations = field(default_factory=dict)


def make_images(reader: Reader, folder: Path, batch: Sequence[tuple[str, SourceImage]]) -> list[ImageOutcome]:
    """Prepare a few images into `folder`, each `<id>.png`; their outcomes in order."""
    return [_make(reader, folder, image_id, source) for image_id, source in batch]


@runtime_checkable
class HasFurtherFiles(Protocol):
    """A reader that makes an image of more files than its source."""

    def further_files(self, source: SourceImage) -> Sequence[Path]:
        """The other files that an image is made of, in a fixed order; one that isn't there counts as missing."""


def source_sha256(reader: Reader, source: SourceImage) -> str:
    """SHA-256 of an image's source; of the hashes of all files where the reader names further ones.

    A path that is no file (a folder, say, or a place in an archive) has "".
    """
    files = [source.path, *(reader.further_files(source) if isinstance(reader, HasFurtherFiles) else ())]
    hashes = [_sha256(file) for file in files]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256(" ".join(hashes).encode()).hexdigest()


def _sha256(file: Path) -> str:
    try:
        return sha256_file(file) if file.is_file() else ""
    except (DataError, OSError):
        return ""


def start_worker(plugin: Path | None) -> None:
    """Import the file that the reader comes from, if any, and end this worker with the process that started it."""
    if plugin is not None:
        import_file(plugin)
    follow_parent()


def follow_parent() -> None:
    """End this worker when the process that started it ends, by whatever signal; nobody else would tell it."""
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _make(reader: Reader, folder: Path, image_id: str, source: SourceImage) -> ImageOutcome:
    of_source = source_sha256(reader, source)  # before the pixels: what is replaced meanwhile is another the next time
    try:
        with observing() as seen:
            pixels = reader.pixels(source)
        levels = to_levels(pixels)
        if levels.ndim != 2 or levels.min() == levels.max():
            text = f"{source.name}: expected a grey image with contrast, got {levels.shape} of one level"
            raise FaultyImageError(text, "no contrast")
        content = encode_png(levels)
    except (ImageError, DataError) as error:
        rule = error.rule if isinstance(error, FaultyImageError) else "unreadable"
        return ImageOutcome(image_id, fault=" ".join(str(error).split()), rule=rule)
    except Exception as error:
        error.add_note(f"while preparing {source.name}")
        raise
    _write(folder / f"{image_id}.png", content)
    size = (levels.shape[0], levels.shape[1])
    digest = hashlib.sha256(content).hexdigest()
    few = (FEW_LEVELS,) if np.count_nonzero(np.bincount(levels.ravel(), minlength=256)) < _FEW else ()
    notes = (*seen.notes, *few)
    return ImageOutcome(image_id, digest, size, source_sha256=of_source, notes=notes, observations=seen.values)


def _write(path: Path, content: bytes) -> None:
    """Beside it and renamed; not synced, as a resumed run compares every file with the hash in the journal."""
    try:
        with whole_file(path) as part:
            part.write_bytes(content)
    except OSError as error:
        raise DataError(f"can't write {path}: {disk_refusal(error)}") from error
