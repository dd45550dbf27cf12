"""What lies below the root of an owners' data set: its files, its tables by name, and the images found in them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path

from ldbench.api import Found, Skipped, SourceImage
from ldbench.errors import DataError
from ldbench.records.walk import walk


def files_below(root: Path) -> list[Path]:
    """Every file below the root but hidden ones and those in hidden folders, sorted; links are followed, but no folder
    is entered twice.

    Raises DataError for a root that is no folder and for a folder that can't be read.
    """
    if not root.is_dir():
        raise DataError(f"{root}: expected the folder of a data set, got none; name it with --root")
    return sorted(place / name for place, _, names in walk(root, unreadable=_unreadable) for name in names)


def find_table(root: Path, files: Iterable[Path], name: str, also: re.Pattern[str] | None = None) -> Path:
    """The one file of a name, or of one that fits `also`, among those below the root.

    Raises DataError for none, naming a close one, or several.
    """
    tables = [file for file in files if file.suffix.lower() == ".csv"]
    named = [file for file in tables if file.name == name or (also and also.fullmatch(file.name))]
    if len(named) > 1:
        places = " and ".join(file.relative_to(root).as_posix() for file in named[:2])
        raise DataError(f"{root}: expected one {name}, got {len(named)}: {places}; keep one")
    if not named:
        near = difflib.get_close_matches(name, sorted({file.name for file in tables}), n=1)
        got = near[0] if near else "none"
        raise DataError(f"{root}: expected a table {name} below it, got {got}; put the owners' file there by that name")
    return named[0]


def found_of(images: Iterable[SourceImage | Skipped | None]) -> Found:
    """The images to use and those left out, each in order; None is neither."""
    images = list(images)
    used = [image for image in images if isinstance(image, SourceImage)]
    return Found.in_order(used, [image for image in images if isinstance(image, Skipped)])


def _unreadable(error: OSError) -> None:
    raise DataError(f"can't read {error.filename}: {error.strerror}; expected a folder that may be read") from error
