"""A file is there whole or not at all, and readable by whom its writer's umask allows."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ldbench.errors import ResultError
from ldbench.records.files import read_json, whole_file, write_text_atomic


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
    with pytest.raises(ResultError, match=r"can't write .*a\.json: .*; free space or choose another --out$") as stop:
        write_text_atomic(tmp_path / "file" / "a.json", "{}")
    assert "\n" not in str(stop.value)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ResultError, match="can't write"):
        write_text_atomic(tmp_path / "folder", "{}")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "folder"]


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
