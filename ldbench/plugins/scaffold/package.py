"""Write the package: templates filled in, each file once, into a folder that wasn't there.

One name gives the distribution, the module and the class; one that pip, Python or the suite would trip over later is
refused. Templates are `string.Template`s, so that braces of Python and of workflows mean themselves.
"""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
import typing
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from ldbench.api import API_VERSION, Kind
from ldbench.errors import UsageError, unknown_name
from ldbench.plugins.generators import GENERATORS

_TEMPLATES = "ldbench.plugins.scaffold"
# the sandbox's card of each kind that all its rows are measured on
SANDBOX = {
    "text-to-image": "sandbox-brain-t2i", "aging": "sandbox-brain-aging",
    "disease-counterfactual": "sandbox-brain-disease",
}
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")  # normalised as in PEP 503, so that all tools spell it alike
_LONGEST = 40


@dataclass(frozen=True)
class Names:
    """`my-blur` is the distribution and the registered name, `my_blur` the module, `MyBlur` the class."""

    name: str
    module: str
    cls: str


def write_package(name: str, kind: str = "text-to-image", out: Path | None = None) -> list[Path]:
    """Write a generator's package to `out` (a folder `name` here where None); the files, in the order written.

    Raises UsageError where the name or kind can't be, or where `out` exists: nothing is ever overwritten.
    """
    names, folder = names_of(name), Path(name) if out is None else out
    if kind not in SANDBOX:
        raise unknown_name("kind", kind, typing.get_args(Kind), "give one with --kind")
    if folder.exists():
        raise UsageError(f"--out: expected a folder that isn't there yet, got {str(folder)!r}; choose another")
    written = []
    for target, template in _files(names, kind).items():
        path = folder / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_filled(template, names, kind), encoding="utf-8")
        written.append(path)
    return written


def _files(names: Names, kind: str) -> dict[str, str]:
    """Where each template goes."""
    return {
        "README.md": "readme.md", "pyproject.toml": "pyproject.toml", f"src/{names.module}/__init__.py": f"{kind}.py",
        f"src/{names.module}/py.typed": "py.typed", f"tests/test_{names.module}.py": "test.py",
        ".github/workflows/test.yml": "workflow.yml", ".gitignore": "gitignore",
    }


def _filled(template: str, names: Names, kind: str) -> str:
    text = resources.files(_TEMPLATES).joinpath("templates", f"{template}.template").read_text(encoding="utf-8")
    values = {
        "name": names.name, "module": names.module, "cls": names.cls, "kind": kind, "task": SANDBOX[kind],
        "api_version": API_VERSION,
    }  # fmt: skip
    return Template(text).substitute(values)


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
    names = Names(name, name.replace("-", "_"), "".join(part.capitalize() for part in name.split("-")))
    if keyword.iskeyword(names.module) or keyword.iskeyword(names.cls):
        raise UsageError(f"NAME: {name!r} is a word of Python's own; choose another")
    if (entry := GENERATORS.entry(name)) is not None:
        raise UsageError(f"NAME: {name!r} is registered by {entry.owner} already; choose another")
    if names.module in sys.stdlib_module_names or _importable(names.module):
        raise UsageError(f"NAME: a module {names.module!r} is installed already and would be hidden; choose another")
    return names


def _importable(module: str) -> bool:
    spec = importlib.util.find_spec(module)
    return spec is not None and spec.origin is not None  # without origin it is a folder that happens to lie here
