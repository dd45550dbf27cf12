"""Numbers as text, with as many digits as their interval supports: two significant digits of the standard error."""

from __future__ import annotations

import math

_NO_SIZE_DIGITS = 4
_HALF_WIDTH = 1.96  # of a 95 % interval, in standard errors
_MOST_DECIMALS = 9
_ROUND_OFF = 1e-7  # an interval this narrow is what single precision leaves of equal images


def fixed(number: float, decimals: int) -> str:
    """The number with so many decimals, and no minus sign before a zero."""
    text = f"{number:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def decimals_for(size: float, value: float) -> int:
    """Decimals that show two significant digits of the size, such as a standard error; where that is nothing, four of
    the value, and none of a whole number."""
    some = size > _ROUND_OFF * abs(value)
    if not some and value == int(value):
        return 0
    shown, digits = (size, 2) if some else (abs(value), _NO_SIZE_DIGITS)
    exponent = int(f"{shown:.{digits - 1}e}".partition("e")[2])  # of the rounded number: 0.0996 counts as 0.10
    return min(max(digits - 1 - exponent, 0), _MOST_DECIMALS)


def decimals_within(low: float, high: float, value: float) -> int:
    """Decimals that show two significant digits of the standard error that a 95 % interval stands for.

    A number that they show as zero is within a twentieth of a standard error of it.
    """
    return decimals_for((high - low) / 2 / _HALF_WIDTH, value)


def with_interval(value: float, low: float, high: float) -> tuple[str, str]:
    """The value and its 95 % interval in brackets, all three with the decimals of `decimals_within`."""
    decimals = decimals_within(low, high, value)
    return fixed(value, decimals), f"[{fixed(low, decimals)}, {fixed(high, decimals)}]"


def shortest(value: float) -> str:
    """The value as a publication printed it: the shortest text that gives the same number."""
    return str(int(value)) if math.isfinite(value) and value == int(value) else repr(value)


def duration(seconds: float) -> str:
    """Seconds as a person says them: to a tenth below 100, then minutes, from two hours on hours."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{seconds / 3600:.1f} h"
