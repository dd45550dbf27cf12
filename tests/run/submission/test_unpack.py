"""A stranger's archive is read whole and plain, or refused in one line."""

from __future__ import annotations

import contextlib
import os
import stat
import struct
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ldbench.errors import ResultError
from ldbench.run.submission.contents import LISTING, Limits, allowed
from ldbench.run.submission.pack import pack
from ldbench.run.submission.unpack import unpacked

from .conftest import Change, listed, members, png, refused, zipped


def test_an_archive_is_there_for_whoever_the_umask_lets_read(run: Path, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        done = pack(run, tmp_path / "out" / "x.zip")
        inside = tmp_path / "file"
        inside.touch()
        with pytest.raises(ResultError, match=r"can't write .*x\.zip"):
            pack(run, inside / "x.zip")
    finally:
        os.umask(before)
    assert done.path.stat().st_mode & 0o777 == 0o644


HOSTILE = st.sampled_from([
    "..", ".", "/", "\\", "C:", "//", "images", "null", "images/", "back/", ".png", ".json", "result", "a.PNG", "./",
    "submission.json", "manifest.json", "a", "\0", "\n", "~", "con", "\u202e", "\u2215", " ", "%2e%2e", "fit", "IMAGES",
    "images/a.png", "result.json", "images/../../a.png", "images//a.png", "units.pkl", "é", "images/.a.png",
])  # fmt: skip
NAMES = st.one_of(st.text(max_size=40), st.lists(HOSTILE, min_size=1, max_size=5).map("".join))
REFUSED = NAMES.filter(lambda name: not allowed(zipfile.ZipInfo(name).filename))  # which ends at a NUL


@settings(max_examples=400)
@given(NAMES)
def test_an_allowed_name_is_one_plain_path_inside_the_folder(name: str) -> None:
    if allowed(name):
        path = PurePosixPath(name)
        assert str(path) == name
        assert not path.is_absolute()
        assert 1 <= len(path.parts) <= 3
        assert not any(part.startswith(".") for part in path.parts)
        assert name.isascii()
        assert name.isprintable()
        assert not set("\\:*?<>|~% ") & set(name)
        assert PureWindowsPath(name).parts == path.parts
        assert path.suffix in (".json", ".png")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(REFUSED, min_size=1, max_size=3, unique=True))
def test_no_hostile_name_is_unpacked(names: list[str], packed: bytes, tmp_path: Path) -> None:
    inner = tmp_path / "in"
    inner.mkdir(exist_ok=True)
    good = [(name, data) for name, data in members(packed).items()]
    refused(zipped([*good, *((name, png(1)) for name in names)]), inner, "given.zip: expected the files of a run alone")
    assert [path.name for path in inner.iterdir()] == ["given.zip"]
    assert {path.name for path in tmp_path.iterdir()} == {"in"}


def linked(info: zipfile.ZipInfo) -> None:
    info.external_attr = (stat.S_IFLNK | 0o777) << 16


def with_extra(info: zipfile.ZipInfo) -> None:
    info.extra = struct.pack("<HHQ", 1, 8, 5)


def remarked(info: zipfile.ZipInfo) -> None:
    info.comment = b"hello"


@pytest.mark.parametrize(
    ("change", "message"),
    [(linked, "got a link or device"), (with_extra, "one after the other"), (remarked, "further fields")],
)
def test_links_and_further_fields_are_refused(change: Change, message: str, packed: bytes, tmp_path: Path) -> None:
    refused(zipped(list(members(packed).items()), change), tmp_path, message)


def test_names_twice_and_folders_are_refused(packed: bytes, tmp_path: Path) -> None:
    good = list(members(packed).items())
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = zipped([*good, good[0]])
    refused(twice, tmp_path, "expected names that differ")
    refused(zipped([*good, ("images/B-2.png", png(1))]), tmp_path, "got 'images/b-2.png' and 'images/B-2.png'")
    refused(zipped([*good, ("images/", b"")]), tmp_path, "expected the files of a run alone, got 'images/'")


def test_nothing_compressed_or_encrypted_is_unpacked(packed: bytes, tmp_path: Path) -> None:
    bomb = listed({"manifest.json": b" " * (1 << 22)})
    refused(zipped(list(bomb.items()), compress=zipfile.ZIP_DEFLATED), tmp_path, "got a compressed one")
    refused(zipped(list(bomb.items()), compress=zipfile.ZIP_LZMA), tmp_path, "got a compressed one|got an encrypted")
    locked = bytearray(packed)
    for signature, at in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        place = locked.find(signature)
        while place >= 0:
            locked[place + at] |= 1
            place = locked.find(signature, place + 4)
    refused(bytes(locked), tmp_path, "got an encrypted one")


def test_sizes_that_headers_lie_about_are_refused(packed: bytes, tmp_path: Path) -> None:
    place = packed.index(b"PK\x01\x02")
    for offset, value in ((24, 5), (20, 5), (24, 1 << 31), (20, 1 << 31), (42, 77)):
        lying = bytearray(packed)
        lying[place + offset : place + offset + 4] = struct.pack("<L", value)
        refused(bytes(lying), tmp_path, "expected")
    both = bytearray(packed)  # sizes that agree with each other and not with the next entry
    both[place + 20 : place + 28] = struct.pack("<2L", 5, 5)
    refused(bytes(both), tmp_path, "one after the other")


def test_other_layouts_of_a_zip_are_refused(packed: bytes, tmp_path: Path) -> None:
    remark = packed[:-2] + struct.pack("<H", 3) + b"abc"
    refused(remark, tmp_path, "another file or one cut short")
    refused(packed + b"\0", tmp_path, "another file or one cut short")
    refused(b"#!/bin/sh\n" + packed, tmp_path, "another file or one cut short")
    refused(packed[:40] + packed, tmp_path, "entries, directory, end and no more")
    locator = packed[:-22] + struct.pack("<4sLQL", b"PK\x06\x07", 0, len(packed) - 22, 1) + packed[-22:]
    refused(locator, tmp_path, "zip64")
    many = packed[:-14] + b"\xff\xff\xff\xff" + packed[-10:]
    refused(many, tmp_path, "zip64")
    for nothing in (b"", b"PK", b"not a zip at all, but long enough to hold its last record, were there one"):
        refused(nothing, tmp_path, "another file or one cut short")
    with pytest.raises(ResultError, match="no such file"), unpacked(tmp_path / "absent.zip"):
        pass
    with pytest.raises(ResultError, match="no such file"), unpacked(tmp_path):
        pass


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_passes_unseen(data: st.DataObject, packed: bytes, tmp_path: Path) -> None:
    where, bits = data.draw(st.integers(0, len(packed) - 1)), data.draw(st.integers(0, 255))
    damaged = bytearray(packed)
    damaged[where] ^= bits
    given_ = bytes(damaged) if data.draw(st.booleans()) else packed[:where]
    path = tmp_path / "given.zip"
    path.write_bytes(given_)
    found = members(packed)  # also where the damage is in a date or the like, which nobody reads
    with contextlib.suppress(ResultError), unpacked(path) as folder:
        found = {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}
    assert found == members(packed)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("units.json", b"[" * 100 + b"]" * 100, "at most 32 deep"),
        ("units.json", b"[" * 100000, "expected JSON, got lists or tables too deep"),
        ("units.json", b'{"a": NaN}', "NaN, which is no finite number"),
        ("units.json", b'{"a": 1e999}', "1e999, which is no finite number"),
        ("units.json", b'{"a": 1' + b"0" * 500 + b"}", "a number of 501 digits"),
        ("units.json", rb'{"a": "\u001b[2J"}', "control characters"),
        ("units.json", rb'{"\u009b2J": 1}', "control characters"),
        ("units.json", b"\xff\xfe{}", "expected JSON"),
        ("units.json", b"\x80\x04K\x01.", "expected JSON"),
        ("samples.png", b"GIF89a" + b"\0" * 40, "expected a PNG"),
        ("samples.png", png(3)[:16] + struct.pack(">2L", 60000, 60000) + png(3)[24:], "got 60000 x 60000"),
        ("samples.png", b"", "expected a PNG"),
    ],
)
def test_what_files_hold_is_looked_at_before_it_is_used(
    name: str, content: bytes, message: str, packed: bytes, tmp_path: Path
) -> None:
    files = {key: data for key, data in members(packed).items() if key != LISTING}
    refused(zipped(list(listed({**files, name: content}).items())), tmp_path, message)


def test_the_listing_names_every_file_and_no_other(packed: bytes, tmp_path: Path) -> None:
    files = members(packed)
    more = {**files, "units.json": b"{}"}
    refused(zipped(list(more.items())), tmp_path, "got others: 'units.json'")
    fewer = {name: data for name, data in files.items() if name != "images/c.png"}
    refused(zipped(list(fewer.items())), tmp_path, "got others: 'images/c.png'")
    unlisted = [item for item in files.items() if item[0] != LISTING]
    refused(zipped(unlisted), tmp_path, "expected submission.json, got none")
    wrong = {**files, "images/c.png": png(200)}
    refused(zipped(list(wrong.items())), tmp_path, "got others: 'images/c.png'")
    for text, message in ((b"{}", "version None"), (b'{"schema_version": 1}', "files"), (b"[]", "version None")):
        refused(zipped(list({**files, LISTING: text}.items())), tmp_path, message)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(files=5), "at most 5 short names"), (Limits(archive=1000), "at most 1000 bytes"),
        (Limits(image=60), r"expected at most 60 bytes, got"), (Limits(json=100), "expected at most 100 bytes"),
        (Limits(pixels=63), "expected 1 to 63 pixels, got 8 x 8"), (Limits(depth=2), "at most 2 deep"),
    ],
)
def test_limits_hold(limits: Limits, message: str, packed: bytes, tmp_path: Path) -> None:
    refused(packed, tmp_path, message, limits)
