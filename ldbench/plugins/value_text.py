"""A value of plain parts as text that says all of it, so that a digest can cover what a notebook's variable holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path

from ldbench.errors import PluginError

_PLAIN = (type(None), type(...), bool, int, float, complex, str, bytes, range, Path)
_NAMED = ("dtype", "device")  # of torch, which say all of themselves


def text_of(value: object, where: str) -> str:
    """The text of a value that `where` names; PluginError for one that has none, such as a network."""
    import numpy as np

    if isinstance(value, Enum):
        return f"{type(value).__qualname__}.{value.name} = {text_of(value.value, where)}"
    of_torch = type(value).__module__ == "torch" and type(value).__name__ in _NAMED
    if isinstance(value, (*_PLAIN, np.generic)) or of_torch:
        return repr(value)
    if is_dataclass(value) and not isinstance(value, type):
        parts = {one.name: getattr(value, one.name) for one in fields(value)}
        return f"{type(value).__qualname__} {text_of(parts, where)}"
    if isinstance(value, Mapping):
        return text_of([*value.items()], where)
    if isinstance(value, list | tuple):
        return f"[{', '.join(text_of(part, where) for part in value)}]"
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(text_of(part, where) for part in value))}}}"
    raise PluginError(
        f"{where}: expected a number, a text or a list of them, got {type(value).__qualname__}, which no result could "
        "name; make it in fit, or save it to a file and let a parameter name that"
    )
