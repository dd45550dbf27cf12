"""Numbers as text, with as many digits as their interval supports.

An interval is shown to two significant digits of its half-width, its value no finer.
"""

from __future__ import annotations

import math

_NO_INTERVAL_DIGITS = 4
_MOST_DECIMALS = 9
_ROUND_OFF = 1e-7  # an interval this narrow is what single precision leaves of equal images


def fixed(number: float, decimals: int) -> str:
    """The number with so many decimals, and no minus sign before a zero."""
    text = f"{number:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def decimals_for(half_width: float, value: float) -> int:
    """Decimals that show two significant digits of the half-width, or four of the value where that is nothing."""
    some = half_width > _ROUND_OFF * abs(value)
    size, digits = (half_width, 2) if some else (abs(value), _NO_INTERVAL_DIGITS)
    if size == 0:
        return 0
    exponent = int(f"{size:.{digits - 1}e}".partition("e")[2])  # of the rounded number: 0.0996 counts as 0.10
    return min(max(digits - 1 - exponent, 0), _MOST_DECIMALS)


def with_interval(value: float, low: float, high: float) -> tuple[str, str]:
    """The value and its interval in brackets, to two significant digits of the half-width.

    Of a share, which lies between 0 and 1, exactly none and all have no decimals, nor has what nine decimals show as 0.
    """
    decimals, share = decimals_for((high - low) / 2, value), 0 <= low <= high <= 1
    shown, *ends = (
        str(int(one)) if round(one, _MOST_DECIMALS) == 0 or (share and one == 1) else fixed(one, decimals)
        for one in (value, low, high)
    )
    return shown, f"[{', '.join(ends)}]"


def shortest(value: float) -> str:
    """The value as a publication printed it: the shortest text that gives the same number."""
    return str(int(value)) if math.isfinite(value) and value == int(value) else repr(value)


def duration(seconds: float) -> str:
    """Seconds as a person says them: to a tenth below 100, then minutes, from two hours on hours."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{seconds / 3600:.1f} h"
