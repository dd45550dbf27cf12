"""A folder of generated images, one file a case, as `ldbench score` takes it from outside.

A file's id is its name without the suffix. Hidden files, subfolders and files that aren't .png, .jpg or .jpeg
aren't images here. Refuses to score a subset: each expected id has exactly one file, and no other is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch

from ldbench.data.images import read_image
from ldbench.errors import ImageError

SUFFIXES = (".png", ".jpg", ".jpeg")
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


def read_folder(
    folder: Path, ids: Sequence[str] | None, size: int | tuple[int, int]
) -> dict[str, torch.Tensor]:
    """Id -> image `(3, H, W) float32 in [0, 1]`, in the order of `ids`, or else sorted by id.

    All images are held at once: 3 MiB each at 512 x 512. Raises ImageError.
    """
    paths = list_folder(folder, ids)
    return {id: read_image(path, size=size, root=folder) for id, path in paths.items()}


def _repeated(ids: Iterable[str]) -> list[str]:
    return sorted(id for id, count in Counter(ids).items() if count > 1)


def _named(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _refuse(folder: Path, what: str, names: Sequence[str], remedy: str) -> None:
    if names:
        raise ImageError(f"{folder}: {len(names)} {what}: {_named(names)}; {remedy}")
