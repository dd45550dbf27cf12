"""Plug-ins by name, whatever their kind: registered ones, `path/to/file.py:Name`, `package.module:Name`.

An entry point of a kind's group registers one plug-in (`name = "package.module:Name"`), or every record that the
modules of a package hold (`anything = "package.module"`). Listing reads installed metadata and source text and imports
no plug-in. Loading imports one and checks it; one that can't be imported or breaks its protocol is a `PluginError`
naming it and its distribution.

No plug-in is treated differently, and none is chosen between two distributions that register one name.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import importlib
import importlib.util
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

from ldbench.api import DataSource, Estimator, Generator, Metric, Network, Preset, declare_missing_ops
from ldbench.errors import PluginError, UnknownNameError, unknown_name
from ldbench.plugins.blame import ANYTHING
from ldbench.plugins.neighbours import make_importable
from ldbench.plugins.source_text import Described, describe, records_in
from ldbench.records.names import reason

Plugin = TypeVar("Plugin")
_OF_FILE = "ldbench_file_"
_GENERATOR = "a generator: `ldbench check` tries one"
_KIND_OF_RECORD = {
    Metric: "a metric: `ldbench check --metric` tries one",
    Network: "a feature network: `ldbench check --network` tries one",
    DataSource: "a data set: `ldbench data prepare` takes one",
    Estimator: "an estimator: `ldbench check --estimator` tries one",
    Preset: _GENERATOR,
}


@dataclass(frozen=True)
class PluginEntry:
    """A registered plug-in: its name, the distribution that registers it, and `module:Name`."""

    name: str
    distribution: str
    version: str
    value: str

    @property
    def owner(self) -> str:
        """Distribution and version, for messages."""
        return f"{self.distribution} {self.version}"


@dataclass(frozen=True)
class PluginKind(Generic[Plugin]):
    """One kind of plug-in.

    `group` is its entry-point group, `noun` what messages call one, `asked` what an unknown name is called, `listing`
    the argument of `ldbench list`. `record` and `fields` are the class whose instances a registered package holds and
    its fields in order. `check(object, label, name)` returns the plug-in, or raises `PluginError`, whose text begins
    with `label`. A `light` kind must load without torch.
    """

    group: str
    noun: str
    asked: str
    listing: str
    record: str
    fields: tuple[str, ...]
    check: Callable[[object, str, str], Plugin]
    light: bool = False

    def entries(self) -> list[PluginEntry]:
        """All registered ones by name, without those that `clashes` tells of; nothing is imported."""
        return [entries[0] for _, entries in sorted(self._registered().items()) if len(entries) == 1]

    def clashes(self) -> list[str]:
        """A line for each name that has two owners: whoever asks for it gets a PluginError of that text."""
        return [self._clash(name, entries) for name, entries in sorted(self._registered().items()) if len(entries) > 1]

    def entry(self, name: str) -> PluginEntry | None:
        """The entry of a registered name, or None; PluginError where it has two owners."""
        entries = self._registered().get(name)
        return None if entries is None else self._only(name, entries)

    def described(self, entry: PluginEntry) -> Described:
        """What an entry's source says of it; nothing is imported."""
        return describe(entry.value, self.fields, self.record)

    def load(self, name: str) -> Plugin:
        """Import and check one: a registered name, `path/to/file.py:Name` or `package.module:Name`.

        A file is executed anew by each call. Raises UnknownNameError or PluginError.
        """
        entry = self.entry(name)
        if entry is not None:
            label = f"{self.noun} {name!r} of {entry.owner}"
            found = self._imported(label, lambda: _from_module(entry.value), "repair or uninstall it")
            return self.check(found, label, name)
        module, colon, attribute = name.rpartition(":")
        if not colon:
            if name.endswith(".py"):
                what = "class" if self._form == "Class" else "name in it"
                raise UnknownNameError(
                    f"unknown {self.asked} {name!r}: expected the {what} too; give {name}:{self._form}"
                )
            if self._lies_here(name):
                raise UnknownNameError(
                    f"unknown {self.asked} {name!r}: expected an installed package, got a folder {name} that is not; "
                    f"pip install -e {name}"
                )
            form = f"path/to/file.py:{self._form} or package.module:{self._form}"
            remedy = f"see `ldbench list {self.listing}`, or give {form}"
            raise unknown_name(self.asked, name, self._registered(), remedy)
        label, find = f"{self.noun} {name!r}", _from_file if module.endswith(".py") else _from_module
        if module.endswith(".py"):
            if not Path(module).is_file():
                raise UnknownNameError(
                    f"unknown {self.asked} {name!r}: no file {module!r} in {Path.cwd()}; check the path"
                )
        elif not _is_importable(module.partition(".")[0]):
            is_file = Path(f"{module}.py").is_file()
            remedy = f", but a file; give {module}.py:{attribute}" if is_file else "; check its name, or install it"
            raise UnknownNameError(f"unknown {self.asked} {name!r}: no such module{remedy}")
        return self.check(self._imported(label, lambda: find(name), "repair it"), label, name)

    def installed(self, name: str) -> Plugin | None:
        """The plug-in of a registered name; None for one that nobody registered here."""
        return None if self.entry(name) is None else self.load(name)

    def _imported(self, label: str, find: Callable[[], object], remedy: str) -> object:
        if not self.light:
            declare_missing_ops()
        try:
            return find()
        except ANYTHING as error:  # importing a plug-in may raise anything at all
            said = "install what it imports" if isinstance(error, ModuleNotFoundError) else remedy
            raise PluginError(f"{label} can't be loaded: {reason(error)}; {said}") from error

    def _registered(self) -> Mapping[str, tuple[PluginEntry, ...]]:
        return _entries(self.group, self.record, self.fields, tuple(sys.path))

    def _only(self, name: str, entries: tuple[PluginEntry, ...]) -> PluginEntry:
        if len(entries) > 1:
            raise PluginError(self._clash(name, entries))
        return entries[0]

    def _clash(self, name: str, entries: tuple[PluginEntry, ...]) -> str:
        owners = " and ".join(f"{entry.owner} ({entry.value})" for entry in entries)
        return f"{self.noun} {name!r} is registered by {owners}; uninstall one or give module:{self._form}"

    @property
    def _form(self) -> str:
        """What a generator is called in its module, a class, and what a record of any other kind is."""
        return "Class" if self.record == Preset.__name__ else "NAME"

    def _lies_here(self, name: str) -> bool:
        """Whether a folder of this name in the working directory is a package that would register such a plug-in."""
        file = Path(name, "pyproject.toml")
        return Path(name).name == name and file.is_file() and self.group in file.read_text("utf-8", "replace")


@functools.lru_cache(maxsize=64)
def _entries(
    group: str, record: str, fields: tuple[str, ...], path: tuple[str, ...]
) -> dict[str, tuple[PluginEntry, ...]]:
    """Every registration by name; cached until the import path (`path`) changes."""
    found: defaultdict[str, set[PluginEntry]] = defaultdict(set)
    for point in metadata.entry_points(group=group):
        owner = ("unknown", "unknown") if point.dist is None else (point.dist.name, point.dist.version)
        named = {point.name: point.value} if ":" in point.value else records_in(point.value, record, fields)
        for name, value in named.items():
            found[name].add(PluginEntry(name, *owner, value))
    return {name: tuple(sorted(entries, key=lambda entry: entry.owner)) for name, entries in found.items()}


def _from_module(value: str) -> object:
    module, _, attribute = value.partition(":")
    return _attribute(importlib.import_module(module), attribute)


def _from_file(spec: str) -> object:
    file, _, attribute = spec.rpartition(":")
    return _attribute(import_file(Path(file)), attribute)


def import_file(file: Path) -> ModuleType:
    """A plug-in's file, executed as a module whose name its path gives, so that two files called model.py are two.

    It may import its neighbours, as `python FILE` lets it (`ldbench.plugins.neighbours`).
    """
    path = file.resolve()
    name = module_of_file(file)
    described = importlib.util.spec_from_file_location(name, path)
    if described is None or described.loader is None:
        raise ImportError(f"{path} isn't Python source")
    module = importlib.util.module_from_spec(described)
    make_importable(path, module)
    sys.modules[name] = module  # where dataclasses and pickle look it up
    described.loader.exec_module(module)
    return module


def module_of_file(file: Path | str) -> str:
    """The name that `import_file` gives to the module of a file."""
    return f"{_OF_FILE}{hashlib.sha256(os.fsencode(Path(file).resolve())).hexdigest()[:12]}"


def file_of(plugin: type) -> Path | None:
    """The file that `import_file` took a class from, which another process must import first; None for a package's."""
    if not plugin.__module__.startswith(_OF_FILE):
        return None
    file = sys.modules[plugin.__module__].__file__
    return Path(file) if file else None


def what_it_is(candidate: object) -> str:
    """The kind of an object in a few words; never its `repr`, which may be long and says no kind.

    >>> what_it_is(3)
    'an object of type int'
    """
    if isinstance(candidate, type):
        return _GENERATOR if issubclass(candidate, Generator) else f"the class {candidate.__qualname__}"
    if isinstance(candidate, Generator):
        return f"a generator with its parameters: name the class, {type(candidate).__name__}"
    of_record = (said for record, said in _KIND_OF_RECORD.items() if isinstance(candidate, record))
    return next(of_record, f"an object of type {type(candidate).__qualname__}")


def _is_importable(package: str) -> bool:
    return bool(package) and (package in sys.modules or importlib.util.find_spec(package) is not None)


def _attribute(module: ModuleType, name: str) -> Any:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            near = difflib.get_close_matches(part, [one for one in dir(found) if not one.startswith("_")])
            raise AttributeError(f"it defines no {part!r}{': did you mean ' + ' or '.join(near) + '?' if near else ''}")
        found = getattr(found, part)
    return found
