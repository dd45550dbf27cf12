"""The command line that does a run, or goes on with it; of a generator that was handed over in Python, the call."""

from __future__ import annotations

import shlex

from ldbench.api import Generator
from ldbench.plugins.given import Model
from ldbench.plugins.parameters import parameters, spelled
from ldbench.run.settings import Settings


def command_of(task_name: str, model: Model, settings: Settings) -> str:
    """The command line or call, with names and paths as they were given, so from where this process is."""
    if not isinstance(model, str):
        return _call(task_name, _expression(model), settings)
    words = ["ldbench", "run", task_name, model, "--seed", str(settings.seed), "--out", str(settings.out)]
    if settings.device != Settings.device:
        words += ["--device", settings.device]
    if settings.batch_size != Settings.batch_size:
        words += ["--batch-size", str(settings.batch_size)]
    for key, value in settings.overrides.items():
        words += ["--set", f"{key}={spelled(value)}"]
    return shlex.join(words)


def _call(task_name: str, generator: str, settings: Settings) -> str:
    """As `ldbench.run_task` takes it."""
    said: dict[str, object] = {"seed": settings.seed, "out": str(settings.out)}
    if settings.device != Settings.device:
        said["device"] = settings.device
    if settings.batch_size != Settings.batch_size:
        said["batch_size"] = settings.batch_size
    if settings.overrides:
        said["parameters"] = dict(settings.overrides)
    words = [repr(task_name), generator, *(f"{key}={value!r}" for key, value in said.items())]
    return f"ldbench.run_task({', '.join(words)})"


def _expression(model: type[Generator] | Generator) -> str:
    if isinstance(model, type):
        return model.__qualname__
    values = ", ".join(f"{key}={value!r}" for key, value in parameters(model).items())
    return f"{type(model).__qualname__}({values})"
