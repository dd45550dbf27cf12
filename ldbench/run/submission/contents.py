"""What a submission may hold: names, sizes, and the listing that says what it does hold.

The same rules serve whoever packs and whoever reads. Any name that is not one of a run's files is an error: folders,
drives, `..`, backslashes, absolute paths, names that differ in case alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ldbench import __version__
from ldbench.data.images import MAX_PIXELS
from ldbench.errors import ResultError
from ldbench.records.run_folder import BACK, CASE_ID, EDITS, IMAGES, MANIFEST, NULL, RESULT, SAMPLES, UNITS

LISTING, SCHEMA_VERSION = "submission.json", 1
TOP = (RESULT, UNITS, SAMPLES, EDITS)
_TOP = "|".join(re.escape(name) for name in (LISTING, *TOP))
_IMAGE = rf"{IMAGES}/{CASE_ID}\.png"
_NAME = re.compile(rf"{_TOP}|(?:(?:{NULL}|{BACK})/)?(?:{re.escape(MANIFEST)}|{_IMAGE})")


@dataclass(frozen=True)
class Limits:
    """What a submission may hold at most: files, bytes of the archive, of a JSON and of an image file, pixels of an
    image, depth of JSON. A zip of 4 GiB or of 65,535 files would need zip64, which is refused."""

    files: int = 60_000
    archive: int = (1 << 32) - 2
    json: int = 16 << 20
    image: int = 32 << 20
    pixels: int = MAX_PIXELS
    depth: int = 32


LIMITS = Limits()


@dataclass(frozen=True)
class PackedFile:
    """One file of a submission: its path below the run's folder, size in bytes, and SHA-256."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Listing:
    """The file submission.json: every other file of the archive, and which ldbench packed them."""

    files: tuple[PackedFile, ...]
    ldbench: str = __version__
    schema_version: int = SCHEMA_VERSION


def allowed(name: str) -> bool:
    """Whether a name is one of a run's files."""
    return _NAME.fullmatch(name) is not None


def check_names(names: Iterable[str], where: str) -> None:
    """Raise `ResultError` at the first name that no run has, or that is there twice but for its case."""
    seen: dict[str, str] = {}
    for name in names:
        if not allowed(name):
            raise ResultError(f"{where}: expected the files of a run alone, got {name!r:.100}; don't trust the sender")
        if name.casefold() in seen:
            twice = f"{seen[name.casefold()]!r:.100} and {name!r:.100}"
            raise ResultError(f"{where}: expected names that differ, got {twice}; don't trust the sender")
        seen[name.casefold()] = name


def check_size(name: str, size: int, where: str, limits: Limits) -> None:
    """Raise `ResultError` for a file that is larger than one of its kind may be."""
    largest = limits.json if name.endswith(".json") else limits.image
    if size > largest:
        raise ResultError(f"{where}: {name:.100}: expected at most {largest} bytes, got {size}; it can't be submitted")
