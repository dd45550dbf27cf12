"""Write the package: templates filled in, each file once, into a folder that wasn't there.

Templates are `string.Template`s, so that braces of Python and of workflows mean themselves. Refuses an existing folder.
"""

from __future__ import annotations

import typing
from importlib import resources
from pathlib import Path
from string import Template

from ldbench.api import API_VERSION, Kind
from ldbench.errors import UsageError, unknown_name
from ldbench.plugins.scaffold.names import Names, names_of

_TEMPLATES = "ldbench.plugins.scaffold"
# the sandbox's card of each kind that all its rows are measured on
SANDBOX = {
    "text-to-image": "sandbox-brain-t2i", "aging": "sandbox-brain-aging",
    "disease-counterfactual": "sandbox-brain-disease",
}


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
