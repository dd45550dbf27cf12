"""The models that one command runs, each with its settings, checked before the first one starts."""

from __future__ import annotations

from collections.abc import Mapping

from ldbench.errors import UnknownNameError
from ldbench.records.result import ModelRef
from ldbench.run.pipeline import ready
from ldbench.task.card import Task


def ready_models(task: Task, overrides: Mapping[str, Mapping[str, str]]) -> dict[str, ModelRef]:
    """The record of each model with its settings, as `ready` checks them; raises what it raises.

    Where one of several models does not have a parameter, the line says how to set it for the others.
    """
    return {model: _ready(task, model, settings, len(overrides)) for model, settings in overrides.items()}


def _ready(task: Task, model: str, settings: Mapping[str, str], models: int) -> ModelRef:
    try:
        return ready(task, model, settings)[1]
    except UnknownNameError as error:
        if not settings or models == 1:
            raise
        raise UnknownNameError(f"{error}; to set it for one model alone, write --set MODEL:key=value") from error
