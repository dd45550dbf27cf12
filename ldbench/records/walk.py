"""What lies below a folder, wherever links lead: whoever looks into folders sees the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path


def walk(
    folder: Path, *, hidden: bool = False, unreadable: Callable[[OSError], object] | None = None
) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Each folder with the names of its subfolders and files, as `os.walk`; a subfolder that the caller takes off the
    list isn't entered.

    Links are followed, and no folder is entered twice. Subfolders come before links to folders, and each by name, so
    that what is entered is the same on every file system. Without `hidden` no name begins with a dot. `unreadable` is
    told of a folder that can't be read.
    """
    entered = set[str]()
    for place, folders, files in os.walk(folder, followlinks=True, onerror=unreadable):
        here, real = Path(place), os.path.realpath(place)
        if real in entered:  # a link to a folder that was met before, or a loop of them
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(filter(None if hidden else _is_shown, folders), key=lambda name: _rank(here / name))
        yield here, folders, list(filter(None if hidden else _is_shown, files))


def _is_shown(name: str) -> bool:
    return name[0] != "."


def _rank(path: Path) -> tuple[bool, str]:
    return path.is_symlink(), path.name
