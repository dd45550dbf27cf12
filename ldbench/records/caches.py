"""What the user's cache folder holds, kind by kind: how much, since when unused, and how it is cleared.

All but the weights can be computed again. Prepared data, which may lie in the same folder, are no cache.
"""

from __future__ import annotations

import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from ldbench.errors import ResultError
from ldbench.records.files import user_cache_folder

FEATURES, CLASSIFIERS, JUDGES, NETWORKS = "features", "classifiers", "judges", "networks"
DIGESTS, WEIGHTS = "digests", "weights"
WHAT = MappingProxyType({
    FEATURES: "features of images, by network",
    CLASSIFIERS: "scores that classifiers of auc gave to test scans",
    JUDGES: "judges that were trained here",
    NETWORKS: "scan networks that were trained here",
    DIGESTS: "SHA-256 of large files",
    WEIGHTS: "weights of published networks, downloaded or put there by you",
})  # fmt: skip
RECOMPUTED = tuple(kind for kind in WHAT if kind != WEIGHTS)
_DAY = 86_400


@dataclass(frozen=True)
class CachedKind:
    """The files of one kind: their number, bytes, and the days since one of them was last read or written."""

    kind: str
    files: int
    size: int
    unused_days: float | None


def cached_kinds() -> list[CachedKind]:
    """All kinds, also those of which nothing is there."""
    return [_summed(kind, _files(kind)) for kind in WHAT]


def clear(kinds: Iterable[str], unused_days: float = 0) -> list[CachedKind]:
    """Delete the files of these kinds that nobody read or wrote for so many days; what was deleted, by kind.

    A file that a running process has mapped stays readable to it, and one that is being written stays for a day.
    `ResultError` where a file can't be deleted.
    """
    return [_cleared(kind, unused_days) for kind in kinds]


def _cleared(kind: str, unused_days: float) -> CachedKind:
    old = [
        file for file in _files(kind)
        if file.unused_days >= max(unused_days, 1.0 if file.path.name.startswith(".") else 0.0)
    ]
    for file in old:
        try:
            file.path.unlink(missing_ok=True)
        except OSError as error:
            raise ResultError(f"can't delete {file.path}: {error.strerror}; ask its owner to do so") from error
    return _summed(kind, old)


class _File(NamedTuple):
    path: Path
    size: int
    unused_days: float


def _files(kind: str) -> list[_File]:
    """The kind's files; a link is nobody's cache, and what it leads to least of all, be it a file or the folder."""
    folder = user_cache_folder() / kind
    return [] if folder.is_symlink() else list(_seen(sorted(folder.rglob("*"))))


def _seen(paths: Iterable[Path]) -> Iterator[_File]:
    """Files with size and days since they were read or written; where a disk keeps no times of reading, the latter."""
    now = time.time()
    for path in paths:
        with suppress(FileNotFoundError):  # another process replaced it
            status = path.lstat()
            if stat.S_ISREG(status.st_mode):
                yield _File(path, status.st_size, max(0.0, (now - max(status.st_atime, status.st_mtime)) / _DAY))


def _summed(kind: str, files: Sequence[_File]) -> CachedKind:
    unused = min((file.unused_days for file in files), default=None)
    return CachedKind(kind, len(files), sum(file.size for file in files), unused)
