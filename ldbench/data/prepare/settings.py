"""A reader's settings from the command line: `key=value` texts, read by the types of its dataclass fields.

A setting inside another is named with a dot (`preprocessing.z=20`). The error for an unknown key lists those there are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_type_hints

from ldbench.errors import LdbenchError, UsageError, unknown_name
from ldbench.records.from_table import TypedError, value_of

T = TypeVar("T")


def configured(cls: type[T], own: Mapping[str, object], texts: Mapping[str, str]) -> T:
    """An instance of a dataclass whose fields have defaults, with the values of `own` and those that `texts` spell.

    Raises `UsageError` or `UnknownNameError`.
    """
    settings = dict(_leaves(cls, ""))
    for key in texts:
        if key not in settings:
            listing = "; ".join(f"{name} = {default}" for name, (_, default) in settings.items())
            raise unknown_name(f"setting of {cls.__name__}", key, settings, f"its settings are: {listing}")
    values = {**own, **{key: _value(settings[key][0], text, key) for key, text in texts.items()}}
    instance: T = _built(cls, values)
    return instance


def leaves(cls: Any) -> list[str]:
    """The names of all settings of a reader's class, dotted where one is inside another."""
    return [name for name, _ in _leaves(cls, "")]


def _leaves(cls: Any, prefix: str) -> Iterator[tuple[str, tuple[Any, object]]]:
    """Every setting by its dotted name, with its type and default."""
    hints, example = get_type_hints(cls), cls()
    for item in dataclasses.fields(cls):
        if not item.init:
            continue
        if dataclasses.is_dataclass(hints[item.name]):
            yield from _leaves(hints[item.name], f"{prefix}{item.name}.")
        else:
            yield f"{prefix}{item.name}", (hints[item.name], getattr(example, item.name))


def _value(hint: Any, text: str, key: str) -> Any:
    try:
        return value_of(hint, text, key)
    except TypedError as error:
        raise UsageError(f"--set {error}") from error


def _built(cls: Any, values: Mapping[str, object]) -> Any:
    hints = get_type_hints(cls)
    inner: dict[str, dict[str, object]] = {}
    plain: dict[str, object] = {}
    for key, value in values.items():
        name, dot, rest = key.partition(".")
        if dot:
            inner.setdefault(name, {})[rest] = value
        else:
            plain[name] = value
    try:
        return cls(**plain, **{name: _built(hints[name], part) for name, part in inner.items()})
    except LdbenchError:
        raise
    except (ValueError, TypeError) as error:
        raise UsageError(f"{cls.__name__} refuses its settings: {' '.join(str(error).split())}") from error
