"""SHA-256 of files: the known value, the altered file, the missing file."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.errors import DataError
from ldbench.records.checksum import sha256_file, verify

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4, example "abc"


def test_the_published_value_of_abc(tmp_path: Path) -> None:
    file = tmp_path / "abc"
    file.write_bytes(b"abc")
    assert sha256_file(file) == ABC
    verify(file, ABC)


def test_an_altered_file_is_one_line_with_both_hashes(tmp_path: Path) -> None:
    file = tmp_path / "abc"
    file.write_bytes(b"abd")
    with pytest.raises(DataError, match=f"expected SHA-256 {ABC}, got {sha256_file(file)}; restore") as error:
        verify(file, ABC)
    assert "\n" not in str(error.value)
    assert str(file) in str(error.value)


@pytest.mark.parametrize("expected", ["", ABC[:-1], ABC.upper(), "x" * 64])
def test_an_expectation_that_is_no_hash_is_refused(tmp_path: Path, expected: str) -> None:
    file = tmp_path / "abc"
    file.write_bytes(b"abc")
    with pytest.raises(DataError, match="64 lower-case hex digits"):
        verify(file, expected)


def test_a_missing_file_or_a_folder_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(DataError, match=r"can't read .*expected a readable file"):
            sha256_file(path)
