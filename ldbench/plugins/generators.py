"""The kind of plug-in that is measured: generators, and presets of them."""

from __future__ import annotations

import inspect
import re
import typing
from dataclasses import fields

from ldbench.api import API_VERSION, Generator, Kind, Preset
from ldbench.errors import PluginError
from ldbench.plugins.blame import blamed
from ldbench.plugins.parameters import declared, preset_class
from ldbench.plugins.registry import PluginKind, what_it_is

_API_VERSION = re.compile(r"(\d+(\.\d+)?)?")


def load_generator(name: str) -> type[Generator]:
    """The generator class of a name; see `PluginKind.load`."""
    return GENERATORS.load(name)


def check_class(candidate: object, label: str, name: str = "") -> type[Generator]:
    """`candidate`, if it is a generator class that keeps the protocol, or a preset of one; else PluginError."""
    if isinstance(candidate, Preset):
        check_class(candidate.generator, label)
        try:
            candidate = preset_class(candidate, name)
        except PluginError as error:
            raise PluginError(f"{label}: {error}") from error
    if not (isinstance(candidate, type) and issubclass(candidate, Generator)):
        raise PluginError(f"{label}: expected a subclass of ldbench.api.Generator, got {what_it_is(candidate)}")
    if "__dataclass_fields__" not in vars(candidate):
        raise PluginError(f"{label}: expected a dataclass; write @dataclass above class {candidate.__name__}")
    if inspect.isabstract(candidate):
        missing = ", ".join(sorted(candidate.__abstractmethods__))
        raise PluginError(f"{label}: {candidate.__name__} doesn't define {missing}; define it")
    _check_api_version(candidate, label)
    _check_calls(candidate, label)
    _check_kinds(candidate, label)
    try:
        declared(candidate)
    except PluginError as error:
        raise PluginError(f"{label}: {error}") from error
    return candidate


def _check_calls(candidate: type[Generator], label: str) -> None:
    """`PluginError` for a method that can't take what it is given, which would otherwise show when a run calls it."""
    for name in ("fit", "generate"):
        asked = list(inspect.signature(getattr(Generator, name)).parameters)
        own = inspect.getattr_static(candidate, name)
        if isinstance(own, staticmethod | classmethod):  # called without one, or with the class in its place
            continue
        try:
            inspect.signature(own).bind(*asked)
        except TypeError as error:
            got = f"{name}({', '.join(inspect.signature(own).parameters)})" if callable(own) else what_it_is(own)
            raise PluginError(f"{label}: expected {name}({', '.join(asked)}), got {got}; write it so") from error


def _check_kinds(candidate: type[Generator], label: str) -> None:
    with blamed(PluginError, f"{label}: capabilities()", candidate.__module__, remedy="repair it"):
        given = candidate.capabilities().kinds
        kinds = frozenset(given)
    valid = frozenset(typing.get_args(Kind))
    for text in (candidate.kinds, given):
        if isinstance(text, str):  # a set of it would be of its letters
            raise PluginError(f'{label}: kinds: expected a set of texts, got {text!r}; write frozenset({{"{text}"}})')
    if not kinds <= valid:
        wrong = ", ".join(sorted(map(repr, kinds - valid)))
        raise PluginError(f"{label}: unknown kinds {wrong}; expected some of {', '.join(sorted(valid))}")


def _check_api_version(candidate: type[Generator], label: str) -> None:
    wanted, here = candidate.api_version, API_VERSION.partition(".")[0]
    if not (isinstance(wanted, str) and _API_VERSION.fullmatch(wanted)):
        raise PluginError(f"{label}: api_version: expected '{API_VERSION}' or '{here}', got {wanted!r}")
    if wanted and wanted.partition(".")[0] != here:
        raise PluginError(
            f"{label}: {candidate.__name__} is written for ldbench.api {wanted}, this ldbench has {API_VERSION}; "
            f"install a version of the plugin for API {here}, or the ldbench it was written for"
        )


GENERATORS: PluginKind[type[Generator]] = PluginKind(
    "ldbench.generators", "generator", "model", "models", "Preset", tuple(field.name for field in fields(Preset)),
    check_class,
)
