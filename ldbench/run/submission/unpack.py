"""A submission read as if a stranger had sent it: checked whole before a byte is written, and again while reading.

The archive must be laid out as `ldbench.run.submission.pack` does: entries stored one after the other, then the
directory, then the end. So nothing can unpack to more than the archive's own size, no entry hides, and none overlaps
another. One that a file manager zipped again is first put back as that. Refuses compressed, encrypted, linked, unlisted
or oversized entries, zip64, unknown names, deep or non-finite JSON, and images that would decode to too many pixels.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ldbench.errors import ResultError
from ldbench.records.files import got_instead, json_of
from ldbench.records.from_table import built
from ldbench.records.names import message
from ldbench.run.submission.contents import (
    LIMITS,
    LISTING,
    SCHEMA_VERSION,
    Limits,
    Listing,
    PackedFile,
    check_names,
    check_size,
)
from ldbench.run.submission.rewrapped import ENCRYPTED, put_back, wrapping

_END = struct.Struct("<4s4H2LH")  # signature; two disks, two counts; directory's bytes and place; comment's bytes
_LOCATOR = 20  # bytes of what would lead to a zip64 end, right before the end
_DIRECTORY_ENTRY, _LONGEST, _HEADER = 46, 256, 30
_PNG = struct.Struct(">8sL4s2L")  # signature; the first chunk's bytes and name; width, height
_CHUNK, _DIGITS = 1 << 20, 20  # seeds have up to 19 digits
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, RuntimeError, ValueError, EOFError,
    OverflowError,
)
_CONTROL = re.compile(r"[^\n\t -~\xa0-\U0010ffff]")  # what a terminal could obey


@contextmanager
def unpacked(archive: Path, limits: Limits = LIMITS) -> Iterator[Path]:
    """A temporary folder with the files of a submission, removed at the end. Raises `ResultError`."""
    if not archive.is_file():
        raise ResultError(f"can't read {archive}: no such file; expected a result.json, a run's folder or a submission")
    with tempfile.TemporaryDirectory(prefix="ldbench-") as name:
        try:
            with archive.open("rb") as file:
                _unpack(file, Path(name), str(archive), limits)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise ResultError(f"can't unpack {archive}: {reason}; check the file and the space in {name}") from error
        except _DAMAGE as error:
            what = f"{archive}: expected a whole submission, got damage: {message(error, 200)}"
            raise ResultError(f"{what}; fetch it again") from error
        yield Path(name)


def _unpack(file: BinaryIO, folder: Path, where: str, limits: Limits) -> None:
    count, directory = _end(file, where, limits)
    with zipfile.ZipFile(file) as archive:
        infos = archive.infolist()
        top = wrapping([info.filename for info in infos])
        if top is not None:
            with tempfile.TemporaryFile(prefix="ldbench-") as copy:
                put_back(archive, top, copy, where, limits)
                copy.seek(0)
                _unpack(copy, folder, where, limits)
            return
        check_names([info.filename for info in infos], where)
        _check_directory(infos, count, directory, where)
        for info in infos:
            _check_entry(info, where, limits)
        extracted = [_extract(archive, info, folder, where) for info in infos]
    for entry in extracted:
        _check_content(folder / entry.path, f"{where}: {entry.path}", limits)
    _check_listing(extracted, folder, where)


def _end(file: BinaryIO, where: str, limits: Limits) -> tuple[int, int]:
    """How many entries the archive's last record names and where their directory starts, before `zipfile` reads it."""
    size = os.fstat(file.fileno()).st_size
    if size > limits.archive:
        raise ResultError(f"{where}: expected at most {limits.archive} bytes, got {size}; it can't be a submission")
    start = file.read(4)
    file.seek(max(size - _END.size - _LOCATOR, 0))
    tail = file.read()
    if start != b"PK\x03\x04" or tail[-_END.size :][:4] != b"PK\x05\x06":
        raise ResultError(f"{where}: expected a submission, got another file or one cut short; fetch it again")
    _, disk, first_disk, here, count, length, directory, comment = _END.unpack(tail[-_END.size :])
    if tail.startswith(b"PK\x06\x07") or count == 0xFFFF or 0xFFFFFFFF in (length, directory):
        raise ResultError(f"{where}: expected a plain zip, got zip64; pack the run with `ldbench submit`")
    if (disk, first_disk, here, comment, directory + length + _END.size) != (0, 0, count, 0, size):
        raise ResultError(f"{where}: expected entries, directory, end and no more; pack the run with `ldbench submit`")
    if count > limits.files or length > count * (_DIRECTORY_ENTRY + _LONGEST):
        raise ResultError(f"{where}: expected at most {limits.files} short names, got {count} in {length} bytes")
    return count, directory


def _check_directory(infos: Sequence[zipfile.ZipInfo], count: int, directory: int, where: str) -> None:
    """Entries as many as said, one right behind the other: nothing hides between them or lies over another."""
    at = 0
    for info in infos:
        if info.header_offset != at:
            raise ResultError(f"{where}: expected entries one after the other; pack the run with `ldbench submit`")
        at += _HEADER + len(info.filename) + info.compress_size
    if len(infos) != count or at != directory:
        raise ResultError(f"{where}: expected {count} entries, directory, no more; pack the run with `ldbench submit`")


def _check_entry(info: zipfile.ZipInfo, where: str, limits: Limits) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    wrong = (
        ("an encrypted one", info.flag_bits & ENCRYPTED),
        ("a compressed one", info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size),
        ("a link or device", kind not in (0, stat.S_IFREG)),
        ("one with further fields", info.flag_bits or info.extra or info.comment or info.volume),
        ("a name that hides another", info.orig_filename != info.filename),
    )
    for what, holds in wrong:
        if holds:
            name = f"{where}: {info.filename}"
            raise ResultError(f"{name}: expected a plain stored file, got {what}; pack the run with `ldbench submit`")
    check_size(info.filename, info.file_size, where, limits)


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, folder: Path, where: str) -> PackedFile:
    """Write one entry and count what really came out; the name is one of a run's files, checked before."""
    target, digest, size = folder / info.filename, hashlib.sha256(), 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(info) as source, target.open("xb") as sink:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > info.file_size:
                break
            digest.update(chunk)
            sink.write(chunk)
    if size != info.file_size:
        raise ResultError(f"{where}: {info.filename}: expected {info.file_size} bytes, got {size}; fetch it again")
    return PackedFile(info.filename, size, digest.hexdigest())


def _check_content(path: Path, where: str, limits: Limits) -> None:
    if path.suffix == ".json":
        _check_nesting(_loaded(path, where), where, limits.depth)
        return
    with path.open("rb") as file:
        head = file.read(_PNG.size)
    if len(head) < _PNG.size or not head.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"):
        raise ResultError(f"{where}: expected a PNG, got something else; don't trust the sender")
    *_, width, height = _PNG.unpack(head)
    if not 0 < width * height <= limits.pixels:
        got = f"{width} x {height}"
        raise ResultError(f"{where}: expected 1 to {limits.pixels} pixels, got {got}; don't trust the sender")


def _loaded(path: Path, where: str) -> object:
    try:
        return json_of(
            path.read_bytes().decode("utf-8"), parse_constant=_refused, parse_int=_whole, parse_float=_finite
        )
    except ValueError as error:
        raise ResultError(f"{where}: expected JSON, got {got_instead(error):.200}; don't trust the sender") from error


def _check_nesting(value: object, where: str, depth: int) -> None:
    """Refuse tables within tables beyond `depth`, and text that a terminal would not print but obey."""
    level = [value]
    for _ in range(depth):
        if any(isinstance(value, str) and _CONTROL.search(value) for value in level):
            raise ResultError(f"{where}: expected printable text, got control characters; don't trust the sender")
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return
    raise ResultError(f"{where}: expected JSON at most {depth} deep, got deeper; don't trust the sender")


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    return value if isinstance(value, list) else []


def _whole(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _finite(text: str) -> float:
    return number if math.isfinite(number := float(text)) else _refused(text[:30])


def _refused(text: str) -> float:
    raise ValueError(f"{text}, which is no finite number")


def _check_listing(extracted: Sequence[PackedFile], folder: Path, where: str) -> None:
    """The listing names exactly the other files, with their sizes and hashes."""
    if not (folder / LISTING).is_file():
        raise ResultError(f"{where}: expected {LISTING}, got none; pack the run with `ldbench submit`")
    record = _loaded(folder / LISTING, where)
    version = record.get("schema_version") if isinstance(record, dict) else None
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise ResultError(f"{where}: {LISTING}: schema_version {version!r:.20}, this ldbench reads {SCHEMA_VERSION}")
    listing = built(Listing, record, f"{where}: {LISTING}", ResultError, "pack the run with `ldbench submit`")
    others = {entry for entry in extracted if entry.path != LISTING}
    if others != set(listing.files) or len(listing.files) != len(others):
        names = sorted({entry.path for entry in others ^ set(listing.files)}) or ["a file twice"]
        first = ascii(names[0])[:100]
        raise ResultError(f"{where}: expected the files that {LISTING} names, got others: {first}; fetch it again")
