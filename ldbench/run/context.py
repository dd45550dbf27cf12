"""A run as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ldbench.data.task_data import TaskData
from ldbench.records.result import ModelRef
from ldbench.records.run_folder import RunFolder
from ldbench.run.processes import Processes
from ldbench.run.settings import Settings

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class RunContext:
    """What the stages of a run share. The generator is not in it: scoring never needs one."""

    data: TaskData
    model: ModelRef
    settings: Settings
    device: torch.device
    folder: RunFolder
    processes: Processes = field(default_factory=Processes)
    content: Mapping[str, str] = field(default_factory=dict)
    fitted: RunFolder | None = None  # a run whose fit this one shares
