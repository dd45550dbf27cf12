"""A lock on a file: one holder at a time, and one line where the disk has no locks."""

from __future__ import annotations

import errno
import fcntl
import threading
from pathlib import Path
from typing import TextIO

import pytest

from ldbench.errors import ResultError
from ldbench.records.lock import is_locked, locked


def test_one_holds_it_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    with locked(path, wait=False), pytest.raises(BlockingIOError):
        locked(path, wait=False)
    locked(path, wait=True).close()


def test_a_look_at_it_keeps_nobody_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, flock, looking, refused = tmp_path / "lock", fcntl.flock, threading.Event(), threading.Event()
    locked(path, wait=False).close()

    def slowly(handle: TextIO, how: int) -> None:
        try:
            flock(handle, how)
        except BlockingIOError:
            refused.set()
            raise
        if how & fcntl.LOCK_SH:
            looking.set()
            refused.wait(10)

    monkeypatch.setattr(fcntl, "flock", slowly)
    reader = threading.Thread(target=is_locked, args=[path])
    reader.start()
    assert looking.wait(10)
    with locked(path, wait=False):
        assert is_locked(path)
    reader.join()
    assert not is_locked(path)


def test_a_file_that_its_holder_took_away_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, flock, first = tmp_path / "lock", fcntl.flock, [True]

    def taken_away(handle: TextIO, how: int) -> None:
        if first.pop() if first else False:
            path.unlink()
        flock(handle, how)

    monkeypatch.setattr(fcntl, "flock", taken_away)
    with locked(path, wait=True), pytest.raises(BlockingIOError):
        locked(path, wait=False)


def test_a_disk_without_locks_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.raises(ResultError, match=r"can't lock .*: No locks available; choose an --out on a disk that locks"):
        locked(tmp_path / "lock", wait=True)
