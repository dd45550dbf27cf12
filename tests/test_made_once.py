"""Once for all workers: who comes second waits and finds it, and half of it is never taken for the whole."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.made_once import MadeOnce, shared_root


def test_the_second_waits_for_the_first_and_makes_nothing(tmp_path: Path) -> None:
    begun, go_on, calls = threading.Event(), threading.Event(), []

    def make(folder: Path) -> None:
        calls.append(folder)
        begun.set()
        assert go_on.wait(60)
        (folder / "x").write_text("whole", encoding="utf-8")

    def ask() -> None:
        found.append((MadeOnce(tmp_path).folder("a", make) / "x").read_text(encoding="utf-8"))

    found: list[str] = []
    first, second = threading.Thread(target=ask), threading.Thread(target=ask)
    first.start()
    assert begun.wait(60)
    second.start()
    second.join(0.05)
    assert second.is_alive()
    assert found == []
    go_on.set()
    for thread in (first, second):
        thread.join(60)
    assert found == ["whole", "whole"]
    assert len(calls) == 1


def test_what_failed_halfway_is_made_anew(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        MadeOnce(tmp_path).folder("a", fail)
    assert list(MadeOnce(tmp_path).folder("a", lambda folder: (folder / "whole").touch()).iterdir()) == [
        tmp_path / "a" / "whole"
    ]


def test_workers_of_one_session_share_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for worker in ("gw0", "gw1"):
        (tmp_path / worker).mkdir()
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    assert shared_root(tmp_path / "gw0") == shared_root(tmp_path / "gw1")
    monkeypatch.delenv("PYTEST_XDIST_WORKER")
    assert shared_root(tmp_path / "gw0") != shared_root(tmp_path / "gw1")
