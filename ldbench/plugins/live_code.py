"""A generator's code as it is in memory: whether its file still says the same, and what was typed where there is none.

A class that is handed over in Python may be older than its file, or have none: it was typed into a notebook. Followed
are its methods, and what they use by name, as far as that is the user's own: of no installed package, nor the suite's.
"""

from __future__ import annotations

import dis
import functools
import linecache
import sys
import sysconfig
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import MISSING, dataclass, field
from enum import Enum
from importlib.machinery import SourceFileLoader
from itertools import pairwise
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from ldbench.errors import PluginError
from ldbench.plugins.value_text import text_of
from ldbench.records.names import digest

PROGRAM = "__main__"  # the module of a script, a notebook or a prompt
_SUITE = __name__.partition(".")[0]
_BY_EXEC = "<string>"  # where dataclasses say that the methods lie which they write
_LOADS = ("LOAD_CONST", "LOAD_SMALL_INT")  # the latter of Python 3.14 and later
_CONSTANT = (type(None), bool, int, float, complex, str, bytes, tuple)


@dataclass
class _Used:
    """What a class is made of: functions, variables that they read, what functions and classes hold, and modules."""

    functions: list[FunctionType] = field(default_factory=list)
    variables: dict[tuple[str, str], object] = field(default_factory=dict)
    held: dict[tuple[str, str], object] = field(default_factory=dict)  # defaults, cells and attributes
    modules: set[str] = field(default_factory=set)


def check_is_that_of_its_file(cls: type, label: str, files: Collection[Path] = ()) -> None:
    """PluginError where code of a class is not that of its file as the file is now: it was edited since.

    Compared are the functions that the class uses, and of the modules of `files` all functions, and the variables and
    attributes of classes that are set once, to a number, a text or a tuple of them. What this can't see are other
    values, defaults of arguments and the order of statements. Code that something else than Python's own importer
    loads, and may change, is not looked at.
    """
    in_file = functools.cache(_code_in)
    modules = [module for module in [*sys.modules.values()] if _own_file(module) in files]
    for function in [*_used(cls).functions, *(each for module in modules for each in _functions_of(module))]:
        file = Path(function.__code__.co_filename)
        loader = getattr(sys.modules.get(function.__module__), "__loader__", None)
        if type(loader) is not SourceFileLoader or not file.is_file():
            continue
        if function.__code__ not in in_file(file):
            raise older(label, file.name, function.__qualname__)
    for module in modules:
        file = Path(str(module.__file__))
        for code in in_file(file):
            for name, value in _set_once(code, in_file(file)) if type(module.__loader__) is SourceFileLoader else ():
                holder = _holder(module, code)
                if type(there := holder.get(name)) in _CONSTANT and name in holder and repr(there) != repr(value):
                    raise older(label, file.name, name)


def older(label: str, file: str, what: str) -> PluginError:
    """The error for what is in memory and not in its file."""
    return PluginError(
        f"{label}: expected the code that {file} holds, got an older {what}; the file was edited after its import, or "
        "the name set: start again, or reload it and make the generator anew"
    )


def _own_file(module: ModuleType) -> Path | None:
    """The file of a module of the user's own."""
    file = vars(module).get("__file__") if isinstance(module, ModuleType) else None
    return Path(file) if isinstance(file, str) and is_own(module.__name__) else None


def _functions_of(module: ModuleType) -> Iterator[FunctionType]:
    for value in vars(module).values():
        if getattr(value, "__module__", None) == module.__name__:
            yield from _functions(value)


def _holder(module: ModuleType, code: CodeType) -> Mapping[str, object]:
    """What holds the variables of a module's code or of a class's body; nothing for a function's."""
    if code.co_name == "<module>":
        return vars(module)
    held: object = module
    for part in code.co_qualname.split("."):
        held = vars(held).get(part) if isinstance(held, ModuleType | type) else None
    return vars(held) if isinstance(held, type) and held.__module__ == module.__name__ else {}


def _set_once(code: CodeType, others: Iterable[CodeType]) -> Iterator[tuple[str, object]]:
    """The names that a code sets once, no other code of the file sets as a global, and to a constant."""
    steps = list(dis.get_instructions(code))
    times = Counter(step.argval for step in steps if step.opname in ("STORE_NAME", "DELETE_NAME"))
    elsewhere = {
        step.argval for other in others for step in dis.get_instructions(other) if step.opname == "STORE_GLOBAL"
    }
    for before, step in pairwise(steps):
        is_set = step.opname == "STORE_NAME" and before.opname in _LOADS and times[step.argval] == 1
        if is_set and step.argval not in elsewhere and not step.argval.startswith("__"):
            yield step.argval, before.argval


def typed_sources(cls: type) -> tuple[dict[str, str], set[str]]:
    """What of a class's code lies in no file: texts by name, and the modules of the user's own that it uses.

    The texts are the cells that define it and the functions and classes that it uses, the values of variables that
    these read, and what they took from other cells as they were defined: defaults, closures, attributes. What a
    decorator of a package keeps is not seen. Both are empty for a class of a file. PluginError where the text is not to
    be had, or where a value has none, such as a network.
    """
    if all(base.__module__ != PROGRAM for base in cls.__mro__):
        return {}, set()
    used = _used(cls)
    typed = [function for function in used.functions if _is_typed(function)]
    cells = ("".join(linecache.getlines(function.__code__.co_filename)) for function in typed)
    texts = dict[str, str]()
    for function, cell in zip(typed, cells, strict=True):
        if not cell:
            raise PluginError(
                f"{cls.__qualname__}: expected a class of a file or a notebook, got {function.__qualname__}, which was "
                "typed where no text is kept, so no result could say what made it; write it to a file and import that"
            )
        texts[f"cell {digest(cell)}"] = cell
    names = {function.__qualname__ for function in typed}
    for (function_name, name), value in used.variables.items():
        if function_name in names and not _is_of_package(value):
            texts[f"variable {name}"] = text_of(value, f"{function_name} reads {name}")
    for (owner, name), value in used.held.items() if typed else ():
        if not _is_of_package(value):
            texts[f"{owner} holds {name}"] = text_of(value, f"{owner} holds {name}")
    return texts, used.modules - {PROGRAM} if typed else set()


def is_typed(cls: type) -> bool:
    """Whether a class was typed into a notebook or at a prompt."""
    return any(map(_is_typed, _functions(cls)))


def is_own(module: str) -> bool:
    """Whether a module is the user's: not of Python, of an installed package, or of the suite."""
    if module == PROGRAM:
        return True
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None or module.partition(".")[0] == _SUITE:
        return False
    return not any(Path(file).is_relative_to(folder) for folder in _installed())


@functools.cache
def _installed() -> tuple[Path, ...]:
    """Where Python itself lies, and what is installed for it."""
    return tuple(Path(sysconfig.get_path(scheme)) for scheme in ("purelib", "platlib", "stdlib", "platstdlib"))


def _used(cls: type) -> _Used:
    used, waiting, seen = _Used(), list[object]([cls]), set[int]()

    def follow(owner: str, found: Iterable[tuple[str, object]], kept: dict[tuple[str, str], object]) -> None:
        for name, value in found:
            if isinstance(value, ModuleType | FunctionType | type):
                module = value.__name__ if isinstance(value, ModuleType) else value.__module__
                used.modules |= {module} if is_own(module) else set()
                waiting.append(value)
            else:
                kept[owner, name] = value

    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        for owner in _own_classes(thing):
            if owner.__module__ == PROGRAM:
                follow(owner.__qualname__, _attributes_of(owner), used.held)
        for function in _functions(thing):
            if function not in used.functions:
                used.functions.append(function)
                follow(function.__qualname__, _globals_of(function), used.variables)
                if _is_typed(function):
                    follow(function.__qualname__, _kept_by(function), used.held)
    return used


def _own_classes(thing: object) -> list[type]:
    """The user's own classes among a class and those that it extends."""
    return [base for base in thing.__mro__ if is_own(base.__module__)] if isinstance(thing, type) else []


def _functions(thing: object) -> Iterator[FunctionType]:
    """The user's own functions of a class, with those of the classes that it extends, or a function itself."""
    parts: list[object] = [thing]
    if isinstance(thing, type):
        parts = [part for base in _own_classes(thing) for part in vars(base).values()]
    for function in (function for part in parts for function in _inside(part)):
        if is_own(str(function.__globals__.get("__name__"))) and not _is_generated(function):
            yield function


def _inside(part: object) -> Iterator[FunctionType]:
    """The functions in a method or property, with those that decorators put them into."""
    if isinstance(part, staticmethod | classmethod):
        part = part.__func__
    several = [part.fget, part.fset, part.fdel] if isinstance(part, property) else [part]
    for each in several:
        inner: object = each.func if isinstance(each, functools.cached_property) else each
        while inner is not None:
            if isinstance(inner, FunctionType):
                yield inner
            inner = getattr(inner, "__wrapped__", None) if callable(inner) else None


def _attributes_of(cls: type) -> Iterator[tuple[str, object]]:
    """What a class itself holds beside methods, and the defaults of a dataclass's fields."""
    for name, value in vars(cls).items():
        is_method = hasattr(type(value), "__get__") and not isinstance(value, FunctionType)
        is_written = name.startswith("_" if issubclass(cls, Enum) else "__") or name == "_abc_impl"  # by Python
        if not is_method and not is_written:
            yield name, value
    for each in vars(cls).get("__dataclass_fields__", {}).values():
        for part in ("default", "default_factory"):
            value = getattr(each, part)
            if value is not MISSING:
                yield f"{part} of {each.name}", value


def _kept_by(function: FunctionType) -> Iterator[tuple[str, object]]:
    """What a function was defined with: the defaults of its arguments and the cells that it closes over."""
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    defaults = function.__defaults__ or ()
    yield from zip(names[len(names) - len(defaults) :], defaults, strict=True)
    yield from (function.__kwdefaults__ or {}).items()
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # not set yet
            yield name, cell.cell_contents


def _is_generated(function: FunctionType) -> bool:
    """Whether a dataclass wrote it, or Python 3.14 and later for annotations that nobody asked for yet."""
    by_dataclass = function.__code__.co_filename == _BY_EXEC and function.__name__.startswith("__")
    return by_dataclass or function.__name__ == "__annotate__"


def _is_typed(function: FunctionType) -> bool:
    return function.__globals__.get("__name__") == PROGRAM and not Path(function.__code__.co_filename).is_file()


def _globals_of(function: FunctionType) -> Iterator[tuple[str, object]]:
    """What a function reads or imports by name, with what is there under it now."""
    for code in _nested(function.__code__):
        for step in dis.get_instructions(code):
            if step.opname == "IMPORT_NAME" and (module := sys.modules.get(step.argval)) is not None:
                yield step.argval, module
            elif step.opname in ("LOAD_GLOBAL", "LOAD_NAME") and step.argval in function.__globals__:
                yield step.argval, function.__globals__[step.argval]


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _code_in(file: Path) -> set[CodeType]:
    """The code of all functions that a file defines."""
    try:
        return set(_nested(compile(file.read_bytes(), str(file), "exec", dont_inherit=True)))
    except (SyntaxError, ValueError):  # half edited
        return set()


def _is_of_package(value: object) -> bool:
    """Whether it is something that an installed package holds under its own name, such as a compiled function."""
    name, module = getattr(value, "__name__", None), getattr(value, "__module__", None)
    holder = sys.modules.get(module) if isinstance(module, str) and not is_own(module) else None
    return isinstance(name, str) and holder is not None and getattr(holder, name, None) is value
