"""Whether a file that a command would replace was written by the same command.

What it wrote itself is replaced, whatever it holds now. Nothing of somebody else's, or of another command, is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from ldbench.errors import ResultError
from ldbench.records.files import write_texts

Own = Callable[[Path], bool]
_HEAD = 4096  # bytes, which hold a mark
# the first five columns of a table, ### TASK, in Markdown, the first key in JSON: what stays from run to run, and
# mostly from version to version
_START = re.compile(r"(?:\w+,){4}\w+(?=[,\r\n])|\W*\w\S*")


def check_own(
    paths: Iterable[Path], own: Own, command: str, option: str = "--out", inputs: Collection[Path] = ()
) -> None:
    """Raise `ResultError` that names the first path where a folder lies, or a file that is not the command's `own`; an
    empty file is nobody's loss. `inputs` are files that the command reads: none is replaced, whoever wrote it and by
    whatever link it is named."""
    for path in paths:
        if path.is_file() and (given := next((each for each in inputs if _is_same(each, path)), None)):
            raise ResultError(
                f"{path}: expected a file to write, got one that `{command}` reads ({given}); choose another {option}"
            )
        if path.is_dir() or (path.is_file() and path.stat().st_size and not own(path)):
            got = "a folder" if path.is_dir() else "another"
            raise ResultError(
                f"{path}: expected a file of `{command}` or none, got {got}; move it, or choose another {option}"
            )


def write_own(files: Mapping[Path, str], command: str) -> list[Path]:
    """Write each text to its path, and return the paths; before anything is written, `ResultError` for a file that does
    not begin as its text does."""
    for path, text in files.items():
        check_own([path], begins_as(text), command)
    return write_texts(files)


def begins_as(*texts: str) -> Own:
    """Whether a file begins as one of the texts does: with the same signs and first word, or the same first columns."""
    starts = {_start(text[:_HEAD]) for text in texts}
    return lambda path: _start(_head(path).decode("utf-8", "replace")) in starts


def begins_with(*starts: str) -> Own:
    """Whether a file begins with one of these."""
    return lambda path: _head(path).startswith(tuple(start.encode() for start in starts))


def marked(mark: bytes) -> Own:
    """Whether a file has the mark within its first bytes."""
    return lambda path: mark in _head(path)


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and one.samefile(other)


def _start(text: str) -> str:
    found = _START.match(text)
    return found[0] if found else ""


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)
