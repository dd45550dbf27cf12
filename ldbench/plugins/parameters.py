"""A generator's parameters: its dataclass fields, typed, and `--set key=value` read by those types.

A type is bool, int, float, str, a `Literal` of these, or a union of them, with or without None. A field with
`init=False` is the generator's own state and no parameter. NaN and infinity are no values.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ldbench.api import Generator, ParameterValue, Preset
from ldbench.errors import PluginError, UsageError, unknown_name
from ldbench.plugins.blame import blamed
from ldbench.records.from_table import readings
from ldbench.records.handed_over import builtin

_SCALARS = (bool, int, float, str)
NONE_SET: Mapping[str, ParameterValue] = types.MappingProxyType({})


@dataclass(frozen=True)
class Parameter:
    """One parameter: the types it may have (scalars, None's type, or literal values) and its default."""

    name: str
    scalars: frozenset[type]
    literals: tuple[ParameterValue, ...]
    default: ParameterValue

    def __str__(self) -> str:
        options = [spelled(literal) for literal in self.literals]
        options += [scalar.__name__ for scalar in _SCALARS if scalar in self.scalars]
        options += ["none"] if type(None) in self.scalars else []
        return f"{self.name}: {' | '.join(options)} = {spelled(self.default)}"

    def accepts(self, value: object) -> bool:
        """Whether `value` is of one of the types; an int passes for a float, a bool never for a number."""
        if self._is_literal(value) or (type(value) is int and float in self.scalars):
            return True
        return type(value) in self.scalars and not (isinstance(value, float) and not math.isfinite(value))

    def read(self, value: ParameterValue) -> ParameterValue:
        """The value itself, where it is of one of the types, or what a text of it means; `builtin` first. Raises
        UsageError."""
        value = builtin(value)
        if isinstance(value, str):
            return self.parse(value)
        if not self.accepts(value):
            raise UsageError(f"{self.name}: expected {self}, got {value!r:.80}")
        return value

    def _is_literal(self, value: object) -> bool:
        return any(type(value) is type(literal) and value == literal for literal in self.literals)

    def parse(self, text: str) -> ParameterValue:
        """The value that `text` means; the strictest type that fits comes first. Raises UsageError."""
        for value in readings(text):
            if type(value) in self.scalars or self._is_literal(value):
                return typing.cast(ParameterValue, value)
        raise UsageError(f"--set {self.name}={text}: expected {self}, got {text!r}")


def declared(cls: type[Generator]) -> tuple[Parameter, ...]:
    """The parameters of a generator class, in order; PluginError where a field breaks the rules above."""
    return tuple(_parameter(cls, field) for field in dataclasses.fields(cls) if field.init)


def build(
    cls: type[Generator], overrides: Mapping[str, ParameterValue], start: Mapping[str, ParameterValue] = NONE_SET
) -> Generator:
    """A generator with its defaults, but for the values in `start` and then those in `overrides`, of which texts are
    read as `--set` reads them; UsageError or UnknownNameError."""
    known = {parameter.name: parameter for parameter in declared(cls)}
    values: dict[str, Any] = dict(start)
    for key, value in overrides.items():
        if key not in known:
            remedy = f"its parameters are: {'; '.join(map(str, known.values())) or 'none'}"
            raise unknown_name(f"parameter of {cls.__name__}", key, known, remedy, listed=True)
        values[key] = known[key].read(value)
    try:
        with blamed(PluginError, f"{cls.__name__}: __post_init__", cls.__module__, ValueError, TypeError):
            return cls(**values)
    except (ValueError, TypeError) as error:  # it checks its values
        raise UsageError(f"{cls.__name__} refuses its parameters: {' '.join(str(error).split())}") from error


def key_values(settings: Sequence[str]) -> dict[str, str]:
    """`key=value` texts by key, values unread; UsageError for another form or a key given twice."""
    pairs: dict[str, str] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise UsageError(f"--set: expected key=value, got {setting!r}")
        if key in pairs:
            raise UsageError(f"--set: {key} is given twice")
        pairs[key] = value
    return pairs


def overrides_of(model: str, models: Sequence[str], settings: Sequence[str]) -> dict[str, str]:
    """What `--set` says of one of several models: `key=value` is for all, `MODEL:key=value` for one, and goes first.

    Raises `UnknownNameError` for a setting of a model that is none of them, else as `key_values`.
    """
    general: list[str] = []
    for_model: list[str] = []
    for setting in settings:
        left, equals, value = setting.partition("=")
        name, colon, key = left.rpartition(":")
        if colon and name not in models:
            raise unknown_name("model in --set", name, models, "name one of this command's models before the colon")
        if name == model:
            for_model.append(f"{key}{equals}{value}")
        elif not colon:
            general.append(setting)
    return key_values(general) | key_values(for_model)


def parameters(generator: Generator) -> dict[str, ParameterValue]:
    """All parameters of a generator by name, as JSON can hold them; PluginError for a wrong type."""
    values: dict[str, ParameterValue] = {}
    for parameter in declared(type(generator)):
        value = builtin(getattr(generator, parameter.name))
        if not parameter.accepts(value):
            name = type(generator).__name__
            raise PluginError(f"{name}: expected {parameter}, got {value!r:.80}")
        values[parameter.name] = value
    return values


def preset_class(preset: Preset, name: str) -> type[Generator]:
    """The class that a preset stands for: a subclass of its generator, with its parameters as defaults.

    Raises PluginError for a parameter that the generator doesn't have, or a value that it doesn't accept.
    """
    cls = preset.generator
    known = {parameter.name for parameter in declared(cls)}
    unknown = sorted(preset.parameters.keys() - known)
    if unknown:
        raise PluginError(f"{cls.__name__} has no parameter {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    annotations = {key: _annotation(cls, key, f"{cls.__name__}.{key}") for key in preset.parameters}
    about = {"__annotations__": annotations, "__doc__": preset.summary, "__module__": cls.__module__}
    made: type[Generator] = types.new_class(
        name or cls.__name__, (cls,), exec_body=lambda body: body.update({**preset.parameters, **about})
    )
    return dataclass(made)


def _parameter(cls: type[Generator], field: dataclasses.Field[Any]) -> Parameter:
    where = f"{cls.__name__}.{field.name}"
    default = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
    if default is dataclasses.MISSING:
        raise PluginError(f"{where}: expected a default, got none; write `{field.name}: <type> = <value>`")
    scalars: set[type] = set()
    literals: list[ParameterValue] = []
    for option in _options(_annotation(cls, field.name, where)):
        values = typing.get_args(option)
        if typing.get_origin(option) is Literal and all(type(value) in _SCALARS for value in values):
            literals += values
        elif option in _SCALARS or option is type(None):
            scalars.add(option)
        else:
            raise PluginError(
                f"{where}: expected bool, int, float, str, a Literal of these, or one of them | None, "
                f"got {option!r}; keep state in a field(init=False)"
            )
    parameter = Parameter(field.name, frozenset(scalars), tuple(literals), default)
    if not parameter.accepts(default):
        types_of_it = str(parameter).removeprefix(f"{field.name}: ").partition(" = ")[0]
        raise PluginError(f"{where}: expected a default of its own type ({types_of_it}), got {default!r}")
    return parameter


def _annotation(cls: type, name: str, where: str) -> Any:
    """The field's annotation alone, evaluated where it was written; others may name types not imported."""
    owner = next(base for base in cls.__mro__ if name in inspect.get_annotations(base))
    holder = types.SimpleNamespace(__annotations__={name: inspect.get_annotations(owner)[name]})
    try:
        return typing.get_type_hints(holder, vars(sys.modules[owner.__module__]))[name]
    except (NameError, TypeError, SyntaxError) as error:
        raise PluginError(f"{where}: can't read its type ({error}); import it at run time") from error


def _options(annotation: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    return typing.get_args(annotation) if is_union else (annotation,)


def spelled(value: ParameterValue) -> str:
    """The value as `--set` takes it.

    >>> spelled(True), spelled(None), spelled(0.5)
    ('true', 'none', '0.5')
    """
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return str(value)
