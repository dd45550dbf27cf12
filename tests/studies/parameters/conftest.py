"""A training split of sixty scans, so that a search takes a fraction of a second."""

from __future__ import annotations

import dataclasses

import pytest
from ldbench_sandbox.dataset import FrozenDataset

from ldbench.api import Record
from ldbench.data.task_data import TaskData, task_data
from ldbench.studies.parameters import workbench
from ldbench.task.card import Task


@pytest.fixture(autouse=True)
def _few_scans(monkeypatch: pytest.MonkeyPatch) -> None:
    def few(task: Task, seed: int) -> TaskData:
        data = task_data(task, seed)
        kept = {case.id for case in data.cases}
        records = [record for record in data.train.records if record.id in kept]
        records += [record for record in data.train.records if record.id not in kept][: 60 - len(records)]
        return dataclasses.replace(data, train=dataclasses.replace(data.train, records=tuple(records)))

    monkeypatch.setattr(workbench, "task_data", few)


@pytest.fixture
def splits_read(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The splits of the sandbox of which an image was read."""
    original, read = FrozenDataset.image, set[str]()

    def spied(self: FrozenDataset, record: Record) -> object:
        read.add(record.split)
        return original(self, record)

    monkeypatch.setattr(FrozenDataset, "image", spied)
    return read
