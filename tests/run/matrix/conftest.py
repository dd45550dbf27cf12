"""What tests with real processes share: starting a matrix, waiting for signs on disk, and reading what came of it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parents[2]
SLOW = f"{HERE / 'stand_ins' / 'slow_generator.py'}:Slow"
NO_LOG = Path(os.devnull)


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder with a path that is short enough for sockets; a killed Ray can't clear up its own."""
    with tempfile.TemporaryDirectory(prefix="m-", dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts `ldbench matrix` in a process group of its own, every warning an error; its output goes to a file."""
    processes = []

    def begin(*arguments: str, log: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-W", "error", "-m", "ldbench", "matrix", *arguments]
        with log.open("wb") as stream:
            processes.append(
                subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True)
            )
        return processes[-1]

    yield begin
    for process in processes:  # a test that failed may have left one
        process.terminate()
        process.wait()


def wait_until(true: Callable[[], object], process: subprocess.Popen[bytes] | None = None, log: Path = NO_LOG) -> None:
    """Wait for a sign on disk, from a process that must not end before."""
    deadline = time.monotonic() + 300
    while not true():
        assert process is None or process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
        time.sleep(0.05)


def records(folder: Path) -> dict[str, dict[str, Any]]:
    """All result files below a folder, without times and what else may differ between processes."""
    found = {}
    for path in folder.rglob("result.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        for key in ("created", "stages"):
            del record[key]
        found[str(path.relative_to(folder))] = record
    return found


def unlocked(folder: Path) -> bool:
    """Whether no process holds a run's folder."""
    with (folder / ".lock").open("w") as handle, contextlib.suppress(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False
