"""SHA-256 of files, so that data and weights are known to be the ones that were meant."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ldbench.errors import DataError


def sha256_file(path: Path) -> str:
    """SHA-256 of the file's bytes, 64 lower-case hex digits; DataError if it can't be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"can't read {path}: {error.strerror}; expected a readable file to hash") from error
