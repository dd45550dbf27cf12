"""Whose turn it is in a folder that several processes use: a lock on a file, which ends with the process."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import TextIO

from ldbench.errors import ResultError
from ldbench.records.files import refusal

_LOOK = 0.2  # seconds: whoever looks holds the lock, too, for less than that even on a busy machine


def locked(path: Path, *, wait: bool) -> TextIO:
    """The file, held until it is closed; its folder is made. Without `wait`, BlockingIOError where another has it."""
    with refusal(f"write {path.parent}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("w")
    try:
        _take(handle, wait)
    except OSError as error:
        handle.close()
        if isinstance(error, BlockingIOError):
            raise
        reason = error.strerror or error
        raise ResultError(f"can't lock {path}: {reason}; choose an --out on a disk that locks files") from error
    if _is(handle, path):
        return handle
    handle.close()  # whoever had it took the file away in between
    return locked(path, wait=wait)


def _take(handle: TextIO, wait: bool) -> None:
    """The lock; without `wait` BlockingIOError where another has it, and not only looks at it (`is_locked`)."""
    deadline = time.monotonic() + _LOOK
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.001)


def _is(handle: TextIO, path: Path) -> bool:
    """Whether the open file is still the one of that path."""
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except FileNotFoundError:
        return False


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock just now; False where a disk can't say."""
    try:
        with path.open() as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
