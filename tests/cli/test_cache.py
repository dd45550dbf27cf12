"""`ldbench cache` as a user meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.errors import UnknownNameError
from tests.command_line import called


@pytest.fixture
def feature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cached file of 3 MiB."""
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path))
    path = tmp_path / "features" / "a.npy"
    path.parent.mkdir()
    path.write_bytes(bytes(3 * 2**20))
    return path


def test_list_names_the_folder_and_each_kind(feature: Path) -> None:
    listed = called("cache", "list").output.splitlines()
    assert listed[0] == str(feature.parents[1])
    (line,) = [line for line in listed if line.split()[:1] == ["features"]]
    assert line.split()[1:5] == ["1", "3.0", "MiB", "today"]


def test_clear_deletes_what_can_be_computed_again_and_says_how_much(feature: Path) -> None:
    weights = feature.parents[1] / "weights" / "mine.pt"
    weights.parent.mkdir()
    weights.write_bytes(b"mine")
    cleared = called("cache", "clear")
    assert "features: 3.0 MiB deleted, files: 1" in cleared.output.splitlines()
    assert "weights" not in cleared.output
    assert (feature.exists(), weights.exists()) == (False, True)


def test_files_in_use_stay(feature: Path) -> None:
    assert "features: 0.0 MiB deleted, files: 0" in called("cache", "clear", "features", "--unused-for", "1").output
    assert feature.exists()


def test_an_unknown_kind_deletes_nothing(feature: Path) -> None:
    refused = called("cache", "clear", "features", "feature")
    assert isinstance(refused.exception, UnknownNameError)
    assert "did you mean features" in str(refused.exception)
    assert feature.exists()
