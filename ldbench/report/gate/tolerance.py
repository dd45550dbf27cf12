"""How much worse a metric may get before a gate closes, over and above the baseline's interval.

Refuses tolerances that could never be met or that say nothing: negative, infinite, given twice, of no known metric.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ldbench.errors import UsageError, unknown_name

DEFAULT = 0.02


@dataclass(frozen=True)
class Tolerances:
    """`relative` to the size of the baseline's value, save for metrics with an amount of their own in `absolute`."""

    relative: float = DEFAULT
    absolute: Mapping[str, float] = field(default_factory=dict)

    def amount(self, metric: str, value: float) -> float:
        """The tolerance in the metric's own unit, for a baseline that holds `value`."""
        return self.absolute.get(metric, self.relative * abs(value))

    def __str__(self) -> str:
        named = [f"{name}={amount:g}" for name, amount in sorted(self.absolute.items())]
        return ", ".join([f"{self.relative:g} of the baseline's value", *named])


def parse(texts: Sequence[str]) -> Tolerances:
    """The tolerances from `0.02` (relative) and `fid=2` (absolute), each at most once; raises `UsageError`."""
    relative: list[float] = []
    absolute: dict[str, float] = {}
    for text in texts:
        metric, equals, number = (part.strip() for part in text.rpartition("="))
        amount = _amount(number, text)
        if (equals and metric in absolute) or (not equals and relative):
            raise UsageError(f"--tolerance {text}: {metric or 'the relative one'} is given twice; leave one out")
        if not equals:
            relative.append(amount)
        elif metric:
            absolute[metric] = amount
        else:
            raise UsageError(f"--tolerance {text}: expected a metric before '='; 0.02 or fid=2, say")
    return Tolerances(relative[0] if relative else DEFAULT, absolute)


def require_known(tolerances: Tolerances, metrics: Collection[str]) -> None:
    """Raises `UnknownNameError` for a tolerance of an unknown metric, which would tolerate nothing."""
    for name in tolerances.absolute:
        if name not in metrics:
            raise unknown_name("metric in --tolerance", name, metrics, "name one that the baseline holds")


def _amount(number: str, text: str) -> float:
    try:
        amount = float(number)
    except ValueError:
        amount = math.nan
    if not (math.isfinite(amount) and amount >= 0):
        raise UsageError(f"--tolerance {text}: expected a number of 0 or more, or metric=number, got {number!r}")
    return amount
