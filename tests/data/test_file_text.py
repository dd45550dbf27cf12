"""A file is read in parts as it was opened, and refused once it was written to."""

from __future__ import annotations

import copy
import os
import pickle
from pathlib import Path

import pytest

from ldbench.data.file_text import FileText
from ldbench.errors import DataError


def test_parts_and_lines_of_a_file_that_was_removed(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"one\ntwo\nthree")
    text = FileText(path)
    path.unlink()
    assert (text[4:7], text[8:99]) == (b"two", b"three")
    for _ in range(2):
        with text.lines() as lines:
            assert list(lines) == [b"one\n", b"two\n", b"three"]
    assert text[0:3] == b"one"


def test_two_readers_do_not_move_each_other(tmp_path: Path) -> None:
    path = tmp_path / "text"
    expected = [b"%d\n" % index for index in range(30_000)]
    path.write_bytes(b"".join(expected))
    text = FileText(path)
    with text.lines() as one, text.lines() as other:
        pairs = list(zip(one, other, strict=True))
        assert pairs == list(zip(expected, expected, strict=True))
        assert one.tell() == other.tell() == path.stat().st_size


def test_a_file_that_was_written_to_is_another_one(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"one")
    first, same = FileText(path), FileText(path)
    assert len({first, same}) == 1
    os.utime(path, ns=(1, 1))
    assert FileText(path) != first
    with pytest.raises(DataError, match="text: changed or touched while it was read; let nothing write there"):
        first[0:1]
    with pytest.raises(DataError, match="changed or touched"), first.lines() as lines:
        lines.read()
    with pytest.raises(DataError, match="changed or touched"):
        pickle.loads(pickle.dumps(first))[0:1]


def test_a_copy_outlives_the_first_one(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"one")
    first = FileText(path)
    copies = [copy.copy(first), pickle.loads(pickle.dumps(first))]
    assert all(each == first for each in copies)
    del first
    assert [each[0:3] for each in copies] == [b"one", b"one"]
