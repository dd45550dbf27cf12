"""What files and folders hold, as one digest, so that content replaced under the same name is seen.

The SHA-256 of a large file is remembered in the user's cache folder for as long as its size, times and inode stay. One
that was written a moment ago is not remembered: within a tick of the clock it could change and keep its time.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from ldbench.errors import DataError, ResultError
from ldbench.records.caches import DIGESTS
from ldbench.records.checksum import sha256_file
from ldbench.records.files import read_json, user_cache_folder, write_json
from ldbench.records.names import digest
from ldbench.records.walk import walk

CODE = "code"  # how run.json and a result name the digest of a generator's code
PARAMETER = "content of "  # and, with the parameter's name after it, that of what a parameter names
RESOLVED = "resolved "  # and, with the parameter's name after it, what one that left a choice came to
NO_TEXTS: Mapping[str, str] = MappingProxyType({})
_LARGE = 2**20  # bytes: smaller files are read faster than what is remembered of them
_SETTLED = 2.0  # seconds


def is_content(key: str) -> bool:
    """Whether an entry of a result's packages is such a digest, or a resolved parameter, and no package."""
    return key == CODE or key.startswith((PARAMETER, RESOLVED))


def content_digest(path: Path, without: Path | None = None) -> str:
    """The digest of a file's bytes, or of the names and bytes of all files below a folder but hidden ones and those
    below `without`."""
    return digest_of({"": path} if path.is_file() else files_below(path, without=without))


def digest_of(files: Mapping[str, Path], texts: Mapping[str, str] = NO_TEXTS) -> str:
    """`sha256:` and 16 digits over the names and bytes of files, and of `texts` that lie in none; a file that can't be
    read counts by its name."""
    whole = hashlib.sha256()
    digests = {name: digest(text, 64) for name, text in texts.items()}
    for name, path in files.items():
        try:
            digests[name] = _sha256(path)
        except (DataError, OSError):
            digests[name] = "unreadable"
    for name, of_it in sorted(digests.items()):
        whole.update(f"{name}\0{of_it}\n".encode("utf-8", "surrogateescape"))
    return f"sha256:{whole.hexdigest()[:16]}"


def files_below(folder: Path, suffix: str = "", without: Path | None = None) -> dict[str, Path]:
    """The files below a folder by their names in it, links followed; nothing hidden, nothing below `without`, and no
    compiled Python."""
    files: dict[str, Path] = {}
    left_out = None if without is None else without.resolve()
    for place, folders, names in walk(folder):
        if place.resolve() == left_out:
            folders.clear()
            continue
        folders[:] = [name for name in folders if name != "__pycache__"]
        paths = [place / name for name in names if name.endswith(suffix)]
        files |= {path.relative_to(folder).as_posix(): path for path in paths if path.is_file()}
    return files


def _sha256(path: Path) -> str:
    """SHA-256 of the file's bytes, read from it or remembered."""
    before = _marks(path)
    if before[0] < _LARGE:
        return sha256_file(path)
    memory = user_cache_folder() / DIGESTS / f"{digest(str(path.resolve()), 32)}.json"
    with suppress(ResultError):
        remembered = read_json(memory, "the digest of a file")
        if isinstance(remembered, dict) and remembered.get("marks") == before:
            return str(remembered["sha256"])
    sha256 = sha256_file(path)
    if _marks(path) == before and max(before[1:3]) < time.time_ns() - _SETTLED * 1e9:
        with suppress(ResultError):  # it is only slower without
            write_json(memory, {"marks": before, "sha256": sha256})
    return sha256


def _marks(path: Path) -> list[int]:
    """Size, times and inode of a file. A replaced file can't keep them all, as the time of the last change is one."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
