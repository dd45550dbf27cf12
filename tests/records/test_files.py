"""A file is there whole or not at all, and readable by whom its writer's umask allows."""

from __future__ import annotations

import errno
import json
import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldbench.errors import ResultError
from ldbench.records import files
from ldbench.records.files import (
    read_json,
    refusal,
    text_of,
    user_cache_folder,
    whole_file,
    write_cache,
    write_text_atomic,
    write_together,
)


@pytest.fixture
def group_mask() -> Iterator[None]:
    """A umask that lets the group read and write."""
    before = os.umask(0o007)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_file_appears_when_the_block_ends_and_nothing_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    with whole_file(path) as part:
        part.write_text("whole", encoding="utf-8")
        assert not path.exists()
    assert path.read_text(encoding="utf-8") == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_block_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(UnicodeEncodeError), whole_file(path) as part, part.open("w", encoding="ascii") as file:
        file.writelines(["half, then ", "\N{SNOWMAN}"])
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("group_mask")
def test_permissions_are_the_umasks_unless_the_file_is_private(tmp_path: Path) -> None:
    write_text_atomic(tmp_path / "result.json", "{}")
    write_text_atomic(tmp_path / "skipped.csv", "", private=True)
    assert mode(tmp_path / "result.json") == 0o660
    assert mode(tmp_path / "skipped.csv") == 0o600


def test_a_text_that_cannot_be_written_is_one_line_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for inside in (tmp_path / "file" / "a.json", tmp_path / "file" / "below" / "a.json"):
        said = r"can't write .*a\.json: \S*/file is a file, and a folder is expected; choose another --out$"
        with pytest.raises(ResultError, match=said) as stop:
            write_text_atomic(inside, "{}")
        assert "\n" not in str(stop.value)
    (tmp_path / "folder").mkdir()
    said = r"can't write \S*: \S*/folder is a folder, and a file is expected; choose another --out$"
    with pytest.raises(ResultError, match=said):
        write_text_atomic(tmp_path / "folder", "{}")
    said = r"can't write: No space left on device; free space or choose another --out$"
    with pytest.raises(ResultError, match=said), refusal("write"):
        raise OSError(errno.ENOSPC, "No space left on device", "file")
    for number in (errno.EROFS, errno.EACCES, errno.EPERM):  # where space is no remedy
        with pytest.raises(ResultError, match=r"can't write: refused; choose another --out$"), refusal("write"):
            raise OSError(number, "refused", "file")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "folder"]


def test_of_files_that_belong_together_all_or_none_are_written(tmp_path: Path) -> None:
    units, result = tmp_path / "units.json", tmp_path / "result.json"
    write_together({units: iter(["1", "\n"]), result: "1\n"})
    assert (units.read_text("utf-8"), result.read_text("utf-8")) == ("1\n", "1\n")

    def broken() -> Iterator[str]:
        yield "2"
        raise ValueError("odd")

    for texts in ({units: "2", result: broken()}, {units: broken(), result: "2"}):
        with pytest.raises(ValueError, match="odd"):
            write_together(texts)
        assert (units.read_text("utf-8"), result.read_text("utf-8")) == ("1\n", "1\n")
    assert sorted(tmp_path.iterdir()) == [result, units]


def test_where_files_cannot_be_put_in_their_places_the_last_one_is_gone_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "units.json").mkdir()
    texts = {tmp_path / "units.json": "2", tmp_path / "result.json": "2"}
    with pytest.raises(ResultError, match=r"^can't write \S*result\.json: \S*units\.json is a folder, and a file is "):
        write_together(texts)
    (tmp_path / "result.json").write_text("1", encoding="utf-8")
    with pytest.raises(ResultError, match=r"^can't replace \S*result\.json, which is gone now: \S*units\.json is a "):
        write_together(texts)
    assert [each.name for each in tmp_path.iterdir()] == ["units.json"]


def test_a_text_may_come_in_pieces_and_a_lone_surrogate_stays_readable(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_text_atomic(path, (piece for piece in ("one, ", "two")), flush=False)
    assert path.read_text(encoding="utf-8") == "one, two"
    write_text_atomic(path, json.dumps("\ud800", ensure_ascii=False))
    assert json.loads(path.read_text(encoding="utf-8")) == "\ud800"


def test_pieces_that_fail_leave_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_text_atomic(path, "old")
    with pytest.raises(ZeroDivisionError):
        write_text_atomic(path, (str(1 // number) for number in (1, 0)))
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_given_twice_and_a_file_too_large_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": 1, "a": 2}', encoding="utf-8")
    with pytest.raises(ResultError, match=r"a\.json: expected JSON, got a key given twice in one object; the file may"):
        read_json(path, "a record")
    with pytest.raises(ResultError, match=r"a\.json: expected a record of at most 15 bytes, got more"):
        read_json(path, "a record", limit=15)
    path.write_text('{"a": 1}', encoding="utf-8")
    assert read_json(path, "a record", limit=8) == {"a": 1}


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\ufeff")))
def test_a_text_is_the_same_in_every_encoding_that_says_which_it_is(text: str) -> None:
    windows = text.replace("\n", "\r\n")
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert text_of(text.encode(encoding)) == text
        assert text_of(windows.encode(encoding)) == text
    assert text_of(b"\xfe\xff" + text.encode("utf-16-be")) == text


@pytest.mark.parametrize("raw", [b"caf\xe9", b"\xff\xfea", b"\xef\xbb\xbfcaf\xe9", b"\xff\xfe\x00\xd8"])
def test_a_text_that_is_damaged_is_still_refused(raw: bytes, tmp_path: Path) -> None:
    with pytest.raises(UnicodeDecodeError):
        text_of(raw)
    (tmp_path / "a.json").write_bytes(raw)
    said = r"a\.json: expected JSON, got a file that is no text in UTF-8; the file may be truncated$"
    with pytest.raises(ResultError, match=said):
        read_json(tmp_path / "a.json", "a record")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "an empty file"), ("<html>", r"a text that is no JSON \(line 1, column 1\)"),
        ('{\n "a": 1,\n}', r"a text that is no JSON \(line \d, column \d\)"),
    ],
)  # fmt: skip
def test_a_text_that_is_no_json_is_named_by_its_place(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(ResultError, match=rf"a\.json: expected JSON, got {said}; the file may be truncated$"):
        read_json(tmp_path / "a.json", "a record")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_json_may_have_a_byte_order_mark(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": "ä"}', encoding=encoding)
    assert read_json(tmp_path / "a.json", "a record") == {"a": "ä"}


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A user in no passwd, without HOME, in an empty folder."""

    def unknown(uid: int) -> None:
        raise KeyError(uid)

    for name in ("HOME", "LDBENCH_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.chdir(tmp_path)
    files._temporary_cache.cache_clear()
    yield
    files._temporary_cache.cache_clear()


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize("chosen", ["", "~/cache", "~nobody-of-this-name/cache"])
def test_without_a_home_the_cache_is_a_temporary_folder_and_one_warning_says_so(
    chosen: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if chosen:
        monkeypatch.setenv("LDBENCH_CACHE", chosen)
    folder = user_cache_folder()
    assert folder.is_dir()
    assert user_cache_folder() == folder
    assert mode(folder) == 0o700
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("warning: can't keep a cache in ~")
    assert said.err.count("\n") == 1
    with pytest.raises(ResultError, match=r"expected a user with a home folder, .*; set LDBENCH_CACHE$"):
        user_cache_folder(lasting=True)
    assert list(tmp_path.iterdir()) == []  # no folder called ~
    folder.rmdir()


def test_a_temporary_cache_goes_with_its_process(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    script = (
        "from ldbench.records.files import user_cache_folder, write_cache; folder = user_cache_folder()\n"
        "write_cache(folder / 'features' / 'a', lambda file: file.write(b'1')); print(folder / 'features' / 'a')\n"
        "assert (folder / 'features' / 'a').is_file()"
    )
    environment = {**os.environ, "LDBENCH_CACHE": str(tmp_path / "file" / "cache"), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert Path(done.stdout.strip()).is_relative_to(tmp_path)
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_can_be_read_or_made_is_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for chosen in (".", "new/folder", str(tmp_path), str(tmp_path / "a" / "b")):
        monkeypatch.setenv("LDBENCH_CACHE", chosen)
        assert user_cache_folder() == user_cache_folder(lasting=True) == Path(chosen)
    assert capsys.readouterr().err == ""
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_this_user_may_not_write_is_no_cache_unless_one_is_there_to_be_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def read_only(path: Path, wanted: int) -> bool:
        return not wanted & os.W_OK

    monkeypatch.setattr(files.os, "access", read_only)  # as root, one may everything
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path / "new"))
    temporary = user_cache_folder()
    assert temporary != tmp_path / "new"
    expected = f"warning: can't keep a cache in {tmp_path / 'new'}; it is in {temporary}"
    assert capsys.readouterr().err.startswith(expected)
    assert user_cache_folder(lasting=True) == tmp_path / "new"
    (tmp_path / "new").mkdir()
    assert user_cache_folder() == tmp_path / "new"
    temporary.rmdir()


def test_a_cache_that_cannot_be_written_is_one_warning_and_no_stop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in ("features/a.npy", "features/b.npy", "judges/c"):
        write_cache(tmp_path / name, full)
    assert capsys.readouterr().err == (
        f"warning: can't write the cache {tmp_path}: No space left on device; what it would hold is computed anew each "
        "time. Set LDBENCH_CACHE to a folder that you may write\n"
    )
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

    def short(file: BinaryIO) -> None:
        raise OSError(f"{file.tell()} requested and 0 written")  # as numpy says it

    for name in ("features/a.npy", "features/b.npy"):
        write_cache(tmp_path / name, short)
    assert capsys.readouterr().err.count("a short write; ") == 1
    write_cache(tmp_path / "features/a.npy", lambda file: file.write(b"whole"))
    assert (tmp_path / "features/a.npy").read_bytes() == b"whole"
    (tmp_path / "taken").touch()
    write_cache(tmp_path / "taken" / "features" / "a.npy", full)
    assert "taken: Not a directory; " in capsys.readouterr().err
