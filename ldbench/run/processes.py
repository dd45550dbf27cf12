"""Several processes at one run, as `accelerate launch` starts them: who this is, and where all wait for each other.

Accelerate does the work; this module only asks it. One process is the rule and needs none of it. Refuses to start
processes of its own.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Processes:
    """This process's place among those of a run; `local_index` counts those on the same machine, as GPUs do."""

    index: int = 0
    count: int = 1
    local_index: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process does what must be done once."""
        return self.index == 0

    def wait(self) -> None:
        """Return when every process has come here."""
        if self.count > 1:
            from accelerate import PartialState

            PartialState().wait_for_everyone()


def current_processes(device: str) -> Processes:
    """The processes that a launcher has started for this run; on a CPU they meet over gloo."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Processes()
    from accelerate import PartialState

    # the others wait while the first scores, for longer than the 10 minutes that NCCL gives them
    state = PartialState(cpu=device == "cpu", timeout=timedelta(days=7))
    return Processes(state.process_index, state.num_processes, state.local_process_index)


def is_first_process() -> bool:
    """Whether this process is the one that speaks; true without a launcher."""
    return os.environ.get("RANK", "0") == "0"
