"""The classifier on the pretended device: in less memory than a whole batch asks for, and with sums in one order."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SIDE, COUNT, SHARE = 256, 16, 0.7


@pytest.mark.slow
def test_a_device_that_is_too_small_for_a_batch_trains(library: Path) -> None:
    command = [sys.executable, "-m", "tests.pretend_gpu.classifier", *map(str, (library, SIDE, COUNT, SHARE))]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    plenty, scarce = map(json.loads, run.stdout.splitlines())
    assert plenty["lines"] == []
    assert scarce["peak"] <= SHARE * plenty["peak"]
    assert scarce["lines"] == [
        "classifier: out of memory with 16 at a time, goes on with what the backward pass needs on the host"
    ]
    for trained in (plenty, scarce):
        assert trained["trained_under"] == [[True, False, False]] * 2
        assert trained["afterwards"] == [False, False, True]
