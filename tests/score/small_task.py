"""The disease task with few cases, and its true images as a generator's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from ldbench.data.task_data import TaskData
from ldbench.task import card
from ldbench.task.card import Task
from ldbench.task.metric_specs import JudgeSpec


def small(metrics: Mapping[str, Any], cases: int = 8, judge: JudgeSpec | None = None) -> Task:
    task = card.load("sandbox-brain-disease")
    protocol = replace(task.protocol, cases=cases, evaluation_cases=cases - 2)
    judge = judge or JudgeSpec(1, 32, 0.001, width=16)
    return replace(task, protocol=protocol, metrics=metrics, judge=judge, viewing=None)


def truths(data: TaskData) -> dict[str, torch.Tensor]:
    assert data.truth is not None
    return {case.id: data.truth(case.id) for case in data.cases}
