"""The cache folder, kind by kind: what is counted, what is deleted, and what never is."""

from __future__ import annotations

import errno
import os
import re
import time
from pathlib import Path

import pytest

import ldbench
from ldbench.errors import ResultError
from ldbench.records.caches import FEATURES, JUDGES, RECOMPUTED, WEIGHTS, WHAT, cached_kinds, clear
from ldbench.records.files import whole_file

DAY = 86_400


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path))
    return tmp_path


def kept(folder: Path, name: str, size: int, days: float = 0) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    os.utime(path, times=(time.time() - days * DAY,) * 2)
    return path


def test_an_empty_cache_has_all_kinds_and_no_files(folder: Path) -> None:
    assert [(one.kind, one.files, one.size, one.unused_days) for one in cached_kinds()] == [
        (kind, 0, 0, None) for kind in WHAT
    ]
    assert sum(one.files for one in clear(WHAT)) == 0


def test_files_are_counted_wherever_they_lie_in_their_kind(folder: Path) -> None:
    kept(folder, "features/a.npy", 10, days=9)
    kept(folder, "features/deeper/b.npy", 5, days=3)
    features = next(one for one in cached_kinds() if one.kind == FEATURES)
    assert (features.files, features.size) == (2, 15)
    assert features.unused_days == pytest.approx(3, abs=0.01)


def test_only_what_was_not_used_for_so_long_is_deleted(folder: Path) -> None:
    old, new = kept(folder, "features/old.npy", 10, days=31), kept(folder, "features/new.npy", 5, days=29)
    (deleted,) = clear([FEATURES], unused_days=30)
    assert (deleted.files, deleted.size) == (1, 10)
    assert (old.exists(), new.exists()) == (False, True)


def test_a_file_that_was_read_lately_counts_as_used(folder: Path) -> None:
    path = kept(folder, "judges/judge.safetensors", 10)
    os.utime(path, times=(time.time(), time.time() - 100 * DAY))
    (deleted,) = clear([JUDGES], unused_days=30)
    assert (deleted.files, path.exists()) == (0, True)


def test_weights_data_and_what_links_lead_to_stay(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = kept(tmp_path_factory.mktemp("elsewhere"), "mine.npy", 3)
    staying = [kept(folder, "weights/inception.pt", 7), kept(folder, "data/adni1/manifest.csv", 7), elsewhere]
    (folder / "features").mkdir()
    (folder / "features" / "link.npy").symlink_to(elsewhere)
    assert sum(one.files for one in clear(RECOMPUTED)) == 0
    assert all(path.exists() for path in staying)
    assert [one.files for one in clear([WEIGHTS])] == [1]


def test_a_file_that_cannot_be_deleted_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(folder, "features/a.npy", 10)

    def refused(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(ResultError, match=r"can't delete .*a\.npy: Permission denied"):
        clear([FEATURES])


def test_what_is_being_written_stays(folder: Path) -> None:
    with whole_file(folder / "features" / "a.npy") as part:
        part.write_bytes(b"whole")
        assert [one.files for one in clear([FEATURES])] == [0]
    assert (folder / "features" / "a.npy").read_bytes() == b"whole"
    left = kept(folder, "features/.a.npy.0123", 10, days=2)  # by a process that was killed
    clear([FEATURES])
    assert not left.exists()


def test_a_folder_that_is_a_link_is_left_alone(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    shared = kept(tmp_path_factory.mktemp("shared"), "inception.pt", 7)
    (folder / "weights").symlink_to(shared.parent)
    assert [one.files for one in clear([WEIGHTS])] == [0]
    assert shared.exists()


def test_a_file_that_goes_meanwhile_is_not_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, there = kept(folder, "features/a.npy", 10), kept(folder, "features/b.npy", 5)
    look = Path.lstat

    def replaced(path: Path) -> os.stat_result:
        gone.unlink(missing_ok=True)
        return look(path)

    monkeypatch.setattr(Path, "lstat", replaced)
    features = next(one for one in cached_kinds() if one.kind == FEATURES)
    assert (features.files, features.size, there.exists()) == (1, 5, True)


def test_every_folder_of_the_cache_has_its_name_from_here() -> None:
    """No module spells a kind itself, so `ldbench cache` knows every folder that the suite writes."""
    spelt = re.compile(r"(?:user_cache_folder\(\)|cache_folder\.parent|cache) / [\"']")
    sources = Path(ldbench.__file__).parent.rglob("*.py")
    assert not [path for path in sources if spelt.search(path.read_text(encoding="utf-8"))]
