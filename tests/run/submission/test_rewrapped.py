"""A submission that was unpacked and zipped again gives the same files, or one line."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ldbench.errors import ResultError
from ldbench.run.submission.contents import LIMITS, LISTING, Limits
from ldbench.run.submission.unpack import unpacked

from .conftest import listed, members, png, refused

APPLE = b"\0\5\x16\7"


class Pipe(io.BytesIO):
    """What can't be sought, so that sizes stand behind the contents, as Finder writes them."""

    def seekable(self) -> bool:
        return False


def rezipped(
    files: Sequence[tuple[str, bytes]], compress: int = zipfile.ZIP_DEFLATED, pipe: bool = False, extra: bytes = b""
) -> bytes:
    buffer = Pipe() if pipe else io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files:
            info = zipfile.ZipInfo(name, (2026, 11, 28, 9, 0, 0))
            info.compress_type, info.extra = compress, extra
            info.external_attr = (stat.S_IFDIR | 0o755) << 16 if name.endswith("/") else (stat.S_IFREG | 0o644) << 16
            archive.writestr(info, data)
    return buffer.getvalue()


def wrapped(files: dict[str, bytes], top: str, litter: bool) -> list[tuple[str, bytes]]:
    """Names and contents as a file manager has them."""
    named = [(f"{top}{name}", data) for name, data in files.items()]
    if not litter:
        return named
    apple = [(f"__MACOSX/{'/'.join([*name.split('/')[:-1], '._' + name.split('/')[-1]])}", APPLE) for name, _ in named]
    return [(f"{top}images/", b""), *named, (f"{top}.DS_Store", b"x"), (f"{top}images/Thumbs.db", b"x"), *apple]


def read(archive: bytes, folder: Path, limits: Limits = LIMITS) -> dict[str, bytes]:
    path = folder / "given.zip"
    path.write_bytes(archive)
    with unpacked(path, limits) as inside:
        return {str(file.relative_to(inside)): file.read_bytes() for file in inside.rglob("*") if file.is_file()}


def read_or_refused(archive: bytes, folder: Path) -> dict[str, bytes] | None:
    """What is read, or None for one line that says why not."""
    files = None
    try:
        files = read(archive, folder)
    except ResultError as error:
        (_,) = str(error).splitlines()
    return files


@pytest.mark.parametrize("pipe", [True, False])
@pytest.mark.parametrize("litter", [True, False])
@pytest.mark.parametrize("top", ["seed-0/", "my run/seed-0/", "Universität/", "./"])
def test_a_submission_that_was_zipped_again_is_the_same(
    top: str, litter: bool, pipe: bool, packed: bytes, tmp_path: Path
) -> None:
    timestamp = b"UT\5\0\3\0\0\0\0"
    again = rezipped(wrapped(members(packed), top, litter), pipe=pipe, extra=timestamp)
    assert read(again, tmp_path) == members(packed)
    assert [path.name for path in tmp_path.iterdir()] == ["given.zip"]


TOPS = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="/\0\\"), min_size=1, max_size=8), max_size=3)


@pytest.mark.slow
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), tops=TOPS, compress=st.sampled_from([0, 8, 12, 14]), pipe=st.booleans())
def test_any_wrapping_gives_the_same_files_or_one_line(
    data: st.DataObject, tops: list[str], compress: int, pipe: bool, packed: bytes, tmp_path: Path
) -> None:
    names = wrapped(members(packed), "".join(f"{top}/" for top in tops), data.draw(st.booleans()))
    again = rezipped(data.draw(st.permutations(names)), compress, pipe)
    if data.draw(st.booleans()):
        again = again[: data.draw(st.integers(0, len(again)))]
    assert read_or_refused(again, tmp_path) in (members(packed), None)


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_to_one_passes_unseen(data: st.DataObject, packed: bytes, tmp_path: Path) -> None:
    damaged = bytearray(rezipped(wrapped(members(packed), "a/", False)))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    assert read_or_refused(bytes(damaged), tmp_path) in (members(packed), None)


def test_what_was_changed_on_the_way_is_refused(packed: bytes, tmp_path: Path) -> None:
    files = members(packed)
    changed = {**files, "images/c.png": png(200)}
    refused(rezipped(wrapped(changed, "a/", True)), tmp_path, "got others: 'images/c.png'")
    fewer = {name: data for name, data in files.items() if name != "images/c.png"}
    refused(rezipped(wrapped(fewer, "a/", True)), tmp_path, "got others: 'images/c.png'")
    for name in ("a/../x", "b/images/c.png", "a/notes.txt", "/etc/passwd", "a/images/..\\c.png", "a/fit/x.json"):
        refused(rezipped([*wrapped(files, "a/", False), (name, b"x")]), tmp_path, "expected the files of a run alone")
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = rezipped([*wrapped(files, "a/", False), ("a/units.json", b"{}"), ("a/units.json", b"{}")])
    refused(twice, tmp_path, "expected names that differ")
    refused(rezipped([*wrapped(files, "a/", False), *wrapped(files, "b/", False)]), tmp_path, "files of a run alone")


def test_links_and_encryption_are_refused_there_too(packed: bytes, tmp_path: Path) -> None:
    good = bytearray(rezipped(wrapped(members(packed), "a/", False)))
    link, at = bytearray(good), good.index(b"PK\1\2")
    link[at + 40 : at + 42] = (stat.S_IFLNK | 0o777).to_bytes(2, "little")
    refused(bytes(link), tmp_path, "got a link or device; send the archive as `ldbench submit` wrote it")
    locked = bytearray(good)
    locked[at + 8] |= 1
    refused(bytes(locked), tmp_path, "got an encrypted one")
    other = rezipped(wrapped(members(packed), "a/", False), zipfile.ZIP_BZIP2)
    refused(other, tmp_path, "got one of another compression")


def test_one_that_grows_too_much_is_refused_before_it_does(packed: bytes, tmp_path: Path) -> None:
    bomb = listed({**members(packed), "units.json": b" " * (1 << 20)})
    limits = Limits(json=1 << 16)
    refused(rezipped(wrapped(bomb, "a/", False)), tmp_path, "at most 65536 bytes, got 1048576", limits)
    images = listed({f"images/{number}.png": png(1) + b"\0" * (1 << 16) for number in range(40)})
    refused(rezipped(wrapped(images, "a/", False)), tmp_path, "bytes once unpacked, got more", limits)
    assert zlib.decompress(zlib.compress(images["images/1.png"])) == images["images/1.png"]
    assert LISTING in images
