"""The values that one parameter takes in turn: `-0.2:0.2:0.05` (start:stop:step, stop included), `0,0.1,0.2`, or,
where a value holds commas itself, `0;0.1;0.1,0,-0.1,0.2`.

The same value twice, a step that leads nowhere and more than 101 values are errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from ldbench.api import Generator, ParameterValue
from ldbench.errors import UsageError, unknown_name
from ldbench.plugins.parameters import Parameter, declared

MOST_VALUES = 101
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?"
_RANGE = re.compile(rf"({_NUMBER}):({_NUMBER}):({_NUMBER})")


@dataclass(frozen=True)
class Grid:
    """A parameter with the texts that `--set` would take for its values, in order, and what they mean."""

    parameter: str
    texts: tuple[str, ...]
    values: tuple[ParameterValue, ...]

    @property
    def numeric(self) -> bool:
        """Whether every value is a number, so that the values have an order and distances."""
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in self.values)

    @property
    def positions(self) -> list[float]:
        """Where the values stand on an axis: themselves, or 0, 1, 2, ... where they are not numbers."""
        if self.numeric:
            return [float(str(value)) for value in self.values]
        return [float(index) for index in range(len(self.values))]


def grid(
    cls: type[Generator], parameter: str, text: str, fixed: Mapping[str, ParameterValue], least: int = 1
) -> Grid:
    """The values of one of `cls`'s parameters that `text` spells; UsageError or UnknownNameError.

    `fixed` are the parameters set otherwise, among which this one must not be; `least` is how many values are needed.
    """
    parameters = {entry.name: entry for entry in declared(cls)}
    if parameter not in parameters:
        remedy = f"name one by --parameter; {cls.__name__} has {', '.join(parameters) or 'none'}"
        raise unknown_name(f"parameter of {cls.__name__}", parameter, parameters, remedy, listed=True)
    if parameter in fixed:
        raise UsageError(f"--parameter {parameter}: it is given by --set too; remove one")
    texts = spelled(parameter, text)
    values = tuple(_value(parameters[parameter], part) for part in texts)
    if len(values) < least:
        raise UsageError(f"--values: expected at least {least} values of {parameter}, got {text!r}; add some")
    twice = [part for index, part in enumerate(texts) if values[index] in values[:index]]
    if twice:
        raise UsageError(f"--values: expected each value of {parameter} once, got {twice[0]} twice; remove one")
    return Grid(parameter, texts, values)


def spelled(parameter: str, text: str) -> tuple[str, ...]:
    """The single values of a range or list, as texts; a range is counted in decimals, so 0.1 stays 0.1."""
    if (match := _RANGE.fullmatch(text.strip())) is not None:
        start, stop, step = (Decimal(part) for part in match.groups())
        return _counted(start, stop, step, text)
    if ":" in text:
        raise UsageError(f"--values: expected start:stop:step in numbers, or values separated by commas, got {text!r}")
    texts = tuple(part.strip() for part in text.split(";" if ";" in text else ","))
    if len(texts) > MOST_VALUES:
        raise UsageError(f"--values: expected at most {MOST_VALUES} values, got {len(texts)}; remove some")
    if not all(texts):
        raise UsageError(f"--values: expected values of {parameter} separated by commas, got {text!r}")
    return texts


def _counted(start: Decimal, stop: Decimal, step: Decimal, text: str) -> tuple[str, ...]:
    if step == 0:
        raise UsageError(f"--values: expected a step that isn't 0, got {text!r}")
    if (stop - start) * step < 0:
        raise UsageError(f"--values: expected a step that leads from {start} to {stop}, got {text!r}; turn its sign")
    steps = (stop - start) / step
    if steps >= MOST_VALUES:
        raise UsageError(f"--values: expected at most {MOST_VALUES} values, got {int(steps) + 1}; take a larger step")
    return tuple(_plain(start + index * step) for index in range(int(steps) + 1))


def _plain(number: Decimal) -> str:
    """Without an exponent, trailing zeros or a minus before a zero."""
    return "0" if number == 0 else f"{number.normalize():f}"


def _value(parameter: Parameter, text: str) -> ParameterValue:
    try:
        return parameter.parse(text)
    except UsageError as error:
        raise UsageError(f"--values: expected {parameter}, got {text!r}") from error
