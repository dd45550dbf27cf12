"""The command line that does a run, or goes on with it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

_USUAL = {"device": "auto", "batch_size": 50}  # what the command takes where nothing is said


class AskedRun(Protocol):
    """How a run was asked for."""

    @property
    def out(self) -> Path:
        """Where results go."""

    @property
    def seed(self) -> int:
        """The run's seed."""

    @property
    def device(self) -> str:
        """The device's name."""

    @property
    def batch_size(self) -> int:
        """Images generated at a time."""

    @property
    def overrides(self) -> Mapping[str, str]:
        """The generator's parameters that were set, as texts."""


def command_of(task_name: str, model_name: str, asked: AskedRun) -> str:
    """The command line, with names and paths as they were given, so from where this process is."""
    words = ["ldbench", "run", task_name, model_name, "--seed", str(asked.seed), "--out", str(asked.out)]
    if asked.device != _USUAL["device"]:
        words += ["--device", asked.device]
    if asked.batch_size != _USUAL["batch_size"]:
        words += ["--batch-size", str(asked.batch_size)]
    for key, value in asked.overrides.items():
        words += ["--set", f"{key}={value}"]
    return shlex.join(words)
