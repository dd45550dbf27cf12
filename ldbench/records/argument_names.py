"""Errors and notes by the names of the reader's call: options on the command line, arguments in Python.

The suite writes them once, with options (`--subject-pattern`). Functions that are called from Python are marked with
`argument_names`, which replaces the options that are arguments of theirs; commands call them by `by_command`, as they
were written. What stands in backticks is a command, and stays. An argument of another type than its annotation's is
refused here, too, since the command line's are read by theirs.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, cast

from ldbench.errors import LdbenchError
from ldbench.records.argument_types import checked, judged

P = ParamSpec("P")
R = TypeVar("R")
Words = Callable[[str], str]
_COMMAND = re.compile(r"(`[^`]*`)")
_OPTION = re.compile(r"(?<![\w-])--(?P<name>[a-z][a-z-]*)(?: (?P<value>'[^']*'|[\w./{-][^\s,;)]*))?")
_HEAD = re.compile(r"--(?P<names>[a-z][a-z-]*(?:, --[a-z][a-z-]*)*)(?: (?P<value>.+?))?: ")
# what follows an option in the suite's texts and is no value of it
_WORDS = frozenset({
    "a", "and", "beside", "by", "can't", "go", "in", "is", "leave", "must", "need", "of", "on", "or", "out", "say",
    "starts", "tests", "to", "too", "with",
})


def argument_names(
    answered: Callable[[Any, Words], Any] | None = None, **others: str
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a function that is called from Python: its errors name its arguments, whose types are checked.

    An option is the argument of its name, or what `others` has for it. `answered` puts an answer's own texts into
    these words.
    """

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        parameters = inspect.signature(function).parameters
        flags = frozenset(name for name, each in parameters.items() if isinstance(each.default, bool))
        arguments = {name.replace("_", "-"): name for name in parameters} | others
        words = functools.partial(_in_python, arguments=arguments, flags=flags)

        @functools.wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            taken = functools.partial(checked, judged(function))
            several = [*map(taken, parameters, args), *args[len(parameters) :]]  # Python itself refuses too many
            by_name = {name: taken(name, value) for name, value in kwargs.items()}
            try:
                answer = function(*several, **by_name)
            except LdbenchError as error:
                error.args = tuple(words(each) if isinstance(each, str) else each for each in error.args)
                raise
            return answer if answered is None else cast("R", answered(answer, words))

        return called

    return mark


def by_command(function: Callable[P, R]) -> Callable[P, R]:
    """A function that `argument_names` marks, as the command line calls it: its texts name options."""
    written: Callable[P, R] = inspect.unwrap(function)
    return written


def _in_python(text: str, arguments: Mapping[str, str], flags: frozenset[str]) -> str:
    """A text with each option that is an argument as that argument, with its value.

    >>> _in_python("--fit pad: expected a side, got none; add --side, or see `ldbench measure --help`",
    ...            {"fit": "fit", "side": "side"}, frozenset())
    "fit='pad': expected a side, got none; add side=, or see `ldbench measure --help`"
    """

    def named(match: re.Match[str]) -> str:
        name, value = match["name"].rstrip("-"), match["value"] or ""
        if name not in arguments:
            return match[0]
        value, after = value.rstrip(":."), value[len(value.rstrip(":.")) :]
        if value in _WORDS or arguments[name] in flags:
            value, after = "", match[0][len(f"--{name}") :]
        return f"{_argument(arguments[name], value, arguments[name] in flags)}{after}"

    head = _HEAD.match(text)
    wrong = head["names"].split(", --") if head else []
    start = ""
    if head and arguments.keys() >= set(wrong):
        *others, last = (arguments[name] for name in wrong)
        start = ", ".join([*others, _argument(last, head["value"]) if head["value"] else last]) + ": "
        text = text[head.end() :]
    parts = _COMMAND.split(text)
    return start + "".join(each if place % 2 else _OPTION.sub(named, each) for place, each in enumerate(parts))


def _argument(name: str, value: str, flag: bool = False) -> str:
    """An argument with a value as the command line takes it, or with none."""
    if flag or not value:
        return f"{name}={flag or ''}"
    if re.fullmatch(r"-?[\d.]+|'.*'", value):
        return f"{name}={value}"
    if name not in ("settings", "parameters"):
        return f"{name}={value!r}"
    place, given, of_key = value.partition("=")
    metric, _, key = place.rpartition(":")
    if metric.endswith(".py"):  # the name of a metric in a file
        metric, key = "", place
    keys = [metric, key] if metric else [key]
    if not given:
        return name + "".join(f"[{each!r}]" for each in keys)
    table = f"{{{keys[-1]!r}: {of_key!r}}}"
    return f"{name}={{{metric!r}: {table}}}" if metric else f"{name}={table}"
