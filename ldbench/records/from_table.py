"""Plain tables to frozen dataclasses, checked against the dataclasses' own annotations.

Knows bool, int, float, str, Literal, unions, `tuple[T, ...]`, `list[T]`, `Mapping[str, T]` and nested dataclasses.
Nothing is converted: "1" is not an int, and only an int is taken for a float.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
import re
import types
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from ldbench.errors import LdbenchError

T = TypeVar("T")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_PLAIN = (int, float, str, bool)
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


class TypedError(Exception):
    """`key: expected, got`, the key dotted from the table's root."""


def build(cls: type[Any], table: object, key: str = "") -> Any:
    """An instance of the dataclass `cls` from `table`; raises `TypedError` at the first key that is wrong.

    A dataclass may refuse what does not fit together by a `TypedError` of its own, with keys as its fields are called.
    """
    if not isinstance(table, Mapping):
        raise TypedError(f"{key}: expected a table, got {table!r:.60}")
    hints, required = _fields_of(cast("Hashable", cls))  # which mypy does not see in a class
    for name in table:
        if name not in hints:
            near = difflib.get_close_matches(name, hints, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(hints)}"
            raise TypedError(f"{_join(key, name)}: unknown key; {hint}")
    for name in required:
        if name not in table:
            raise TypedError(f"{_join(key, name)}: expected {_spell(hints[name])}, got nothing")
    values = {name: convert(hints[name], value, _join(key, name)) for name, value in table.items()}
    try:
        return cls(**values)
    except TypedError as wrong:
        raise TypedError(_join(key, str(wrong))) from wrong


@functools.lru_cache(maxsize=256)  # a board's results hold a hundred thousand tables of a few classes
def _fields_of(cls: Any) -> tuple[Mapping[str, Any], list[str]]:
    """The annotations of a dataclass's fields, and the fields without a default, in order."""
    hints, fields = get_type_hints(cls), dataclasses.fields(cls)
    missing = dataclasses.MISSING
    required = [item.name for item in fields if item.default is missing and item.default_factory is missing]
    return {item.name: hints[item.name] for item in fields}, required


def built(cls: type[T], table: object, where: str, error: type[LdbenchError], remedy: str = "") -> T:
    """As `build`, with what is wrong said as an `error` of `where:key: expected, got` and the remedy."""
    try:
        record: T = build(cls, table)
    except TypedError as wrong:
        raise error(f"{where}:{wrong}{remedy and '; '}{remedy}") from wrong
    return record


def readings(text: str) -> list[object]:
    """What a text on the command line can mean, strictest first: None, a truth value, a number, the text itself."""
    values: list[object] = [None] if text == "none" else []
    values += [text == "true"] if text in ("true", "false") else []
    values += [int(text)] if _INTEGER.fullmatch(text) else []
    values += [float(text)] if _FLOAT.fullmatch(text) and math.isfinite(float(text)) else []
    return [*values, text]


def value_of(hint: Any, text: str, key: str) -> Any:
    """What a text on the command line means for the annotation `hint`: the first reading that it takes, else a list of
    what stands between commas. Raises `TypedError` naming `key`."""
    for reading in (*readings(text), [part.strip() for part in text.split(",") if part.strip()]):
        try:
            return convert(hint, reading, key)
        except TypedError:
            continue
    return convert(hint, text, key)  # the error quotes what was typed


def values_of(cls: type[Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """What texts on the command line mean for the fields of a dataclass; unknown ones stay texts. Raises `TypedError`.
    """
    hints = get_type_hints(cls)
    return {key: value_of(hints[key], str(text), key) if key in hints else text for key, text in texts.items()}


def convert(hint: Any, value: object, key: str) -> Any:
    """`value` as the annotation `hint` wants it, or a `TypedError` that names `key`."""
    if type(value) is hint and hint in _PLAIN and (hint is not float or math.isfinite(cast("float", value))):
        return value  # nearly all of a million values that a board's files hold
    origin, arguments = _parts(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        return _convert_union(hint, value, key)
    if origin is Literal and value in arguments:
        return value
    if origin in (tuple, list) and isinstance(value, list | tuple):
        if _as_wanted(arguments[0], value):
            return origin(value)
        return origin(convert(arguments[0], item, f"{key}[{index}]") for index, item in enumerate(value))
    if origin is not None and isinstance(value, Mapping) and _is_subclass(origin, Mapping):
        return {name: convert(arguments[1], item, _join(key, name)) for name, item in value.items()}
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return build(hint, value, key)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value):
        return float(value)
    if hint is types.NoneType and value is None:
        return None
    raise TypedError(f"{key}: expected {_spell(hint)}, got {value!r:.60}")


@functools.lru_cache(maxsize=256)
def _parts(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """The origin of an annotation and what it is of."""
    return get_origin(hint), get_args(hint)


def _as_wanted(hint: Any, values: Sequence[object]) -> bool:
    """Whether all are numbers or texts of the very type, as are the many that each image adds to a score: then none has
    to be looked at by itself."""
    if hint not in _PLAIN or not all(type(value) is hint for value in values):
        return False
    return hint is not float or all(map(math.isfinite, cast("Sequence[float]", values)))


def _is_finite(value: int | float) -> bool:
    """Whether a float can hold it: a file's integer may have more digits than any float."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _convert_union(hint: Any, value: object, key: str) -> Any:
    _, options = _parts(hint)
    if value is None and types.NoneType in options:
        return None
    if isinstance(value, Mapping):  # the nested error is the one that helps
        tables = [option for option in options if dataclasses.is_dataclass(option)]
        if tables:
            return convert(tables[0], value, key)
    for option in options:
        try:
            return convert(option, value, key)
        except TypedError:
            continue
    raise TypedError(f"{key}: expected {_spell(hint)}, got {value!r:.60}")


def _is_subclass(candidate: Any, parent: type[Any]) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, parent)


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _spell(hint: Any) -> str:
    """An annotation in words a card's author understands."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return "one of " + ", ".join(repr(option) for option in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(_spell(option) for option in arguments if option is not types.NoneType)
    if origin in (tuple, list):
        return f"a list of {_spell(arguments[0])}"
    if origin is not None or dataclasses.is_dataclass(hint):
        return "a table"
    return {int: "an integer", float: "a finite number", str: "a string", bool: "true or false"}.get(hint, str(hint))
