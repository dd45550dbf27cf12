"""Write the package: templates filled in, each file once, into a folder that wasn't there.

One name gives the distribution, the module and the class or record; one that pip, Python or the suite would trip over
later is refused. Templates are `string.Template`s, so that braces of Python and of workflows mean themselves.
"""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from ldbench.api import API_VERSION, Kind
from ldbench.errors import UsageError, unknown_name
from ldbench.plugins.generators import GENERATORS
from ldbench.plugins.kinds import ESTIMATORS, METRICS, NETWORKS
from ldbench.plugins.registry import PluginKind

_TEMPLATES = "ldbench.plugins.scaffold"
# the sandbox's card of each kind that all its rows are measured on
SANDBOX = {
    "text-to-image": "sandbox-brain-t2i", "aging": "sandbox-brain-aging",
    "disease-counterfactual": "sandbox-brain-disease",
}
# kinds of plug-ins that are records, by their nouns: what a package is said to be, and what its module imports
_RECORDS: dict[str, tuple[PluginKind[Any], str, tuple[str, ...]]] = {
    "metric": (METRICS, "A metric for ldbench", ("numpy",)),
    "network": (NETWORKS, "A feature network for ldbench", ("numpy", "torch")),
    "estimator": (ESTIMATORS, "An estimator for ldbench", ("numpy",)),
}
_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_LONGEST = 40


@dataclass(frozen=True)
class Names:
    """`my-blur` is the distribution and the registered name, `my_blur` the module, `MyBlur` a generator's class."""

    name: str
    module: str
    cls: str


def write_package(name: str, kind: str = "text-to-image", out: Path | None = None) -> list[Path]:
    """Write a generator's package to `out` (a folder `name` here where None); the files, in the order written.

    Raises UsageError where the name or kind can't be, or where `out` exists: nothing is ever overwritten.
    """
    names = names_of(name)
    if kind not in SANDBOX:
        raise unknown_name("kind", kind, typing.get_args(Kind), "give one with --kind")
    values = {
        "description": f"A generator of medical images for ldbench ({kind})", "dependencies": '"torch"',
        "check": f"ldbench check {name}", "object": names.cls, "kind": kind, "task": SANDBOX[kind],
    }  # fmt: skip
    return _written(names, GENERATORS, kind, ("common", "generator"), values, out)


def write_record_package(name: str, noun: str, out: Path | None = None) -> list[Path]:
    """The same of a plug-in that is a record: `noun` is "metric", "network" or "estimator"."""
    plugins, description, needed = _RECORDS[noun]
    names = names_of(name, plugins)
    values = {
        "description": description, "dependencies": ", ".join(f'"{one}"' for one in needed), "noun": noun,
        "check": f"ldbench check --{noun} {name}", "object": names.module.upper(),
    }  # fmt: skip
    return _written(names, plugins, "module", ("common", "record", noun), values, out)


def _written(
    names: Names, plugins: PluginKind[Any], module: str, parts: tuple[str, ...], values: Mapping[str, str],
    out: Path | None,
) -> list[Path]:
    """Write every file of a package, each from the templates of its name in the folders `parts`, one after another."""
    folder = Path(names.name) if out is None else out
    if folder.exists():
        raise UsageError(f"--out: expected a folder that isn't there yet, got {str(folder)!r}; choose another")
    shared = {"name": names.name, "module": names.module, "group": plugins.group, "api_version": API_VERSION}
    written = []
    for target, template in _files(names, module).items():
        path = folder / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(_text(template, parts)).substitute(shared, **values), encoding="utf-8")
        written.append(path)
    return written


def _files(names: Names, module: str) -> dict[str, str]:
    """Where each template goes; `module` is that of the package's own module."""
    return {
        "README.md": "readme.md", "pyproject.toml": "pyproject.toml", f"src/{names.module}/__init__.py": f"{module}.py",
        f"src/{names.module}/py.typed": "py.typed", f"tests/test_{names.module}.py": "test.py",
        ".github/workflows/test.yml": "workflow.yml", ".gitignore": "gitignore",
    }


def _text(template: str, parts: tuple[str, ...]) -> str:
    folder = resources.files(_TEMPLATES).joinpath("templates")
    files = [folder.joinpath(part, f"{template}.template") for part in parts]
    return "".join(file.read_text(encoding="utf-8") for file in files if file.is_file())


def names_of(name: str, plugins: PluginKind[Any] = GENERATORS) -> Names:
    """The names that follow from one; UsageError where it can't be one or is taken among the `plugins` of its kind.

    Records may have underscores, as built-in metrics have; a generator's name has hyphens, as PEP 503 spells that of a
    distribution.

    >>> names_of("my-blur")
    Names(name='my-blur', module='my_blur', cls='MyBlur')
    """
    underscores = plugins is not GENERATORS
    if not _NAME.fullmatch(name) or len(name) > _LONGEST or ("_" in name and not underscores):
        joined = "single hyphens or underscores" if underscores else "single hyphens"
        raise UsageError(
            f"NAME: expected up to {_LONGEST} lower-case letters, digits and {joined}, a letter first, got {name!r}; "
            f"for example my-{plugins.noun}"
        )
    names = Names(name, name.replace("-", "_"), "".join(part.capitalize() for part in re.split("[-_]", name)))
    if keyword.iskeyword(names.module) or keyword.iskeyword(names.cls):
        raise UsageError(f"NAME: {name!r} is a word of Python's own; choose another")
    if (entry := plugins.entry(name)) is not None:
        raise UsageError(f"NAME: {name!r} is registered by {entry.owner} already; choose another")
    if names.module in sys.stdlib_module_names or _importable(names.module):
        raise UsageError(f"NAME: a module {names.module!r} is installed already and would be hidden; choose another")
    return names


def _importable(module: str) -> bool:
    spec = importlib.util.find_spec(module)
    return spec is not None and spec.origin is not None  # without origin it is a folder that happens to lie here
