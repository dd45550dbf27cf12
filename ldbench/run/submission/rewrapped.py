"""A submission that somebody unpacked and zipped again, as file managers do: put back as `ldbench submit` packs it.

Such an archive has a folder at its top, is compressed, and holds what a desktop keeps for itself. The copy holds the
run's files alone, and is then read like any stranger's archive: its listing says whether they are the files that were
packed. Refuses links, encryption, names that no run has, and what grows too much when it is inflated.
"""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import BinaryIO

from ldbench.errors import ResultError
from ldbench.run.submission.contents import LISTING, Limits, check_names, check_size

ENCRYPTED = 0x1 | 0x40 | 0x2000  # an entry is encrypted, strongly encrypted, or its header masked
_GROWTH = 20  # images don't shrink when they are compressed, and JSON by less
_HEADERS = 300  # bytes of an entry beside its content and its name, which stands there twice
_DESKTOP_FOLDER, _DESKTOP_FILES = "__MACOSX", ("thumbs.db", "desktop.ini", ".ds_store")
_REMEDY = "send the archive as `ldbench submit` wrote it"


def wrapping(names: Sequence[str]) -> str | None:
    """What stands before each name of a submission that was zipped again, perhaps ""; None for any other archive."""
    files = _files(names)
    above = {name.removesuffix(LISTING) for name in files if f"/{name}".endswith(f"/{LISTING}")}
    again = len(above) == 1 and (above != {""} or any(_is_desktops(name) for name in names))
    return above.pop() if again else None


def put_back(archive: zipfile.ZipFile, top: str, copy: BinaryIO, where: str, limits: Limits) -> None:
    """Write the run's files of `archive`, without the folder `top`, into `copy` as a submission has them.

    Raises `ResultError`, and zipfile's errors for damage.
    """
    names = _files(archive.namelist())
    check_names([name.removeprefix(top) for name in names], where)
    largest = min(limits.archive, limits.json + _GROWTH * os.fstat(archive.fp.fileno()).st_size) if archive.fp else 0
    total = 0
    with zipfile.ZipFile(copy, "w", allowZip64=False) as plain:
        for name in names:
            info = archive.getinfo(name)
            _check_entry(info, where, limits)
            total += info.file_size + 2 * len(name) + _HEADERS
            if total > largest:
                raise ResultError(f"{where}: expected at most {largest} bytes once unpacked, got more; {_REMEDY}")
            plain.writestr(zipfile.ZipInfo(name.removeprefix(top)), archive.read(info))


def _files(names: Sequence[str]) -> list[str]:
    return [name for name in names if not name.endswith("/") and not _is_desktops(name)]


def _is_desktops(name: str) -> bool:
    """Whether a desktop put the file there, for itself."""
    path = PurePosixPath(name)
    return _DESKTOP_FOLDER in path.parts[:1] or path.name.startswith("._") or path.name.casefold() in _DESKTOP_FILES


def _check_entry(info: zipfile.ZipInfo, where: str, limits: Limits) -> None:
    wrong = (
        ("an encrypted one", info.flag_bits & ENCRYPTED),
        ("one of another compression", info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)),
        ("a link or device", stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG)),
        ("a name that hides another", info.orig_filename != info.filename),
    )
    for what, holds in wrong:
        if holds:
            raise ResultError(f"{where}: {info.filename!r:.100}: expected a plain file, got {what}; {_REMEDY}")
    check_size(info.filename, info.file_size, where, limits)
