"""Where numbers lie on a drawn axis, and how they read there.

Equal ends are moved apart, so that a single value lies in the middle.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ldbench.report.digits import fixed

_MOST_DECIMALS = 6
MARGIN = 4.0  # so that a dot at an end is drawn whole


@dataclass(frozen=True)
class Axis:
    """From `low` to `high` over `width` user units of an SVG."""

    low: float
    high: float
    width: float

    def at(self, number: float) -> float:
        """Where the number lies, cut at the ends, to a tenth of a unit."""
        share = (number - self.low) / (self.high - self.low)
        return round(MARGIN + min(max(share, 0.0), 1.0) * (self.width - 2 * MARGIN), 1)

    @property
    def ends(self) -> tuple[str, str]:
        """Both ends as text, to three digits of what lies between them."""
        decimals = min(max(2 - math.floor(math.log10(self.high - self.low)), 0), _MOST_DECIMALS)
        return fixed(self.low, decimals), fixed(self.high, decimals)


@dataclass(frozen=True)
class Whisker:
    """A dot and its interval in user units, left to right; `beyond` is "left" or "right" where the axis ends first."""

    low: float
    value: float
    high: float
    beyond: str = ""


def spanning(numbers: Iterable[float], width: float) -> Axis | None:
    """The axis from the smallest to the largest of the finite numbers; None where there is none."""
    finite = [number for number in numbers if math.isfinite(number)]
    if not finite:
        return None
    low, high = min(finite), max(finite)
    room = 0.0 if high > low else abs(low) * 0.5 or 0.5
    return Axis(low - room, high + room, width)


def stretched(axis: Axis, numbers: Iterable[float]) -> Axis:
    """The axis with those of the numbers on it, nearest first, that leave it at most twice as long."""
    low, high = axis.low, axis.high
    for number in sorted(numbers, key=lambda number: max(axis.low - number, number - axis.high)):
        if max(high, number) - min(low, number) <= 2 * (axis.high - axis.low):
            low, high = min(low, number), max(high, number)
    return Axis(low, high, axis.width)


def whisker(axis: Axis, low: float, value: float, high: float) -> Whisker:
    """Value and interval on the axis."""
    beyond = "left" if value < axis.low else "right" if value > axis.high else ""
    return Whisker(axis.at(low), axis.at(value), axis.at(high), beyond)


def short(number: float) -> str:
    """Three significant digits, without an exponent where that is short."""
    return f"{number:.3g}".replace("e-0", "e-").replace("e+0", "e+")
