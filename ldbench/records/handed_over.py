"""What is handed over from Python as the command line would give it: numpy's numbers, paths and lone names.

Judges no value: another that is none of these stays as it is, and whoever takes it refuses it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any


def builtin(value: Any) -> Any:
    """A scalar of numpy as Python's own number, truth value or text; a path as its text.

    >>> import numpy as np
    >>> builtin(np.int64(3)), builtin(np.float32(0.5)), builtin("3")
    (3, 0.5, '3')
    """
    import numpy as np

    if isinstance(value, np.generic):
        return value.item()
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def name_list(given: str | Iterable[str]) -> list[str]:
    """One name, or several, as a list.

    >>> name_list("fid"), name_list(("fid", "kid"))
    (['fid'], ['fid', 'kid'])
    """
    return [given] if isinstance(given, str) else list(given)
