"""SHA-256 of files: the known value, the missing file."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.errors import DataError
from ldbench.records.checksum import sha256_file

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4, example "abc"


def test_the_published_value_of_abc(tmp_path: Path) -> None:
    file = tmp_path / "abc"
    file.write_bytes(b"abc")
    assert sha256_file(file) == ABC


def test_a_missing_file_or_a_folder_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(DataError, match=r"can't read .*expected a readable file"):
            sha256_file(path)
