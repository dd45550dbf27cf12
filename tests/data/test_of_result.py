"""The data behind a result: found by the card it names, and refused where card or data are others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ldbench.data.of_result import recorded_data, task_ref
from ldbench.data.task_data import task_data
from ldbench.errors import ResultError, UnknownNameError
from ldbench.task import card
from tests.conftest import small_card

TASK = card.load("sandbox-brain-t2i")


def test_the_data_are_those_of_the_run() -> None:
    split = task_data(TASK, 0).split_hash()
    data = recorded_data(task_ref(TASK), split, 3, "a run")
    assert data.task == TASK
    assert [case.prompt for case in data.cases] == [case.prompt for case in task_data(TASK, 3).cases]
    assert recorded_data(task_ref(TASK), split, None, "a run").cases[0].id == data.cases[0].id


def test_other_cards_and_other_data_are_refused(tmp_path: Path) -> None:
    recorded, split = task_ref(TASK), task_data(TASK, 0).split_hash()
    with pytest.raises(ResultError, match="a run was measured on sandbox-brain-t2i version 9"):
        recorded_data(replace(recorded, version=9), split, 0, "a run")
    with pytest.raises(ResultError, match="but the card here is small version 2"):
        recorded_data(recorded, split, 0, "a run", str(small_card(tmp_path)))
    with pytest.raises(ResultError, match="a run was measured over other data"):
        recorded_data(recorded, "0" * 64, 0, "a run")


def test_a_task_that_is_not_installed_needs_its_card(tmp_path: Path) -> None:
    path = str(small_card(tmp_path))
    small, split = task_ref(card.load(path)), task_data(TASK, 0).split_hash()
    assert len(recorded_data(small, split, 0, "a run", path).cases) == 8
    for task_id in ("small", path):  # an id is never taken for a path
        with pytest.raises(UnknownNameError) as stop:
            recorded_data(replace(small, id=task_id), split, 0, "a run")
        assert str(stop.value) == (
            f"unknown task {task_id!r}: no installed card has this id; give its card's path by --task"
        )
