"""What a plug-in's own code raised, and where, in a few words: a library's error does not say who called it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ldbench.records.names import reason


def module_of(function: Callable[..., Any]) -> str:
    """The name of the module that a function is written in, also of one with some arguments given; "" for none."""
    while isinstance(function, partial):
        function = function.func
    return str(getattr(function, "__module__", None) or "")


def raised(error: BaseException, module: str) -> str:
    """The error's kind and text and, in brackets, file and line of the innermost code of the plug-in's own package.

    `module` is the name of the module that the plug-in is written in. Without such code on the way: no brackets.
    """
    package = module.partition(".")[0]
    own = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__")).partition(".")[0] == package
    ]
    return reason(error) + (f" ({Path(own[-1][0]).name}:{own[-1][1]})" if own else "")
