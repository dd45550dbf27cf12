"""What costs much to make and is only read is made once in a session of tests, however many workers it has."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class MadeOnce:
    """Folders by name below one that all workers of a session share."""

    root: Path

    def folder(self, name: str, make: Callable[[Path], object]) -> Path:
        """The folder of this name, which the first to ask has `make` fill while the others wait.

        What a process that failed or died left of it is made anew. No test may change what it finds there.
        """
        folder, finished = self.root / name, self.root / f"{name}.finished"
        with (self.root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not finished.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                finished.touch()
        return folder


def shared_root(basetemp: Path) -> Path:
    """A folder of this session for all its workers, given pytest's own, which of xdist's workers each has one."""
    root = (basetemp.parent if "PYTEST_XDIST_WORKER" in os.environ else basetemp) / "made-once"
    root.mkdir(exist_ok=True)
    return root


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """Makes a folder once for all workers."""
    return MadeOnce(shared_root(tmp_path_factory.getbasetemp()))
