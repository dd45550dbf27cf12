"""A folder of generated images, one file a case, as `ldbench score` takes it from outside.

A file's id is its name without the suffix. Hidden files, subfolders and files that aren't .png, .jpg or .jpeg
aren't images here. Refuses to score a subset: each expected id has exactly one file, and no other is there.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock

import numpy as np
import torch

from ldbench.data.ids import Ids
from ldbench.data.images import read_levels, read_levels_again
from ldbench.data.stored_images import StoredImages
from ldbench.errors import ImageError

SUFFIXES = (".png", ".jpg", ".jpeg")
_UNCHECKED = (-1, -1)
READERS = 2  # threads that decode beside other work
_NAMED = 5


def list_folder(folder: Path, ids: Sequence[str] | None = None) -> dict[str, str]:
    """Id -> suffix of its file, in the order of `ids` or sorted. ImageError names wrong, missing and double ids."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.name[0] != "." and not entry.is_dir())
    except OSError as error:
        raise ImageError(f"can't read {folder}: {error.strerror}; expected a folder of images") from error
    split = [os.path.splitext(name) for name in names]  # noqa: PTH122
    images = [(stem, suffix) for stem, suffix in split if suffix.lower() in SUFFIXES]
    others = [stem + suffix for stem, suffix in split if suffix.lower() not in SUFFIXES]
    ignored = f"; ignored as not {', '.join(SUFFIXES)}: {_named(others)}" if others else ""
    _refuse(folder, "ids with two files", _repeated(stem for stem, _ in images), "keep one of each")
    suffix_of = dict(images)
    if not suffix_of:
        raise ImageError(f"{folder}: expected one <case id>.png a case, got no image{ignored}")
    if ids is None:
        return dict(sorted(suffix_of.items()))
    _refuse(folder, "case ids given twice", _repeated(ids), "give each case its own id")
    missing = [id for id in ids if id not in suffix_of]
    _refuse(folder, "images missing", missing, f"save one <case id>.png a case{ignored}")
    _refuse(folder, "images unexpected", sorted(suffix_of.keys() - set(ids)), "only <case id>.png may be there")
    return {id: suffix_of[id] for id in ids}


def read_folder(folder: Path, ids: Sequence[str] | None, size: int | tuple[int, int]) -> StoredImages:
    """Id -> image `(3, H, W) float32 in [0, 1]`, in the order of `ids`, or else sorted by id.

    Names are checked at once, and each image, as `read_image` checks it, when it is asked for first. Raises ImageError.
    """
    suffixes = list_folder(folder, ids)
    in_order = Ids(suffixes)
    return StoredImages(in_order, _Files(folder, in_order, suffixes.values(), size), threads=READERS)


class _Files:
    """Reads the levels of an id: strictly at first, then for as long as the file is the one that was checked."""

    def __init__(self, folder: Path, ids: Ids, suffixes: Iterable[str], size: int | tuple[int, int]) -> None:
        self._folder, self._ids, self._suffixes, self._size = folder, ids, np.array([*suffixes]), size
        self._checked = np.full((len(ids), 2), _UNCHECKED, np.int64)  # what `_state` gave for each file
        self._lock = Lock()  # the strict reader changes settings of Pillow's and of warnings

    def __call__(self, image_id: str) -> torch.Tensor:
        place = self._ids.place(image_id)
        path = self._folder / f"{image_id}{self._suffixes[place]}"
        checked = tuple(self._checked[place].tolist())
        if checked == _UNCHECKED:
            with self._lock:
                state = _state(path)
                levels = read_levels(path, size=self._size, root=self._folder)
            self._checked[place] = state
            return levels
        if _state(path) != checked:
            raise ImageError(f"{path}: changed while it was scored; let nothing write there, and score again")
        return read_levels_again(path)


def _state(path: Path) -> tuple[int, int]:
    """What differs once a file was written to: its time and size; zeros where there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _repeated(ids: Iterable[str]) -> list[str]:
    return sorted(id for id, count in Counter(ids).items() if count > 1)


def _named(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _refuse(folder: Path, what: str, names: Sequence[str], remedy: str) -> None:
    if names:
        raise ImageError(f"{folder}: {len(names)} {what}: {_named(names)}; {remedy}")
