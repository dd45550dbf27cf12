"""Reading and replacing the suite's own files, and the one folder for its caches.

A file is there whole or not at all, under the permissions that any new file of its writer gets.
"""

from __future__ import annotations

import atexit
import codecs
import errno
import json
import os
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import platformdirs

from ldbench.errors import ResultError
from ldbench.records.from_table import built

T = TypeVar("T")
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)  # however much space there is
_PART = re.compile(r"\..+\.[0-9a-f]{8}", re.DOTALL)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


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


def is_part(path: Path) -> bool:
    """Whether it is called as what `whole_file` leaves behind where the process is killed."""
    return _PART.fullmatch(path.name) is not None


@contextmanager
def refusal(doing: str) -> Iterator[None]:
    """Whatever the disk refuses inside the block is one clear line: a `ResultError` that says what was being done."""
    try:
        yield
    except OSError as error:
        raise ResultError(f"can't {doing}: {disk_refusal(error)}") from error


def disk_refusal(error: OSError) -> str:
    """Why nothing could be written, and the remedy: a file where a folder is expected, the reverse, or the disk's
    reason."""
    if isinstance(error, IsADirectoryError):
        return f"{error.filename2 or error.filename} is a folder, and a file is expected; choose another --out"
    if isinstance(error, (FileExistsError, NotADirectoryError)) and error.filename:
        there = next(path for path in (Path(error.filename), *Path(error.filename).parents) if path.exists())
        if there.is_file():
            return f"{there} is a file, and a folder is expected; choose another --out"
    remedy = "" if error.errno in _FORBIDDEN else "free space or "
    return f"{error.strerror or error}; {remedy}choose another --out"


def write_text_atomic(path: Path, text: str | Iterable[str], *, private: bool = False, flush: bool = True) -> None:
    """Write a text, or its pieces one by one, beside `path` and rename it into place; a full disk is one clear line.

    `private`: nobody but the owner may read it. `flush`: wait for the disk, so that a power cut loses nothing. A lone
    surrogate, which UTF-8 has no place for, is written as JSON spells it.
    """
    with refusal(f"write {path}"), whole_file(path, private=private) as part:
        _fill(part, text, flush)


def write_together(files: dict[Path, str | Iterable[str]]) -> None:
    """Write texts of which the last vouches for the others, as `write_text_atomic` does, all of them or none.

    A text that can't be written leaves every file as it was. Only when all lie whole beside their places is the last
    file taken away, and it comes back last: it never vouches for another's files.
    """
    *_, last = files
    moving = f"replace {last}, which is gone now" if last.is_file() else f"write {last}"
    with refusal(moving), ExitStack() as places:  # is left in reverse order
        with refusal(f"write {last}"):
            parts = {path: places.enter_context(whole_file(path)) for path in reversed(files)}
            for path, text in files.items():
                _fill(parts[path], text)
        last.unlink(missing_ok=True)


def _fill(part: Path, text: str | Iterable[str], flush: bool = True) -> None:
    with part.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines([text] if isinstance(text, str) else text)
        if flush:
            file.flush()
            os.fsync(file.fileno())


def write_texts(files: Mapping[Path, str]) -> list[Path]:
    """Write each text to its path, as `write_text_atomic` does; the paths."""
    for path, text in files.items():
        write_text_atomic(path, text)
    return list(files)


def json_text(value: object, indent: int = 1) -> str:
    """A value as a JSON file holds it: keys sorted, letters as they are, NaN refused, newline at the end."""
    return json.dumps(value, indent=indent, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"


def write_json(path: Path, value: object, *, private: bool = False) -> None:
    """Write a value as `json_text`, as `write_text_atomic` does."""
    write_text_atomic(path, json_text(value), private=private)


def text_of(raw: bytes) -> str:
    """A text file's content, line ends as "\\n": UTF-8, or UTF-16 where the file starts with its byte order mark.

    Editors and shells on Windows write such marks; they are no part of the text. Raises UnicodeDecodeError.
    """
    text = raw.decode("utf-16" if raw.startswith(_UTF16) else "utf-8-sig")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def json_of(text: str | bytes, **hooks: Any) -> Any:
    """`json.loads`, whose one error is ValueError: also where lists lie too deep in one another for Python."""
    try:
        return json.loads(text, **hooks)
    except RecursionError as error:
        raise ValueError("lists or tables too deep in one another") from error


def got_instead(error: ValueError) -> str:
    """What a file is in place of JSON, after `json_of` or a decoding raised this: Python tells of codecs instead."""
    if isinstance(error, UnicodeDecodeError):
        return "a file that is no text in UTF-8"
    if isinstance(error, json.JSONDecodeError):
        place = f"line {error.lineno}, column {error.colno}"
        return f"a text that is no JSON ({place})" if error.doc.strip() else "an empty file"
    return str(error)


def read_json(
    path: Path, what: str, remedy: str = "the file may be truncated", constant: Callable[[str], float] | None = None,
    limit: int | None = None,
) -> Any:
    """The decoded JSON of a file that should be `what`; a `ResultError` of one line where it can't be read or decoded,
    gives a key twice or has more bytes than `limit`.

    `constant` decides on NaN and infinity, which are taken where it is None.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(-1 if limit is None else limit + 1)
        if limit is not None and len(raw) > limit:
            raise ResultError(f"{path}: expected {what} of at most {limit} bytes, got more; {remedy}")
        return json_of(text_of(raw), parse_constant=constant, object_pairs_hook=_each_key_once)
    except OSError as error:
        raise ResultError(f"can't read {path}: {error.strerror}; expected {what}") from error
    except ValueError as error:
        raise ResultError(f"{path}: expected JSON, got {got_instead(error)}; {remedy}") from error


def read_record(
    cls: type[T], path: Path, what: str, version: int, remedy: str,
    constant: Callable[[str], float] | None = None, limit: int | None = None, oldest: int | None = None,
) -> T:
    """The JSON file at `path`, which should be `what`, as the frozen dataclass `cls` of this `schema_version`.

    A file from the version `oldest` on is read, too: what it lacks has the dataclass's defaults. Raises `ResultError`,
    one line with file, field and `remedy`; `constant` and `limit` as `read_json` takes them.
    """
    record = read_json(path, what, remedy, constant, limit)
    got = repr(record.get("schema_version")) if isinstance(record, dict) else f"a {type(record).__name__}"
    if got not in map(str, range(oldest or version, version + 1)):
        raise ResultError(f"{path}: expected schema_version {version}, got {got:.40}, in {what}; {remedy}")
    return built(cls, {**record, "schema_version": version}, str(path), ResultError, remedy)


def refuse_constant(name: str) -> float:
    """For `read_json`: NaN and infinity are refused."""
    raise ValueError(f"{name}, which is not a JSON number")


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key given twice in one object")
    return table


def user_cache_folder(*, lasting: bool = False) -> Path:
    """The one folder for weights and features: LDBENCH_CACHE, or the platform's cache folder for ldbench.

    Where this user can't have it (no home, an unknown user, a folder of somebody else), it is a temporary folder that
    goes with the process, and one warning says so. `lasting`: for what must not go with the process; the folder
    itself, and a `ResultError` where there is no home that it could lie in.
    """
    chosen = os.environ.get("LDBENCH_CACHE")
    try:
        folder = Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("ldbench", appauthor=False)
    except RuntimeError:  # a user that nobody knows, without HOME
        folder = Path(chosen or "~/.cache/ldbench")
    homeless = str(folder).startswith("~")
    if lasting and homeless:
        raise ResultError(f"{folder}: expected a user with a home folder, got one without; set LDBENCH_CACHE")
    return folder if lasting or (not homeless and _usable(folder)) else _temporary_cache(folder)


def write_cache(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Keep what `write` puts into the file at `path`, in a folder of the cache; whole or not at all.

    Where the disk refuses, nothing is kept and one warning says so: no run depends on its cache.
    """
    try:
        with whole_file(path) as part, part.open("wb") as file:
            write(file)
    except OSError as error:
        _warn_unkept(path.parents[1], error.strerror or "a short write")  # numpy tells no more


def nearest_there(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _usable(folder: Path) -> bool:
    """Whether the folder can be read or, where there is none, be made. `os.path` answers where `Path` raises."""
    if os.path.isdir(folder):  # noqa: PTH112
        return os.access(folder, os.R_OK | os.X_OK)
    above = next(parent for parent in (folder, *folder.absolute().parents) if os.path.lexists(parent))
    return os.path.isdir(above) and os.access(above, os.W_OK | os.X_OK)  # noqa: PTH112


@cache  # a process has one, and says so once
def _temporary_cache(instead_of: Path) -> Path:
    try:
        folder = Path(tempfile.mkdtemp(prefix="ldbench-cache-"))
    except OSError:  # nowhere either: then nothing can be kept, and `write_cache` says so
        return instead_of
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _warn(f"can't keep a cache in {instead_of}; it is in {folder} until this process ends")
    return folder


@cache  # once a process
def _warn_unkept(folder: Path, reason: str) -> None:
    _warn(f"can't write the cache {folder}: {reason}; what it would hold is computed anew each time")


def _warn(what: str) -> None:
    print(f"warning: {what}. Set LDBENCH_CACHE to a folder that you may write", file=sys.stderr)
