"""What is handed over from Python as the command line would give it: numpy's numbers, paths, names and settings.

Judges no type: a value that is none of these stays as it is, and whoever takes it refuses it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from ldbench.errors import UsageError

_TEXTS = {True: "true", False: "false", None: "none"}


def builtin(value: Any) -> Any:
    """A scalar of numpy as Python's own number, truth value or text; a path, and a device of torch, as its text.

    >>> import numpy as np
    >>> builtin(np.int64(3)), builtin(np.float32(0.5)), builtin("3")
    (3, 0.5, '3')
    """
    import numpy as np

    if isinstance(value, np.generic):
        return value.item()
    if type(value).__module__ == "torch" and type(value).__name__ == "device":  # torch may not be imported for it
        return str(value)
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def name_list(given: str | Iterable[str] | None, option: str) -> list[str]:
    """One name, or several, as a list; none for None, which leaves the choice open. `UsageError` of `option` for an
    empty list, which would choose nothing.

    >>> name_list("fid", "--metric"), name_list(("fid", "kid"), "--metric"), name_list(None, "--metric")
    (['fid'], ['fid', 'kid'], [])
    """
    names = [given] if isinstance(given, str) else list(() if given is None else given)
    if given is not None and not names:
        raise UsageError(f"{option}: expected one name or more, got none; name one, or leave it out")
    return names


def setting_texts(given: Mapping[str, Mapping[str, Any]] | None) -> dict[str, dict[str, str]]:
    """Settings by metric and name, each value as the text that the command line has of it.

    >>> setting_texts({"coverage": {"k": 3}, "auc": {"extractor": "inception-v3"}})
    {'coverage': {'k': '3'}, 'auc': {'extractor': 'inception-v3'}}
    """
    return {name: {key: _text(value) for key, value in each.items()} for name, each in (given or {}).items()}


def _text(value: Any) -> str:
    value = builtin(value)
    return _TEXTS[value] if value is None or isinstance(value, bool) else str(value)
