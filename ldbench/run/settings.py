"""How a run was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ldbench.api import ParameterValue, Progress, silent
from ldbench.errors import UsageError
from ldbench.records.names import unsaid
from ldbench.records.seed import check_seed
from ldbench.task.card import Task


@dataclass(frozen=True)
class Settings:
    """How to run: where results go, the run's seed, device and batch size, and generator parameters, of which texts are
    read as `--set` reads them.

    `say` is given what the user should know of a run beside its progress, a line a call. `warn`, where there is one, is
    given that a finished run is none of the code that is here; it may raise.
    """

    out: Path
    seed: int = 0
    device: str = "auto"
    batch_size: int = 50
    overrides: Mapping[str, ParameterValue] = field(default_factory=dict)
    progress: Progress = silent
    say: Callable[[str], None] = unsaid
    warn: Callable[[str], None] | None = None

    def __post_init__(self) -> None:
        if type(self.batch_size) is not int or self.batch_size < 1:
            raise UsageError(f"--batch-size: expected an int of 1 or more, got {self.batch_size!r}")
        check_seed(self.seed)


def off_card(task: Task, seed: int) -> str | None:
    """What to tell whoever runs a seed that the card does not name: boards rank by the card's seeds alone."""
    named = ", ".join(map(str, task.protocol.seeds))
    line = f"seed {seed}: not one of the card's ({named}), so boards won't rank by it"
    return None if seed in task.protocol.seeds else line
