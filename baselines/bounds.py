"""Which values the numbers among a generator's parameters may have, and the one line that refuses another.

A parameter that is None or a word is not checked here, but where it is read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any

from ldbench.errors import UsageError


@dataclass(frozen=True)
class Bounds:
    """From `least` to `most`; `more` and `less` leave the ends themselves out.

    >>> str(Bounds(1)), str(Bounds(0, 1)), str(Bounds(0, 1, more=True))
    ('1 or more', '0 to 1', 'more than 0, at most 1')
    """

    least: float
    most: float | Fraction = math.inf
    more: bool = False
    less: bool = False

    def __str__(self) -> str:
        if not self.more and not self.less and self.most < math.inf:
            return f"{self.least} to {self.most}"
        low = f"more than {self.least}" if self.more else f"{self.least} or more"
        high = f", less than {self.most}" if self.less else f", at most {self.most}"
        return low if self.most == math.inf else low + high

    def hold(self, value: float) -> bool:
        """Whether a value lies within; one that is no number doesn't."""
        above = self.least < value if self.more else self.least <= value
        return above and (value < self.most if self.less else value <= self.most)


SHARE = Bounds(0, 1)
GUIDANCE = Bounds(0, 100)  # a scale beyond drowns the image in the difference of two predictions
SHIFT = Bounds(-10, 10)  # of noise whose deviation is 1


def check_bounds(generator: Any, bounds: Mapping[str, Bounds]) -> None:
    """UsageError for the first parameter of a dataclass that lies outside its bounds; of a text, each of its numbers
    counts."""
    defaults = {field.name: field.default for field in fields(generator)}
    for name, allowed in bounds.items():
        value = getattr(generator, name)
        if not all(allowed.hold(number) for number in _numbers(value)):
            raise UsageError(f"{name}: expected {allowed}, got {value}; the default is {_spelled(defaults[name])}")


def _numbers(value: float | str | None) -> list[float]:
    if value is None:
        return []
    try:
        return [float(part) for part in value.split(",")] if isinstance(value, str) else [value]
    except ValueError:
        return []


def _spelled(default: object) -> str:
    return "none" if default is None else str(default)
