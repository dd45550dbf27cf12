"""What lies below folders of runs: which runs were begun and are finished nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.board.gather import board_set
from ldbench.records.files import write_json
from ldbench.records.result import ModelRef, Result, TaskRef
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
