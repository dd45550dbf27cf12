"""The rounds beside a result: none is lost where several are added at a time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ldbench.records import fresh
from ldbench.records.fresh import FreshRound, FreshRounds
from ldbench.records.result import ModelRef, Result, TaskRef

RESULT = Result(TaskRef("t", 1, "aging", "c" * 64), ModelRef("m", None, None), "measured", [], images_hash="d" * 64)


def test_rounds_that_are_added_at_once_are_all_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, path = fresh.beside, tmp_path / "result.json"

    def slowly(path: Path, result: Result) -> FreshRounds | None:
        found = read(path, result)
        time.sleep(0.02)
        return found

    monkeypatch.setattr(fresh, "beside", slowly)
    rounds = [FreshRound(TaskRef(f"t-{seed}", 1, "aging", "c" * 64), seed, "", "", ()) for seed in range(8)]
    with ThreadPoolExecutor(4) as runs:
        assert {file.name for file in runs.map(lambda one: fresh.add(path, RESULT, one), rounds)} == {"fresh.json"}
    kept = read(path, RESULT)
    assert kept is not None
    assert kept.rounds == tuple(rounds)
