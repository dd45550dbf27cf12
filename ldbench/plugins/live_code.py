"""A generator's code as it is in memory: whether its file still says the same, and what was typed where there is none.

A class that is handed over in Python may be older than its file, or have none: it was typed into a notebook. Followed
are its methods, and what they use by name, as far as that is the user's own: of no installed package, nor the suite's.
"""

from __future__ import annotations

import dis
import functools
import inspect
import linecache
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from ldbench.errors import PluginError
from ldbench.records.names import digest

PROGRAM = "__main__"  # the module of a script, a notebook or a prompt
_SUITE = __name__.partition(".")[0]
_BY_EXEC = "<string>"  # where dataclasses say that the methods lie which they write
_PLAIN = (type(None), bool, int, float, str, bytes, Path)


@dataclass
class _Used:
    """What a class is made of: functions, further variables that they read, and the modules of all."""

    functions: list[FunctionType] = field(default_factory=list)
    variables: dict[tuple[str, str], object] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)


def check_is_that_of_its_file(cls: type, label: str) -> None:
    """PluginError where a function that the class uses is not in its file as the file is now: it was edited since.

    Code that something else than Python's own importer loads, and may change, is not looked at.
    """
    in_file = functools.cache(_code_in)
    for function in _used(cls).functions:
        file = Path(function.__code__.co_filename)
        loader = getattr(sys.modules.get(function.__module__), "__loader__", None)
        if type(loader) is not SourceFileLoader or not file.is_file():
            continue
        if function.__code__ not in in_file(file):
            raise PluginError(
                f"{label}: expected the code that {file.name} holds, got an older {function.__qualname__}; the file "
                "was edited after its import: start again, or reload it and make the generator anew"
            )


def typed_sources(cls: type) -> tuple[dict[str, str], set[str]]:
    """What of a class's code lies in no file: texts by name, and the modules of the user's own that it uses.

    The texts are the cells that define it and the functions and classes that it uses, and the values of variables that
    these read. Both are empty for a class of a file. PluginError where the text is not to be had, or where a variable
    holds what has no text, such as a network.
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
            texts[f"variable {name}"] = _text(value, f"{function_name} reads {name}")
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
    while waiting:
        for function in _functions(waiting.pop()):
            if id(function) in seen:
                continue
            seen.add(id(function))
            used.functions.append(function)
            for name, value in _globals_of(function):
                if isinstance(value, ModuleType | FunctionType | type):
                    module = value.__name__ if isinstance(value, ModuleType) else value.__module__
                    used.modules |= {module} if is_own(module) else set()
                    waiting.append(value)
                else:
                    used.variables[function.__qualname__, name] = value
    return used


def _functions(thing: object) -> Iterator[FunctionType]:
    """The user's own functions of a class, with those of the classes that it extends, or a function itself."""
    parts: list[object] = [thing]
    if isinstance(thing, type):
        parts = [part for base in thing.__mro__ if is_own(base.__module__) for part in vars(base).values()]
    for part in parts:
        for function in _inside(part):
            inner = inspect.unwrap(function)
            written = isinstance(inner, FunctionType) and is_own(inner.__module__) and not _is_generated(inner)
            if isinstance(inner, FunctionType) and written:
                yield inner


def _inside(part: object) -> Iterator[FunctionType]:
    if isinstance(part, staticmethod | classmethod):
        part = part.__func__
    several = [part.fget, part.fset] if isinstance(part, property) else [part]
    for each in several:
        inner = each.func if isinstance(each, functools.cached_property) else each
        if isinstance(inner, FunctionType):
            yield inner


def _is_generated(function: FunctionType) -> bool:
    """Whether a dataclass wrote it."""
    return function.__code__.co_filename == _BY_EXEC and function.__name__.startswith("__")


def _is_typed(function: FunctionType) -> bool:
    return function.__module__ == PROGRAM and not Path(function.__code__.co_filename).is_file()


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


def _text(value: object, where: str) -> str:
    """A value of plain parts as text."""
    if isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, Mapping):
        return _text([*value.items()], where)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_text(part, where) for part in value)}]"
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(_text(part, where) for part in value))}}}"
    raise PluginError(
        f"{where}: expected a number, a text or a list of them, got {type(value).__qualname__}, which no result could "
        "name; make it in fit, or save it to a file and let a parameter name that"
    )
