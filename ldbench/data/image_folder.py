"""A folder of generated images, one file a case, as `ldbench score` takes it from outside.

A file's id is its name without the suffix. Hidden files, subfolders and files that aren't .png, .jpg or .jpeg
aren't images here. Refuses to score a subset: each expected id has exactly one file, and no other is there.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from threading import Lock

import torch

from ldbench.data.images import read_levels, read_levels_again
from ldbench.data.stored_images import StoredImages
from ldbench.errors import ImageError

SUFFIXES = (".png", ".jpg", ".jpeg")
READERS = 2  # threads that decode beside other work
_NAMED = 5


def list_folder(folder: Path, ids: Sequence[str] | None = None) -> dict[str, Path]:
    """Id -> path, in the order of `ids` or else sorted. ImageError names wrong, missing and double ids."""
    try:
        files = [entry for entry in folder.iterdir() if entry.name[0] != "." and not entry.is_dir()]
    except OSError as error:
        raise ImageError(f"can't read {folder}: {error.strerror}; expected a folder of images") from error
    names = sorted(file.name for file in files)
    images = [Path(name) for name in names if Path(name).suffix.lower() in SUFFIXES]
    others = [name for name in names if Path(name).suffix.lower() not in SUFFIXES]
    ignored = f"; ignored as not {', '.join(SUFFIXES)}: {_named(others)}" if others else ""
    _refuse(folder, "ids with two files", _repeated(path.stem for path in images), "keep one of each")
    file_of = {path.stem: folder / path for path in images}
    if not file_of:
        raise ImageError(f"{folder}: expected one <case id>.png a case, got no image{ignored}")
    if ids is None:
        return dict(sorted(file_of.items()))
    _refuse(folder, "case ids given twice", _repeated(ids), "give each case its own id")
    missing = [id for id in ids if id not in file_of]
    _refuse(folder, "images missing", missing, f"save one <case id>.png a case{ignored}")
    _refuse(folder, "images unexpected", sorted(file_of.keys() - set(ids)), "only <case id>.png may be there")
    return {id: file_of[id] for id in ids}


def read_folder(folder: Path, ids: Sequence[str] | None, size: int | tuple[int, int]) -> StoredImages:
    """Id -> image `(3, H, W) float32 in [0, 1]`, in the order of `ids`, or else sorted by id.

    Names are checked at once, and each image, as `read_image` checks it, when it is asked for first. Raises ImageError.
    """
    suffixes = {image_id: sys.intern(path.suffix) for image_id, path in list_folder(folder, ids).items()}
    return StoredImages(suffixes, _Files(folder, suffixes, size), threads=READERS)


class _Files:
    """Reads the levels of an id: strictly at first, then for as long as the file is the one that was checked."""

    def __init__(self, folder: Path, suffixes: Mapping[str, str], size: int | tuple[int, int]) -> None:
        self._folder, self._suffixes, self._size = folder, suffixes, size
        self._checked: dict[str, tuple[int, int]] = {}
        self._lock = Lock()  # the strict reader changes settings of Pillow's and of warnings

    def __call__(self, image_id: str) -> torch.Tensor:
        path = self._folder / f"{image_id}{self._suffixes[image_id]}"
        if image_id not in self._checked:
            with self._lock:
                state = _state(path)
                levels = read_levels(path, size=self._size, root=self._folder)
            self._checked[image_id] = state
            return levels
        if _state(path) != self._checked[image_id]:
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
