"""What the user's cache folder holds, kind by kind: how much, since when unused, and how it is cleared.

All but the weights can be computed again. Prepared data, which may lie in the same folder, are no cache.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ldbench.records.files import refusal, user_cache_folder

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
    return [_summed(kind, list(_files(kind))) for kind in WHAT]


def clear(kinds: Iterable[str], unused_days: float = 0) -> list[CachedKind]:
    """Delete the files of these kinds that nobody read or wrote for so many days; what was deleted, by kind.

    A file that a running process has mapped stays readable to it. `ResultError` where a file can't be deleted.
    """
    return [_cleared(kind, unused_days) for kind in kinds]


def _cleared(kind: str, unused_days: float) -> CachedKind:
    old = [path for path in _files(kind) if not unused_days or _unused(path) >= unused_days]
    deleted = _summed(kind, old)
    for path in old:
        with refusal(f"delete {path}"):
            path.unlink(missing_ok=True)
    return deleted


def _files(kind: str) -> Iterator[Path]:
    """The kind's files; a link is nobody's cache, and what it leads to least of all."""
    folder = user_cache_folder() / kind
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _summed(kind: str, paths: list[Path]) -> CachedKind:
    unused = min(map(_unused, paths), default=None)
    return CachedKind(kind, len(paths), sum(path.stat().st_size for path in paths), unused)


def _unused(path: Path) -> float:
    """Days since the file was read or written; a disk that keeps no times of reading counts from the writing."""
    status = path.stat()
    return max(0.0, (time.time() - max(status.st_atime, status.st_mtime)) / _DAY)
