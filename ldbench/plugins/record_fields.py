"""Whether the fields of a plug-in's record are of the types that its class says, before anything works with them.

Python takes whatever a record is made of, and a wrong field would show only after the images are made, in another
place. A list serves for a tuple and a set for a frozenset, as all that reads them takes both.
"""

from __future__ import annotations

import difflib
import functools
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ldbench.api import Metric
from ldbench.records.argument_types import fits, spelled


def first_misfit(record: object) -> str:
    """The first field of a record that is of another type, as "field: expected, got; remedy"; "" where all fit.

    >>> from ldbench.api import Estimator
    >>> first_misfit(Estimator(name="age", summary="Age.", read=None, unit="years"))
    'read: expected a function, got None; correct it in the record'
    """
    try:
        return _kept(record)
    except TypeError:  # a list among its fields has no hash
        return _misfit(record)


def _misfit(record: object) -> str:
    for name, hint in _hints(type(record)).items():  # type: ignore[arg-type]  # mypy finds no hash of a class
        value = getattr(record, name)
        if not _fits(hint, value):
            return f"{name}: expected {_words(hint)}, got {value!r:.60}{_remedy(name, hint, value)}"
    return _of_metric(record) if isinstance(record, Metric) else ""


_kept = functools.lru_cache(maxsize=256)(_misfit)  # a board asks for the metric of each of its scores


@functools.cache
def _hints(record: type[Any]) -> Mapping[str, Any]:
    """The annotations of a record's fields; of a function whose arguments need torch or numpy, that it is one."""
    names, found = vars(sys.modules[record.__module__]), dict[str, Any]()
    for field in fields(record):
        one = types.SimpleNamespace(__annotations__={field.name: field.type})
        try:
            found |= get_type_hints(one, names)
        except NameError:
            found[field.name] = Callable[..., Any]
    return found


def _of_metric(metric: Metric) -> str:
    """What types do not say: a card's table is read by settings' fields, and bounds stand in order."""
    if not is_dataclass(metric.settings):
        return f"settings: expected a dataclass, got {metric.settings!r:.60}; write @dataclass above it"
    low, high = metric.bounds
    if not low < high:  # true for NaN
        return f"bounds: expected the lower before the upper, got {metric.bounds!r:.60}; give (lowest, highest)"
    return ""


def _fits(hint: Any, value: Any) -> bool:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(option, value) for option in arguments)
    if origin is Literal:
        return value in arguments
    if origin is type:
        return isinstance(value, type)
    if origin is frozenset:
        return isinstance(value, AbstractSet) and all(_fits(arguments[0], one) for one in value)
    if origin is tuple and arguments[-1] is not Ellipsis:
        return isinstance(value, tuple | list) and len(value) == len(arguments) and all(map(_fits, arguments, value))
    if origin in (tuple, Sequence):
        is_list = isinstance(value, Sequence) and not isinstance(value, str | bytes)
        return is_list and all(_fits(arguments[0], one) for one in value)
    return fits(hint, value)


def _words(hint: Any) -> str:
    """An annotation in words."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        named = " or ".join(_words(one) for one in arguments if one is not types.NoneType)
        return f"{named} or None" if types.NoneType in arguments else named
    if origin is Literal:
        return f"{'one of ' if len(arguments) > 1 else ''}{', '.join(map(repr, arguments))}"
    if origin is type:
        return "a class"
    if origin is frozenset:
        return f"a frozenset of {_words(arguments[0]).removeprefix('one of ')}"
    if origin is tuple and arguments[-1] is not Ellipsis:
        return f"({', '.join(map(_words, arguments))})"
    if origin in (tuple, Sequence):
        return f"a {origin.__name__.lower()} of texts" if arguments[0] is str else f"a {origin.__name__.lower()}"
    return spelled(hint)


def _remedy(name: str, hint: Any, value: Any) -> str:
    """What to write instead, where texts that are nearly right show it."""
    origin, arguments = get_origin(hint), get_args(hint)
    options = [text for one in (hint, *arguments) if get_origin(one) is Literal for text in get_args(one)]
    given = [value] if isinstance(value, str) else value if isinstance(value, tuple | list | AbstractSet) else []
    texts = [text for text in given if isinstance(text, str)]
    meant = [match for text in texts for match in difflib.get_close_matches(text, options, n=1)] if options else texts
    if meant and len(meant) == len(given):
        written = ", ".join(f'"{text}"' for text in meant)
        if origin is frozenset:
            return f"; write {name}=frozenset({{{written}}})"
        if origin in (tuple, Sequence) and arguments[0] is str:
            return f"; write {name}=({written},)"
        if options:
            return f"; did you mean {written}?"
    return "; correct it in the record"
