"""Generators by name: entry points of `ldbench.generators`, `path/to/file.py:Class`, `package.module:Class`.

Listing names reads installed metadata only and imports no plugin. Loading imports one and checks it; a plugin
that can't be imported or breaks the protocol is a `PluginError` naming it and its distribution.

Refuses to choose between two distributions that register one name, and to treat any generator differently.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
import typing
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from ldbench.api import API_VERSION, Generator, Kind, declare_missing_ops
from ldbench.errors import PluginError, UnknownNameError, unknown_name
from ldbench.plugins.parameters import build, declared

__all__ = ["GROUP", "ModelEntry", "build", "check_class", "load_generator", "model_names", "registered"]

GROUP = "ldbench.generators"
_API_VERSION = re.compile(r"(\d+(\.\d+)?)?")
_REMEDY = "see `ldbench list models`, or give path/to/file.py:Class or package.module:Class"


@dataclass(frozen=True)
class ModelEntry:
    """A registered generator: its name, the distribution that registers it, and `module:Class`."""

    name: str
    distribution: str
    version: str
    value: str

    @property
    def owner(self) -> str:
        """Distribution and version, for messages."""
        return f"{self.distribution} {self.version}"


def model_names() -> list[ModelEntry]:
    """All registered generators by name; nothing is imported. PluginError where a name has two owners."""
    return [_only(name, entries) for name, entries in sorted(_entries().items())]


def registered(name: str) -> ModelEntry | None:
    """The entry of a registered name, or None; PluginError where it has two owners."""
    entries = _entries()
    return _only(name, entries[name]) if name in entries else None


def load_generator(name: str) -> type[Generator]:
    """Import and check a generator: a registered name, `path/to/file.py:Class` or `package.module:Class`.

    A file is executed anew by each call. Raises UnknownNameError or PluginError.
    """
    entry = registered(name)
    if entry is not None:
        return _load(f"generator {name!r} of {entry.owner}", functools.partial(_from_module, entry.value))
    module, colon, class_name = name.rpartition(":")
    if not colon:
        if name.endswith(".py"):
            raise UnknownNameError(f"unknown model {name!r}: expected the class too; give {name}:Class")
        raise unknown_name("model", name, _entries(), _REMEDY)
    if not module.endswith(".py"):
        if Path(f"{module}.py").is_file() and importlib.util.find_spec(module.partition(".")[0]) is None:
            raise UnknownNameError(f"unknown model {name!r}: no such module, but a file; give {module}.py:{class_name}")
        return _load(f"generator {name!r}", functools.partial(_from_module, name))
    if not Path(module).is_file():
        raise UnknownNameError(f"unknown model {name!r}: no file {module!r} in {Path.cwd()}; check the path")
    return _load(f"generator {name!r}", functools.partial(_from_file, name))


def check_class(candidate: object, label: str) -> type[Generator]:
    """`candidate`, if it is a generator class that keeps the protocol; else PluginError with `label`."""
    if not (isinstance(candidate, type) and issubclass(candidate, Generator)):
        raise PluginError(f"{label}: expected a subclass of ldbench.api.Generator, got {candidate!r:.80}")
    if "__dataclass_fields__" not in vars(candidate):
        raise PluginError(f"{label}: expected a dataclass; write @dataclass above class {candidate.__name__}")
    if inspect.isabstract(candidate):
        missing = ", ".join(sorted(candidate.__abstractmethods__))
        raise PluginError(f"{label}: {candidate.__name__} doesn't define {missing}; define it")
    _check_api_version(candidate, label)
    try:
        kinds = frozenset(candidate.capabilities().kinds)
    except Exception as error:  # a plugin's own code may raise anything
        raise PluginError(f"{label}: capabilities() raised {_reason(error)}; mend it") from error
    known = frozenset(typing.get_args(Kind))
    if not kinds <= known:
        wrong = ", ".join(map(repr, sorted(kinds - known)))
        raise PluginError(f"{label}: unknown kinds {wrong}; expected some of {', '.join(sorted(known))}")
    try:
        declared(candidate)
    except PluginError as error:
        raise PluginError(f"{label}: {error}") from error
    return candidate


def _check_api_version(candidate: type[Generator], label: str) -> None:
    wanted, here = candidate.api_version, API_VERSION.partition(".")[0]
    if not (isinstance(wanted, str) and _API_VERSION.fullmatch(wanted)):
        raise PluginError(f"{label}: api_version: expected '{API_VERSION}' or '{here}', got {wanted!r}")
    if wanted and wanted.partition(".")[0] != here:
        raise PluginError(
            f"{label}: {candidate.__name__} is written for ldbench.api {wanted}, this ldbench has {API_VERSION}; "
            f"install a version of the plugin for API {here}, or the ldbench it was written for"
        )


def _entries() -> dict[str, list[ModelEntry]]:
    found: defaultdict[str, set[ModelEntry]] = defaultdict(set)
    for point in metadata.entry_points(group=GROUP):
        name = point.dist.name if point.dist is not None else "unknown"
        version = point.dist.version if point.dist is not None else "unknown"
        found[point.name].add(ModelEntry(point.name, name, version, point.value))
    return {name: sorted(entries, key=lambda entry: entry.owner) for name, entries in found.items()}


def _only(name: str, entries: list[ModelEntry]) -> ModelEntry:
    if len(entries) > 1:
        owners = " and ".join(f"{entry.owner} ({entry.value})" for entry in entries)
        raise PluginError(f"generator {name!r} is registered by {owners}; uninstall one or give module:Class")
    return entries[0]


def _load(label: str, find: Callable[[], object]) -> type[Generator]:
    declare_missing_ops()
    try:
        candidate = find()
    except (Exception, SystemExit) as error:  # importing a plugin may raise anything at all
        raise PluginError(f"{label} can't be loaded: {_reason(error)}; mend or uninstall it") from error
    return check_class(candidate, label)


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split()):.300}"


def _from_module(value: str) -> object:
    module, _, attribute = value.partition(":")
    return _attribute(importlib.import_module(module), attribute)


def _from_file(spec: str) -> object:
    file, _, attribute = spec.rpartition(":")
    path = Path(file).resolve()
    # a name by path keeps two files called model.py apart; dataclasses look the name up in sys.modules
    name = f"ldbench_file_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    described = importlib.util.spec_from_file_location(name, path)
    if described is None or described.loader is None:
        raise ImportError(f"{path} isn't Python source")
    module = importlib.util.module_from_spec(described)
    sys.modules[name] = module
    described.loader.exec_module(module)
    return _attribute(module, attribute)


def _attribute(module: ModuleType, name: str) -> Any:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise AttributeError(f"it defines no {part!r}")
        found = getattr(found, part)
    return found
