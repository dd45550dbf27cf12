"""A generator as Python hands it over: the name of one, a class, or an instance, which stands for class and parameters.

Says what the command line would call it, so that both make the same row. Refuses an instance that holds more than its
parameters, as nothing would say what a result was made with, and a class that nobody could find again.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from ldbench.api import Generator, ParameterValue
from ldbench.errors import PluginError, UsageError
from ldbench.plugins.code import check_unedited, sources
from ldbench.plugins.generators import GENERATORS, check_class, load_generator
from ldbench.plugins.live_code import PROGRAM, is_typed
from ldbench.plugins.parameters import build, parameters
from ldbench.plugins.registry import what_it_is
from ldbench.records.handed_over import builtin

Model = str | type[Generator] | Generator


@dataclass(frozen=True)
class Given:
    """A generator's name, as `ldbench run` takes it where it has one there, its class, and values set beforehand."""

    name: str
    cls: type[Generator]
    instance: Generator | None = None

    def build(self, overrides: Mapping[str, ParameterValue]) -> Generator:
        """One of its own for a run, with these parameters set; raises what `parameters.build` raises."""
        if self.instance is None:
            return build(self.cls, overrides)
        if overrides:
            raise UsageError(
                f"parameters: expected none beside an instance, got {', '.join(overrides)}; set them in it, or give "
                f"the class {self.cls.__name__}"
            )
        built = build(self.cls, {}, parameters(self.instance))
        _check_unused(self.instance, built)
        return built


def given(model: Model) -> Given:
    """What a name, a class or an instance stands for; raises as loading a name does, and PluginError."""
    if isinstance(model, str):
        return Given(model, load_generator(model))
    cls = type(model) if isinstance(model, Generator) else model
    if not (isinstance(cls, type) and issubclass(cls, Generator)):
        raise PluginError(
            f"generator: expected a name, a subclass of ldbench.api.Generator or an instance of one, got "
            f"{what_it_is(model)}"
        )
    label = f"generator {cls.__qualname__}"
    check_class(cls, label)
    if _found(cls.__module__, cls.__qualname__) is not cls:
        raise PluginError(
            f"{label}: expected what {cls.__module__} holds under this name now, got another class, made in a function "
            "or before its code was run again; define it at the top of a file or cell, and make instances anew"
        )
    if not is_typed(cls) and not sources(cls.__module__):
        raise PluginError(f"{label}: expected a class of a file or a notebook, got one without source; import its file")
    name = _name(cls)
    check_unedited(cls, GENERATORS.entry(name), label)
    return Given(name, cls, model if isinstance(model, Generator) else None)


def _name(cls: type[Generator]) -> str:
    """The name under which it is registered, else `path/to/file.py:Class`, else `package.module:Class`."""
    module = cls.__module__
    for entry in GENERATORS.entries():
        where, _, attribute = entry.value.partition(":")
        if where.partition(".")[0] == module.partition(".")[0] and _found(where, attribute) is cls:
            return entry.name
    loaded = sys.modules[module]
    spec: ModuleSpec | None = getattr(loaded, "__spec__", None)
    if module == PROGRAM and spec is not None and spec.name != PROGRAM:  # python -m
        module = spec.name
    file = None if is_typed(cls) else _lone_file(loaded, module)
    return f"{module if file is None else file}:{cls.__qualname__}"


def _lone_file(loaded: ModuleType, name: str) -> Path | None:
    """The file of a module that is in no package and that nobody installed; None for others and for a prompt."""
    file = getattr(loaded, "__file__", None)
    if file is None or "." in name or hasattr(loaded, "__path__") or Path(file).suffix != ".py":
        return None
    path = Path(file).absolute()
    installed = {Path(sysconfig.get_path(scheme)) for scheme in ("purelib", "platlib")}
    return None if path.parent in installed else path


def _found(module: str, attribute: str) -> object:
    """What an imported module holds under a dotted name; None where there is no such thing."""
    found: object = sys.modules.get(module)
    for part in attribute.split("."):
        found = getattr(found, part, None)
    return found


def _check_unused(instance: Generator, built: Generator) -> None:
    """UsageError where an instance has learnt something that one of its own making has not."""
    own, fresh = vars(instance), vars(built)
    more = [name for name, value in own.items() if _is_state(builtin(value), builtin(fresh.get(name)), name in fresh)]
    if more:
        name = type(instance).__name__
        raise UsageError(
            f"{name}: expected an instance with its parameters alone, which a run fits anew, got one that also holds "
            f"{', '.join(more)}; give a new one, with what it has learnt in a file that a parameter names, or score "
            "its images with score_images"
        )


def _is_state(value: object, there: object, known: bool) -> bool:
    """Whether a value is more than what a new instance has; two objects of one type can't be compared and pass."""
    if not known or type(value) is not type(there):
        return True
    return isinstance(value, str | int | float) and value != there
