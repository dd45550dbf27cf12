"""Whether what Python hands over is of the type that a function says, before anything is done with it.

Nothing is converted but numpy's scalars, which are taken as Python's own. A `Literal`, a class that is handed over and
what an annotation names for type checkers alone are judged by whoever takes the value.
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import os
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from ldbench.errors import UsageError
from ldbench.records.handed_over import builtin

_ONE = {int: "an int", float: "a number", str: "a text", bool: "True or False", Path: "a path"}
_SEVERAL = {int: "ints", float: "numbers", str: "texts", bool: "truth values", Path: "paths"}


@dataclass(frozen=True)
class Expected:
    """What an argument is to be, in words and with a remedy, as `Annotated` has it beside a type."""

    words: str
    remedy: str = ""


def checked(hints: Mapping[str, Any], name: str, value: Any) -> Any:
    """The value of an argument, a scalar of numpy as Python's own. `UsageError` for one of another type."""
    value = value if isinstance(value, os.PathLike) else builtin(value)
    if name not in hints or fits(hints[name], value):
        return value
    expected = next(_said(hints[name]), None) or Expected(spelled(hints[name]))
    remedy = f"; {expected.remedy}" if expected.remedy else ""
    raise UsageError(f"{name}: expected {expected.words}, got {value!r:.60}{remedy}")


@functools.cache
def judged(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function's arguments by name, without those that type checkers alone can resolve."""
    found = dict[str, Any]()
    for name, parameter in inspect.signature(function).parameters.items():
        one = types.SimpleNamespace(__annotations__={name: parameter.annotation})
        try:
            found |= get_type_hints(one, inspect.unwrap(function).__globals__, include_extras=True)
        except (NameError, TypeError):  # `Tensor`, which would import torch, alone or in a quoted union
            continue
    return found


def fits(hint: Any, value: object) -> bool:
    """Whether a value is of an annotation's type; True where the annotation is not judged here.

    >>> fits(int, True), fits(float | None, 1), fits(Mapping[str, Mapping[str, int]], {"kid:k": 3})
    (False, True, False)
    """
    origin, arguments, value = get_origin(hint), get_args(hint), builtin(value)
    if origin is Annotated:
        return fits(arguments[0], value)
    if origin in (Union, types.UnionType):
        return any(fits(option, value) for option in arguments)
    if origin in (Literal, type) or hint is Any:
        return True
    if origin is collections.abc.Callable or getattr(hint, "_is_protocol", False):
        return callable(value)
    if origin is collections.abc.Mapping:
        return isinstance(value, Mapping) and all(fits(arguments[1], one) for one in value.values())
    if origin is collections.abc.Sequence:
        return _is_list(arguments[0], value)
    if hint in (int, bool):
        return type(value) is hint
    if hint is float:
        return type(value) in (int, float)
    return isinstance(value, str if hint is Path else hint)  # `builtin` has a path as its text


def _is_list(of: Any, value: object) -> bool:
    """Whether it is a list of such items, or one text for a list of texts; other collections have items of their own,
    and an iterator is not read."""
    if isinstance(value, str):
        return of is str
    if isinstance(value, list | tuple):
        return all(fits(of, one) for one in value)
    return isinstance(value, Iterable) and not isinstance(value, Mapping | bytes)


def _said(hint: Any) -> Iterator[Expected]:
    for one in (hint, *get_args(hint)):
        yield from (each for each in getattr(one, "__metadata__", ()) if isinstance(each, Expected))


def spelled(hint: Any, several: bool = False) -> str:
    """An annotation in words."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _any_of([each for each in arguments if each is not types.NoneType], several)
    if origin is collections.abc.Mapping:
        return f"{'dicts' if several else 'a dict'} of {spelled(arguments[1], True)}"
    if origin is collections.abc.Sequence:
        return f"{'lists' if several else 'a list'} of {spelled(arguments[0], True)}"
    if origin is collections.abc.Callable or getattr(hint, "_is_protocol", False):
        return "functions" if several else "a function"
    words = _SEVERAL if several else _ONE
    return words[hint] if hint in words else str(getattr(hint, "__name__", hint))


def _any_of(options: Collection[Any], several: bool) -> str:
    """Types of a union; a text stands for a path where both are taken."""
    return " or ".join(spelled(one, several) for one in options if one is not str or Path not in options)
