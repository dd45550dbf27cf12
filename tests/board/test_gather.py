"""What lies below folders of runs: which runs were begun and are finished nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.board.gather import board_set, collect
from ldbench.records.files import write_json
from ldbench.records.result import ModelRef, Result, TaskRef, write
from ldbench.records.run_folder import RunFolder

MODEL = ModelRef("noise", "ldbench", "0.1.0")


def finished(task: str) -> Result:
    return Result(TaskRef(task, 1, "text-to-image", "c" * 64), MODEL, "measured", [], seed=0, split_hash="5" * 64)


@pytest.mark.parametrize("task", ["my-brain", "my/brain"])
def test_a_run_is_unfinished_whatever_task_of_a_like_name_is_done(task: str, tmp_path: Path) -> None:
    folder = RunFolder.of(tmp_path, task, MODEL, 0)
    write_json(folder.state, {"task": task, "model": MODEL.name, "seed": 0})
    found = board_set([("elsewhere", finished("brain"))], [tmp_path])
    assert [one.folder for one in found.unfinished] == [folder.path]
    assert found.unfinished_of(task)
    assert board_set([("elsewhere", finished(task))], [tmp_path]).unfinished == []


def test_results_behind_a_link_are_read_as_all_others(tmp_path: Path) -> None:
    out, scratch = tmp_path / "runs", tmp_path / "scratch"
    for root, task in ((out, "brain"), (scratch, "chest")):
        write(finished(task), RunFolder.of(root, task, MODEL, 0).result)
    (out / "chest").symlink_to(scratch / "chest")
    there = [str(RunFolder.of(out, task, MODEL, 0).result) for task in ("brain", "chest")]
    assert [path for path, _ in collect([out])] == there
    assert [path for path, _ in collect([out, scratch])] == there
