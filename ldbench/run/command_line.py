"""The command line that does a run, or goes on with it."""

from __future__ import annotations

import shlex

from ldbench.run.settings import Settings


def command_of(task_name: str, model_name: str, settings: Settings) -> str:
    """The command line, with names and paths as they were given, so from where this process is."""
    words = ["ldbench", "run", task_name, model_name, "--seed", str(settings.seed), "--out", str(settings.out)]
    if settings.device != Settings.device:
        words += ["--device", settings.device]
    if settings.batch_size != Settings.batch_size:
        words += ["--batch-size", str(settings.batch_size)]
    for key, value in settings.overrides.items():
        words += ["--set", f"{key}={value}"]
    return shlex.join(words)
