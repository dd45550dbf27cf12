"""The code that a generator comes from, as one digest: an edited package keeps its version, but not this.

Covered are the Python files of the packages of its distribution, of its own module's package, and of those of the
generators that it extends. A file, or a module that nobody installed, is covered with what it imports from its own
folder; so is a script that runs as `__main__`, and so are the cells of a notebook (`ldbench.plugins.live_code`). Not
covered: compiled code, what is imported by a computed name, other distributions, and of the suite what ranks, shows and
studies results that are there.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
import sysconfig
import weakref
from collections.abc import Mapping
from importlib import metadata
from importlib.machinery import ModuleSpec
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

from ldbench.api import Generator
from ldbench.plugins.live_code import check_is_that_of_its_file, older, typed_sources
from ldbench.plugins.neighbours import name_apart, plain_name, with_neighbours
from ldbench.plugins.registry import PluginEntry
from ldbench.records.digests import content_digest, digest_of, files_below

# The suite's packages that no run imports: an edit of them makes no other image and no other score.
AFTER_RUNS = ("board", "report", "testing", "studies", "cli")


def code_digest(cls: type[Generator], entry: PluginEntry | None) -> str:
    """`sha256:` and 16 digits over the sources of a generator; `entry` is its registration, if it has one."""
    typed, used = typed_sources(cls)
    files = {name: path for module in _modules(cls, used, entry) for name, path in sources(module).items()}
    after = tuple(f"ldbench/{package}/" for package in AFTER_RUNS)
    return digest_of({name: path for name, path in files.items() if not name.startswith(after)}, typed)


def check_unedited(cls: type[Generator], entry: PluginEntry | None, label: str) -> None:
    """PluginError where a file that `code_digest` covers, and that is imported, was edited since.

    The files are compared with themselves as they were when this was first asked for, or when one was imported anew
    since, and the code of the user's own ones with what is in memory (`check_is_that_of_its_file`). An edit between an
    import and the first call is seen by the latter alone.
    """
    files = set[Path]()
    for module in sorted(_modules(cls, typed_sources(cls)[1], entry)):
        now, first = sources(module), remember(module)
        files |= {*now.values()}
        for name, path in now.items():
            loaded = _module_at(module, name, path) is not None
            if loaded and name in first and content_digest(path) != first[name]:
                raise older(label, path.name, "version")
    check_is_that_of_its_file(cls, label, files)


def _modules(cls: type[Generator], used: set[str], entry: PluginEntry | None) -> set[str]:
    """The modules whose packages or files make up a generator's code; `used` are further ones of a notebook's class."""
    modules = {base.__module__ for base in cls.__mro__ if issubclass(base, Generator) and base is not Generator} | used
    return modules if entry is None else modules | {entry.value.partition(":")[0], *_packages(entry.distribution)}


def source_digest(module: str) -> str | None:
    """`sha256:` and 16 digits over the Python files of a module's package, or of the module and its neighbours.

    None where it has no file, and where one was edited after `remember`: what was imported stays, what is imported
    later is the edited code, and nobody can tell which of them runs.
    """
    spec = _outermost(module)
    if spec is None:
        return None
    files = sources(spec.name)
    found = digest_of(files)
    return found if files and _each(files) == remember(module) else None


def remember(module: str) -> Mapping[str, str]:
    """The digest of each file of `source_digest` as it was when it was first asked for: ask right after the import.

    A file that is executed anew, or reloaded, is read again. What it imports stays.
    """
    spec = _outermost(module)
    if spec is None:
        return {}
    imported = _import_of(sys.modules.get(spec.name))
    if spec.name not in _first_files or not _same(_first_files[spec.name][0], imported):
        _first_files[spec.name] = imported, sources(spec.name)
    files = _first_files[spec.name][1]
    return {name: _first_seen(path, _module_at(spec.name, name, path)) for name, path in files.items()}


_Import = weakref.ref[Any] | None  # tells one import of a module from the next, a reload too, and keeps nothing alive
_first_files: dict[str, tuple[_Import, Mapping[str, Path]]] = {}
_seen: dict[tuple[Path, str], tuple[_Import, str]] = {}


def _first_seen(file: Path, module: ModuleType | None) -> str:
    """A file's digest when it was first asked for, or after its last import where there was another before."""
    imported, key = _import_of(module), (file, "" if module is None else module.__name__)
    before, kept = _seen.get(key) or _seen.get((file, "")) or (None, None)
    if kept is None or not _same(before, imported):
        kept = content_digest(file)
    _seen[key] = imported, kept
    return kept


def _import_of(module: ModuleType | None) -> _Import:
    return None if module is None else weakref.ref(getattr(module, "__spec__", None) or module)


def _same(first: _Import, second: _Import) -> bool:
    """Whether there was no import between the two but a first one; specs are equal after a reload, and not the same."""
    return first is None or second is None or first() is second()


def _module_at(asked: str, name: str, file: Path) -> ModuleType | None:
    """The module that was imported from a file of `sources`, under the name that was asked for or one of its own."""
    plain = ".".join(PurePosixPath(name).with_suffix("").parts).removesuffix(".__init__")
    for each in (asked, plain, name_apart(plain, Path(str(file).removesuffix(name)))):
        found = sys.modules.get(each)
        if isinstance(found, ModuleType) and getattr(found, "__file__", None) == str(file):
            return found
    return None


def _each(files: Mapping[str, Path]) -> dict[str, str]:
    return {name: content_digest(path) for name, path in files.items()}


def owner_of(module: str) -> tuple[str | None, str | None]:
    """The distribution that installed a module, where exactly one did."""
    owners = set(_installers().get(module.partition(".")[0], []))
    if len(owners) != 1:
        return None, None
    name = owners.pop()
    return name, metadata.version(name)


@functools.cache
def _installers() -> Mapping[str, list[str]]:
    """Which distributions installed each module; read once, since it reads the file lists of all that are there."""
    return metadata.packages_distributions()


def _packages(distribution: str) -> set[str]:
    """The top-level packages and modules that a distribution installs, as far as it says."""
    try:
        installed = metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return set()
    listed = installed.read_text("top_level.txt")
    if listed is not None:
        return set(listed.split())
    names = {file.parts[0].removesuffix(".py") for file in installed.files or () if file.suffix == ".py"}
    return {name for name in names if name.isidentifier() and not name.startswith("__editable__")}


def sources(module: str) -> dict[str, Path]:
    """The Python files of the package that a module belongs to, or of the module and its neighbours, by name."""
    spec = _outermost(module)
    if spec is None or spec.origin is None:
        return {}
    if spec.submodule_search_locations:
        below = [files_below(Path(folder), ".py") for folder in spec.submodule_search_locations]
        return {f"{plain_name(spec.name)}/{name}": path for files in below for name, path in files.items()}
    file = Path(spec.origin)
    installed = {Path(sysconfig.get_path(scheme)) for scheme in ("purelib", "platlib")}
    return {file.name: file} if file.parent in installed else with_neighbours(file)


def _outermost(module: str) -> ModuleSpec | None:
    """The outermost package of a module, or the module itself; a namespace, which many share, is none."""
    if module == "__main__":
        return _of_program()
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        try:
            spec = importlib.util.find_spec(".".join(parts[:length]))
        except (ImportError, ValueError):  # ValueError: a module that was made without a loader
            return None
        if spec is None or spec.has_location:
            return spec
    return None


def _of_program() -> ModuleSpec | None:
    """Where `__main__` comes from: the module that `python -m` names, or a script's file; None for a prompt."""
    program = sys.modules["__main__"]
    if program.__spec__ is not None:  # of a folder or an archive that is run it is the program's own
        name = program.__spec__.name
        return program.__spec__ if name == "__main__" else _outermost(name)
    file = getattr(program, "__file__", None)
    return None if file is None else importlib.util.spec_from_file_location("__main__", Path(file).absolute())
