"""Which of a model's rows a page means: that of the parameters it ships with, or of those that are asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping

from ldbench.api import ParameterValue
from ldbench.errors import ResultError, UnknownNameError
from ldbench.plugins.generators import load_generator
from ldbench.plugins.parameters import build, parameters
from ldbench.records.result import ModelRef


def meant(asked: str, models: Iterable[ModelRef]) -> Callable[[ModelRef], bool]:
    """Tells the models that `NAME` or `NAME,key=value,...` stands for among those of a board.

    A name alone is the row of the parameters that the model ships with, or its only row; with settings, it is all rows
    that have these.
    """
    name, *settings = asked.split(",")
    if settings:
        keys, whole = [setting.partition("=")[0] for setting in settings], _parameters(name, *settings)
        values = {key: whole[key] for key in keys}
        return lambda model: model.name == name and values.items() <= model.parameters.items()
    shipped = as_shipped(models)
    return lambda model: model.name == name and shipped(model)


def as_shipped(models: Iterable[ModelRef]) -> Callable[[ModelRef], bool]:
    """Tells the rows of each model's own parameters from its others; a model's only row is taken as it is."""
    rows: dict[str, list[Mapping[str, ParameterValue]]] = {}
    for model in models:
        of_name = rows.setdefault(model.name, [])
        if model.parameters not in of_name:
            of_name.append(model.parameters)
    for name, of_name in rows.items():
        if len(of_name) > 1 and _shipped(name) not in of_name:
            raise ResultError(f"{name}: expected a row of the parameters that it ships with, got {len(of_name)} others")
    return lambda model: len(rows[model.name]) == 1 or model.parameters == _shipped(model.name)


def _shipped(name: str) -> Mapping[str, ParameterValue] | None:
    try:
        return _parameters(name)
    except UnknownNameError:  # nobody installed it
        return None


@functools.cache
def _parameters(name: str, *settings: str) -> Mapping[str, ParameterValue]:
    return parameters(build(load_generator(name), dict(setting.split("=", 1) for setting in settings)))
