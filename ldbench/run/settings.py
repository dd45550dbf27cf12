"""How a run was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ldbench.api import Progress, silent
from ldbench.errors import UsageError
from ldbench.records.seed import check_seed


def _unsaid(line: str) -> None:
    """Say nothing: the default of `Settings.say`."""


@dataclass(frozen=True)
class Settings:
    """How to run: where results go, the run's seed, device and batch size, and generator parameters as text.

    `say` is given what the user should know of a run beside its progress, a line a call.
    """

    out: Path
    seed: int = 0
    device: str = "auto"
    batch_size: int = 50
    overrides: Mapping[str, str] = field(default_factory=dict)
    progress: Progress = silent
    say: Callable[[str], None] = _unsaid

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise UsageError(f"--batch-size: expected 1 or more, got {self.batch_size}")
        check_seed(self.seed)
