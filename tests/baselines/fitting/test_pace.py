"""When a checkpoint is due, and writing it beside the training."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from ldbench_baselines.fitting import checkpoint
from ldbench_baselines.fitting.checkpoint import CheckpointPace, Writer
from safetensors.torch import load_file

from ldbench.errors import GeneratorError


def test_by_steps_alone_on_a_cpu_and_by_time_too_on_a_gpu() -> None:
    now = [0.0]
    by_steps, by_time = CheckpointPace(10, 0.0), CheckpointPace(10, 600.0, clock=lambda: now[0])
    due = []
    for step in range(1, 101):
        now[0] += 30.0
        if by_time.due(step):
            due.append(step)
    assert due == [20, 40, 60, 80, 100]
    assert [step for step in range(1, 41) if by_steps.due(step)] == [10, 20, 30, 40]
    assert (CheckpointPace.of(7, on_gpu=False).seconds, CheckpointPace.of(7, on_gpu=True).seconds) == (0.0, 600.0)


def test_in_the_background_what_was_handed_over_is_written_whatever_changes_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, save = threading.Event(), checkpoint.save_atomic

    def slow(*args: Any) -> None:
        assert go.wait(20)
        save(*args)

    monkeypatch.setattr(checkpoint, "save_atomic", slow)
    value = torch.ones(3)
    with Writer(in_background=True) as writer:
        writer.write({"a": value}, tmp_path / "a.safetensors", {})
        value += 1
        assert not (tmp_path / "a.safetensors").exists()
        go.set()
    assert load_file(tmp_path / "a.safetensors")["a"].tolist() == [1.0, 1.0, 1.0]


def test_what_went_wrong_in_the_background_is_raised(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(GeneratorError, match="can't write"), Writer(in_background=True) as writer:
        writer.write({"a": torch.ones(1)}, tmp_path / "file" / "a.safetensors", {})


def test_it_does_not_hide_what_ended_the_fit(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")

    def stopped() -> None:
        with Writer(in_background=True) as writer:
            writer.write({"a": torch.ones(1)}, tmp_path / "file" / "a.safetensors", {})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
