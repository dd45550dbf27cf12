"""SHA-256 of files, so that data and weights are known to be the ones that were meant.

Refuses to repair, download or skip: a file that differs is an error that names both hashes.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from ldbench.errors import DataError

_HEX = re.compile(r"[0-9a-f]{64}")


def sha256_file(path: Path) -> str:
    """SHA-256 of the file's bytes, 64 lower-case hex digits; DataError if it can't be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"can't read {path}: {error.strerror}; expected a readable file to hash") from error


def verify(path: Path, expected: str) -> None:
    """Raise DataError unless the file's SHA-256 is `expected` (64 lower-case hex digits)."""
    if not _HEX.fullmatch(expected):
        raise DataError(f"{path}: expected a SHA-256 (64 lower-case hex digits), got {expected!r:.80}")
    got = sha256_file(path)
    if got != expected:
        raise DataError(f"{path}: expected SHA-256 {expected}, got {got}; restore the original")
