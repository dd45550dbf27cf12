"""The files below a root."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.data.prepare.readers.listing import files_below
from ldbench.errors import DataError


def test_links_are_followed_once_and_a_missing_root_is_refused(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "a.nii").touch()
    (tmp_path / "root" / ".hidden").touch()
    (tmp_path / "root" / "linked").symlink_to(tmp_path / "away")
    (tmp_path / "away" / "loop").symlink_to(tmp_path / "root")
    assert files_below(tmp_path / "root") == [tmp_path / "root" / "linked" / "a.nii"]
    with pytest.raises(DataError, match="expected the folder of a data set"):
        files_below(tmp_path / "none")
