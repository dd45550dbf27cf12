"""What a generator class says of itself, looked at without running it.

Reads the class, its parameters and the source of the modules it is written in.
"""

from __future__ import annotations

import ast
import inspect
import sys
import typing
from collections.abc import Iterator
from pathlib import Path

from ldbench.api import Generator, Kind
from ldbench.plugins.generators import check_class
from ldbench.plugins.kinds import DATASETS
from ldbench.plugins.parameters import declared, parameters
from ldbench.plugins.registry import file_of
from ldbench.task.card_file import PACKAGE
from ldbench.testing import contract
from ldbench.testing.finding import ClauseError, Finding, judge

PUBLIC_MODULES = ("ldbench.api", "ldbench.errors", "ldbench.testing")


def look(candidate: type[Generator] | Generator, kind: str | None) -> list[Finding]:
    """The findings on a class (or an instance's class): one for each clause of `contract.DECLARED`."""
    cls = candidate if isinstance(candidate, type) else type(candidate)
    return [
        judge(contract.PROTOCOL, lambda: _protocol(cls)), judge(contract.PARAMETERS, lambda: _parameters(candidate)),
        judge(contract.SAMPLING, lambda: _sampling(cls)), judge(contract.DOCSTRING, lambda: _docstring(cls)),
        judge(contract.CAPABILITIES, lambda: _capabilities(cls, kind)), judge(contract.PUBLIC, lambda: _public(cls)),
    ]


def _protocol(cls: type[Generator]) -> str:
    check_class(cls, cls.__name__)
    version = f", api_version {cls.api_version}" if cls.api_version else ""
    file = file_of(cls)
    return f"{file.name + ':' if file else cls.__module__ + '.'}{cls.__qualname__}{version}"


def _parameters(candidate: type[Generator] | Generator) -> str:
    generator = candidate() if isinstance(candidate, type) else candidate
    parameters(generator)
    return "; ".join(map(str, declared(type(generator)))) or "none"


def _sampling(cls: type[Generator]) -> str:
    unknown = sorted(cls.sampling_parameters - {parameter.name for parameter in declared(cls)})
    if unknown:
        raise ClauseError(f"{', '.join(unknown)}, which it has no parameter of")
    return ", ".join(sorted(cls.sampling_parameters)) or "none"


def _docstring(cls: type[Generator]) -> str:
    text = vars(cls).get("__doc__") or ""
    if not text.strip() or text.startswith(f"{cls.__name__}("):  # what @dataclass puts where there is none
        raise ClauseError("none")
    return text.strip().splitlines()[0]


def _capabilities(cls: type[Generator], kind: str | None) -> str:
    able = cls.capabilities()
    if kind is not None and kind not in able.kinds:
        known = ", ".join(sorted(able.kinds)) or "nothing"
        raise ClauseError(f"{known} where {kind} was asked for: {able.reason}", "ask for a kind that it can do")
    others = sorted(set(typing.get_args(Kind)) - able.kinds)
    if others and (not able.reason.strip() or "\n" in able.reason):
        raise ClauseError(f"reason {able.reason!r} for not {', '.join(others)}")
    refused = f"; not {', '.join(others)}: {able.reason}" if others else ""
    return ", ".join(sorted(able.kinds)) + refused


def _public(cls: type[Generator]) -> str:
    files = _sources(cls)
    closed = {"ldbench", PACKAGE, *_of_data_sets()} - {base.__module__.split(".")[0] for base in cls.__mro__[:1]}
    imported = {name for path in files for name in _imports(path) if name.split(".")[0] in closed}
    private = sorted(imported - set(PUBLIC_MODULES))
    if private:
        raise ClauseError(f"{', '.join(private)} in {', '.join(path.name for path in files)}")
    return ", ".join(path.name for path in files) or "no Python source to look at"


def _of_data_sets() -> set[str]:
    """The packages that bring data sets: with the images they hold the answers."""
    return {entry.value.split(".")[0].partition(":")[0] for entry in DATASETS.entries()}


def _sources(cls: type[Generator]) -> list[Path]:
    """The files that the class and its bases are written in, the suite's own left out."""
    known = sys.stdlib_module_names | {"ldbench"}
    modules = {base.__module__: base for base in cls.__mro__ if base.__module__.split(".")[0] not in known}
    found = []
    for base in modules.values():
        try:
            found.append(Path(inspect.getfile(base)))
        except (TypeError, OSError):  # a builtin, or a class typed into a prompt
            continue
    return [path for path in found if path.suffix == ".py" and path.is_file()]


def _imports(path: Path) -> Iterator[str]:
    """The modules that a file imports, at the top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            whole = node.module == "ldbench"
            names = [f"ldbench.{alias.name}" for alias in node.names] if whole else [node.module]
        else:
            continue
        # `import ldbench` and the package's own attributes (__version__) are no module of it
        yield from (name for name in names if name != "ldbench" and not name.startswith("ldbench.__"))
