"""The models that one command runs, each with its settings, checked before the first one starts."""

from __future__ import annotations

from collections.abc import Mapping

from ldbench.api import Generator
from ldbench.errors import UnknownNameError, UsageError
from ldbench.plugins.model_ref import code_of
from ldbench.records.result import ModelRef
from ldbench.run.pipeline import ready
from ldbench.task.card import Task


def ready_models(task: Task, overrides: Mapping[str, Mapping[str, str]]) -> dict[str, ModelRef]:
    """The record of each model with its settings, as `ready` checks them; raises what it raises.

    Where one of several models does not have a parameter, the line says how to set it for the others. `UsageError` for
    two models of one name and other code: they would share a folder, and one would be taken for the other.
    """
    found = {model: _ready(task, model, settings, len(overrides)) for model, settings in overrides.items()}
    rows = dict[str, str]()
    for model, (generator, ref) in found.items():
        first = rows.setdefault(f"{ref.name} {ref.parameters}", model)
        if first != model and code_of(first, found[first][0]) != code_of(model, generator):
            raise UsageError(
                f"{first} and {model}: expected a name each, got {ref.name} for both, with other code; rename one of "
                "them, or run each in a command of its own with another --out"
            )
    return {model: ref for model, (_, ref) in found.items()}


def _ready(task: Task, model: str, settings: Mapping[str, str], models: int) -> tuple[Generator, ModelRef]:
    try:
        return ready(task, model, settings)
    except UnknownNameError as error:
        if not settings or models == 1:
            raise
        raise UnknownNameError(f"{error}; to set it for one model alone, write --set MODEL:key=value") from error
