"""What a plug-in's own code raised, and where, in a few words: a library's error does not say who called it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ldbench.api import out_of_memory
from ldbench.errors import LdbenchError
from ldbench.records.names import reason

ANYTHING = (Exception, SystemExit)  # `sys.exit()` in a plug-in ends no run; an interrupt stays one
_LESS = "set LDBENCH_IMAGES_AT_ONCE to a few images, with which the run goes on"
_SUITE = __name__.partition(".")[0]


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


@contextmanager
def blamed(
    kind: Callable[[str], LdbenchError], what: str, module: str, *passing: type[Exception], remedy: str = "",
    halving: bool = False,
) -> Iterator[None]:
    """Whatever a plug-in's code raises in the block becomes an error of a `kind` that says what raised, and where.

    `module` is the name of the module that the plug-in is written in. Our own errors, those of `passing`, and what the
    suite's own code raises, which is a defect of it, pass; and what is `out_of_memory` to one who is `halving`.
    """
    ours = module.partition(".")[0] == _SUITE
    through: tuple[type[BaseException], ...] = ANYTHING if ours else (LdbenchError, *passing)
    try:
        yield
    except through:
        raise
    except ANYTHING as error:
        if halving and out_of_memory(error):
            raise
        said = f"{what} raised {raised(error, module)}"
        hint = _LESS if _ran_out(error) else remedy
        raise kind(f"{said}; {hint}" if hint else said) from error


def _ran_out(error: BaseException) -> bool:
    """Whether it says that the computer, which is no device of torch's, has no memory left."""
    return isinstance(error, MemoryError) or "DefaultCPUAllocator: can't allocate memory" in str(error)
