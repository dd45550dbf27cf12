"""The bytes of a file that are read when they are asked for: what is held is the open file, and none of its bytes."""

from __future__ import annotations

import io
import os
import weakref
from pathlib import Path
from typing import Any

from ldbench.errors import DataError

_BUFFER = 2**16  # bytes that are read at a time


class FileText:
    """A file that is open for reading; threads may share its parts. `DataError` where it was written to since.

    Two are equal where they are the same file and nobody wrote to it between. A copy, in another process too, opens the
    file again.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._file = path, os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)
        self._opened = self._state()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FileText) and self._opened == other._opened

    def __hash__(self) -> int:
        return hash(self._opened)

    def __reduce__(self) -> tuple[object, ...]:
        return _opened_again, (self._path, self._opened)

    def __getitem__(self, span: slice) -> bytes:
        """The bytes from `span.start` to `span.stop`."""
        try:
            content = os.pread(self._file, span.stop - span.start, span.start)
            same = self._state() == self._opened
        except OSError as error:
            raise DataError(f"can't read {self._path}: {error.strerror}; start again where it can be read") from error
        if not same:
            raise DataError(f"{self._path}: changed or touched while it was read; let nothing write there, start again")
        return content

    def lines(self) -> io.BufferedReader:
        """The whole of it, to be read from its start; each reader has its own place in it."""
        return io.BufferedReader(_FromStart(self), _BUFFER)

    def _state(self) -> tuple[int, ...]:
        found = os.fstat(self._file)
        return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


class _FromStart(io.RawIOBase):
    """A reader of the parts in turn: copies of one descriptor would share their place in the file."""

    def __init__(self, text: FileText) -> None:
        self._text, self._place = text, 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        part = self._text[self._place : self._place + len(buffer)]
        buffer[: len(part)] = part
        self._place += len(part)
        return len(part)


def _opened_again(path: Path, opened: tuple[int, ...]) -> FileText:
    text = FileText(path)
    text._opened = opened  # so that one that was written to between is refused
    return text
