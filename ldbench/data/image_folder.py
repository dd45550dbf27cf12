"""A folder of images from outside: one file a case, as `ldbench score` takes it, or any that lie there.

A file's id is its name without the suffix. Hidden files, subfolders and files that aren't .png, .jpg or .jpeg aren't
images here. A subset is not scored: each expected id has exactly one file, and no other file is there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from threading import Lock

import numpy as np
import torch

from ldbench.data.ids import Ids
from ldbench.data.images import checked_size, read_levels, read_levels_again
from ldbench.data.on_demand import ById
from ldbench.data.preparation import Preparation
from ldbench.data.stored_images import StoredImages
from ldbench.data.volumes import cut as volumes
from ldbench.errors import ImageError
from ldbench.records.run_folder import FURTHER_PASSES
from ldbench.records.walk import walk

SUFFIXES = (".png", ".jpg", ".jpeg")
_UNCHECKED = (-1, -1)
READERS = 2  # threads that decode beside other work
_NAMED = 5


def list_folder(folder: Path, ids: Iterable[str] | None = None) -> ById[str]:
    """Id -> suffix of its file, in the order of `ids` or sorted. ImageError names wrong, missing and double ids."""
    try:
        with os.scandir(folder) as entries:
            names = Ids(entry.name for entry in entries if entry.name[0] != "." and not entry.is_dir())
    except OSError as error:
        raise ImageError(f"can't read {folder}: {error.strerror}; expected a folder of images") from error
    stems = Ids(_split(name)[0] for name in names if _is_image(name))
    suffixes = [sys.intern(_split(name)[1]) for name in names if _is_image(name)]
    repeated = stems.repeated()
    _refuse(folder, f"{_ids(repeated)} with two files", repeated, "keep one of each")
    if not stems:
        raise ImageError(f"{folder}: expected one <case id>.png a case, got no image{_ignored(folder, names)}")
    wanted = stems.in_order() if ids is None else ids if isinstance(ids, Ids) else Ids(ids)
    repeated = wanted.repeated()
    _refuse(folder, f"case {_ids(repeated)} given twice", repeated, "give each case its own id")
    missing = [id for id in wanted if id not in stems]
    unexpected = sorted(id for id in stems if id not in wanted)
    astray = _astray(unexpected, wanted)
    if missing:
        others = f"; no case is called {_named(unexpected)}{astray}" if unexpected else ""
        remedy = "save one <case id>.png a case, as `ldbench cases` lists them"
        what = "image is missing" if len(missing) == 1 else "images are missing"
        _refuse(folder, what, missing, f"{remedy}{others}{_ignored(folder, names)}")
    what = "image is unexpected" if len(unexpected) == 1 else "images are unexpected"
    _refuse(folder, what, unexpected, f"only <case id>.png may be there{astray}")
    return ById(wanted, [suffixes[stems.place(id)] for id in wanted])


def read_folder(folder: Path, ids: Iterable[str] | None, size: int | tuple[int, int]) -> StoredImages:
    """Id -> image `(3, H, W) float32 in [0, 1]`, in the order of `ids`, or else sorted by id.

    Names are checked at once, and each image, as `read_image` checks it, when it is asked for first. Raises ImageError.
    """
    suffixes = list_folder(folder, ids)
    return StoredImages(suffixes.ids, _Files(folder, suffixes, size), threads=READERS)


def list_tree(folder: Path) -> ById[str]:
    """Id -> suffix of every image in a folder and its subfolders, sorted; an id is a path below the folder without its
    suffix. Links are followed. ImageError where there is no image, or two of one id."""
    if not folder.is_dir():
        got = "a file" if folder.exists() else "none"
        raise ImageError(f"can't read {folder}: expected a folder of images, got {got}; name another")
    found = [_split(name) for name in names_below(folder) if _is_image(name)]
    found.sort()
    ids = Ids(name for name, _ in found)
    repeated = ids.repeated()
    _refuse(folder, f"{'name' if len(repeated) == 1 else 'names'} with two files", repeated, "keep one of each")
    if not ids:
        raise ImageError(f"{folder}: expected images, got {_none_of_these(folder)}")
    return ById(ids, [sys.intern(suffix) for _, suffix in found])


def _none_of_these(folder: Path) -> str:
    """What a folder without images has, and what to do."""
    count = sum(name.lower().endswith(volumes.SUFFIXES) for name in names_below(folder))
    if count:
        what = "volume" if count == 1 else "volumes"
        return f"{count} NIfTI {what}; --volumes axial cuts volumes into slices"
    return f"none that ends in {', '.join(SUFFIXES)}; name another folder"


def count_ignored(folder: Path, suffixes: tuple[str, ...] = SUFFIXES) -> int:
    """How many files that `list_tree` meets are no images by their names, or have none of other suffixes."""
    return sum(not name.lower().endswith(suffixes) for name in names_below(folder))


def names_below(folder: Path) -> Iterator[str]:
    """Every file of a folder and its subfolders by its path below it, but hidden ones; links are followed."""
    for place, _, names in walk(folder, unreadable=_unread):
        inside = place.relative_to(folder)
        yield from ((inside / name).as_posix() for name in names)


def _unread(error: OSError) -> None:
    raise ImageError(f"can't read {error.filename}: {error.strerror}; expected a folder of images") from error


def read_any_sizes(
    folder: Path, fitted: Callable[[Path, torch.Tensor], torch.Tensor], prepared: Preparation
) -> StoredImages:
    """As `read_folder`, of all images of a folder and its subfolders, whatever their sizes and wherever links lead:
    `fitted` brings the levels of a path, `(1 or 3, H, W) uint8`, to the size that is wanted, or refuses them.
    `prepared` counts each image when it is read first."""
    suffixes = list_tree(folder)
    read = _Files(folder, suffixes, None, fitted, prepared, links=True)
    return StoredImages(suffixes.ids, read, threads=READERS)


def faults_of(
    folder: Path, check_size: Callable[[Path, tuple[int, int]], None], seen: Callable[[int, int], None]
) -> list[str]:
    """What is wrong with each image of `list_tree` that cannot be read, or whose (height, width) `check_size` refuses.

    No image is decoded in full. `seen` is told how many of how many images were looked at.
    """
    suffixes = list_tree(folder)
    found = list[str]()
    for place, image_id in enumerate(suffixes.ids):
        path = folder / f"{image_id}{suffixes.items_in_order[place]}"
        try:
            check_size(path, checked_size(path))
        except ImageError as error:
            found.append(str(error))
        seen(place + 1, len(suffixes))
    return found


class _Files:
    """Reads the levels of an id: strictly at first, then for as long as the file is the one that was checked."""

    def __init__(
        self, folder: Path, suffixes: ById[str], size: int | tuple[int, int] | None,
        fitted: Callable[[Path, torch.Tensor], torch.Tensor] = lambda path, levels: levels,
        prepared: Preparation | None = None, links: bool = False,
    ) -> None:
        self._folder, self._suffixes, self._size, self._fitted = folder, suffixes, size, fitted
        self._prepared = prepared or Preparation()
        self._root = None if links else folder
        self._checked = np.full((len(suffixes), 2), _UNCHECKED, np.int64)  # what `_state` gave for each file
        self._lock = Lock()  # the strict reader changes settings of Pillow's and of warnings

    def __call__(self, image_id: str) -> torch.Tensor:
        place = self._suffixes.ids.place(image_id)
        path = self._folder / f"{image_id}{self._suffixes.items_in_order[place]}"
        checked = tuple(self._checked[place].tolist())
        if checked == _UNCHECKED:
            with self._lock:
                state = _state(path)
                levels = read_levels(path, size=self._size, root=self._root, read=self._prepared.add)
            self._checked[place] = state
            return self._fitted(path, levels)
        if _state(path) != checked:
            raise ImageError(f"{path}: changed while it was scored; let nothing write there, and score again")
        return self._fitted(path, read_levels_again(path))


def _state(path: Path) -> tuple[int, int]:
    """What differs once a file was written to: its time and size; zeros where there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _ignored(folder: Path, names: Iterable[str]) -> str:
    """What else lies there, for an error: other files, and folders but those of further passes, which are read apart.
    """
    others = [name for name in names if not _is_image(name)]
    folders = [entry.name for entry in folder.iterdir() if entry.name[0] != "." and entry.is_dir()]
    others += [f"{name}/" for name in folders if name not in FURTHER_PASSES]
    return f"; ignored as not {', '.join(SUFFIXES)}: {_named(sorted(others))}" if others else ""


def _astray(unexpected: Iterable[str], wanted: Ids) -> str:
    """Where images of a further pass belong that lie among those of the cases, for an error."""
    names = [name for name in FURTHER_PASSES if any(id.removesuffix(f".{name}") in wanted for id in unexpected)]
    return "".join(f"; move <case id>.{name}.png into a folder {name}/ in there" for name in names)


def _is_image(name: str) -> bool:
    return _split(name)[1].lower() in SUFFIXES


def _split(name: str) -> tuple[str, str]:
    return os.path.splitext(name)  # noqa: PTH122


def _named(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _ids(of: Sequence[str]) -> str:
    return "id" if len(of) == 1 else "ids"


def _refuse(folder: Path, what: str, names: Sequence[str], remedy: str) -> None:
    if names:
        raise ImageError(f"{folder}: {len(names)} {what}: {_named(names)}; {remedy}")
