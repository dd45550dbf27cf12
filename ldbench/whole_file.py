"""A file that is there whole or not at all, under the permissions that any new file of its writer gets.

The one way in which the suite replaces a file. Refuses to report: a disk that refuses is an OSError, which the caller,
who knows what was being written, says in one line.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path, *, private: bool = False) -> Iterator[Path]:
    """An empty file beside `path` to write into, renamed to `path` when the block ends and removed where it fails.

    Its permissions are what the umask leaves of 0666, so that a group's folder stays the group's; `tempfile` would
    keep the file from everybody else. `private`: its owner alone may read it. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if private else 0o666))
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
