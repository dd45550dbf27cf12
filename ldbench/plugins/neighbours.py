"""What a plug-in's file imports from its own folder, also where another plug-in's folder has a module of that name.

As a rule a neighbour is a module like any other, by its plain name, as `python FILE` makes it. The file's folder comes
last on the path, so it hides nothing: where a package is installed that has the name, that one is imported.

A plain name can be had once. Where the folder of an earlier plug-in has one of the names, all neighbours of the later
file become modules of a package that stands for its folder. The `import` statements of the file, and of its neighbours,
find them there whenever they are executed. What is imported by a computed name, or read from a pickle by its plain
name, is still the earlier plug-in's.
"""

from __future__ import annotations

import ast
import builtins
import functools
import hashlib
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from ldbench.records.digests import files_below

_OF_FOLDER = "ldbench_folder_"
_BUILTINS = "__builtins__"  # where Python looks up what `import` calls, for all code of a module
_folders: list[Path] = []  # of the plug-in files that were executed in this process, in their order


def make_importable(file: Path, module: ModuleType) -> None:
    """Let the module of a file, which is not executed yet, import its neighbours."""
    folder = file.parent
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    if folder not in _folders:
        _folders.append(folder)
    package = _package(folder)
    earlier = _folders[: _folders.index(folder)]
    names = {name for path in with_neighbours(file).values() for name in _imports(path) if _is_own(folder, name)}
    if any(_lies_in(other, name) for other in earlier for name in names):
        if _Finder not in sys.meta_path:
            sys.meta_path.insert(0, _Finder)
        vars(module)[_BUILTINS] = vars(package)[_BUILTINS]


def name_apart(name: str, folder: Path) -> str:
    """The name of a neighbour, as a module of the package that stands for its folder."""
    return f"{_OF_FOLDER}{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}.{name}"


def plain_name(name: str) -> str:
    """The name of a module as its folder gives it."""
    return name.partition(".")[2] if name.startswith(_OF_FOLDER) else name


def _package(folder: Path) -> ModuleType:
    """The package that stands for a folder; also pickles of other processes find its modules there."""
    name = name_apart("", folder)[:-1]
    if name not in sys.modules:
        described = ModuleSpec(name, None, is_package=True)
        described.submodule_search_locations = [str(folder)]
        sys.modules[name] = importlib.util.module_from_spec(described)
        vars(sys.modules[name])[_BUILTINS] = vars(builtins) | {"__import__": functools.partial(_import, folder)}
    return sys.modules[name]


def _import(
    folder: Path, name: str, globals: Mapping[str, object] | None = None,
    locals: Mapping[str, object] | None = None, fromlist: Sequence[str] | None = (), level: int = 0,
) -> ModuleType:
    """As `__import__`, for the code of a folder whose neighbours are modules of its package."""
    top = name.partition(".")[0]
    if level or not _is_own(folder, top):
        return builtins.__import__(name, globals, locals, fromlist or (), level)
    found = builtins.__import__(name_apart(name, folder), globals, locals, fromlist or (), 0)
    return found if fromlist else sys.modules[name_apart(top, folder)]


def _is_own(folder: Path, name: str) -> bool:
    """Whether the code of a folder means its neighbour by a name: it has one, and no other place on the path has."""
    return _lies_in(folder, name) and not _is_elsewhere(name)


def _lies_in(folder: Path, name: str) -> bool:
    return (folder / f"{name}.py").is_file() or (folder / name).is_dir()


def _is_elsewhere(name: str) -> bool:
    """Whether a module of this name is Python's own, or is found outside the folders of plug-in files."""
    path = [each for each in sys.path if Path(each).resolve() not in _folders]
    others = [finder for finder in sys.meta_path if finder not in (PathFinder, _Finder)]
    specs = [PathFinder.find_spec(name, path), *(finder.find_spec(name, None) for finder in others)]
    return any(spec is not None and spec.loader is not None and not _is_of_plugin(spec) for spec in specs)


def _is_of_plugin(spec: ModuleSpec) -> bool:
    if spec.origin is None:
        return False
    home = Path(spec.origin).parent.resolve()
    return (home if spec.submodule_search_locations is None else home.parent) in _folders


class _Finder:
    """Finds the modules of the packages that stand for folders."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        """As `import` asks for it."""
        if path is None or not name.startswith(_OF_FOLDER):
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    """Executes a neighbour, whose own imports are then those of its folder."""

    def exec_module(self, module: ModuleType) -> None:
        """As Python's own loader, which the module then says it has: to others it is a module like any other."""
        vars(module)[_BUILTINS] = vars(sys.modules[self.name.partition(".")[0]])[_BUILTINS]
        super().exec_module(module)
        module.__loader__ = SourceFileLoader(self.name, self.path)


def with_neighbours(file: Path) -> dict[str, Path]:
    """A file and what it imports from its own folder, and what that imports from there."""
    files: dict[str, Path] = {}
    waiting = [file]
    while waiting:
        path = waiting.pop()
        name = path.relative_to(file.parent).as_posix()
        if name in files or not path.is_file():
            continue
        files[name] = path
        for imported in _imports(path):
            waiting.append(file.parent / f"{imported}.py")
            waiting += files_below(file.parent / imported, ".py").values()
    return files


def _imports(file: Path) -> set[str]:
    """The top-level names that a file's import statements give, wherever in it they stand."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):  # who imports it will say so
        return set()
    names = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names
