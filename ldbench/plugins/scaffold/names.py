"""The names of a new package, all from one: distribution, module, class.

Refuses a name that pip, Python or the suite would trip over later, in one line.
"""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from dataclasses import dataclass

from ldbench.errors import UsageError
from ldbench.plugins.generators import GENERATORS

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")  # normalised as in PEP 503, so that all tools spell it alike
_LONGEST = 40


@dataclass(frozen=True)
class Names:
    """`my-blur` is the distribution and the registered name, `my_blur` the module, `MyBlur` the class."""

    name: str
    module: str
    cls: str


def names_of(name: str) -> Names:
    """The names that follow from one; UsageError where it can't be one or is taken.

    >>> names_of("my-blur")
    Names(name='my-blur', module='my_blur', cls='MyBlur')
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise UsageError(
            f"NAME: expected up to {_LONGEST} lower-case letters, digits and single hyphens, a letter first, "
            f"got {name!r}; for example my-generator"
        )
    found = Names(name, name.replace("-", "_"), "".join(part.capitalize() for part in name.split("-")))
    if keyword.iskeyword(found.module) or keyword.iskeyword(found.cls):
        raise UsageError(f"NAME: {name!r} is a word of Python's own; choose another")
    if (entry := GENERATORS.entry(name)) is not None:
        raise UsageError(f"NAME: {name!r} is registered by {entry.owner} already; choose another")
    if found.module in sys.stdlib_module_names or _importable(found.module):
        raise UsageError(f"NAME: a module {found.module!r} is installed already and would be hidden; choose another")
    return found


def _importable(module: str) -> bool:
    spec = importlib.util.find_spec(module)
    return spec is not None and spec.origin is not None  # without origin it is a folder that happens to lie here
