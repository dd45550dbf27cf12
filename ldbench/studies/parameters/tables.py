"""Answers as plain text for the terminal, as wide as they need.

Refuses false precision: a value has as many digits as its interval supports.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ldbench.report.digits import decimals_for, fixed

if TYPE_CHECKING:
    from ldbench.studies.parameters.search import Found


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns parted by two spaces, the first left, the others right, a rule under the header."""
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(header))]
    rule = ["-" * width for width in widths]
    texts = []
    for line in [lines[0], rule, *lines[1:]]:
        right = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        texts.append("  ".join([line[0].ljust(widths[0]), *right]).rstrip())
    return "\n".join(texts) + "\n"


def with_interval(value: float, low: float, high: float) -> tuple[str, str]:
    """A value and its interval to two significant digits of the half-width."""
    decimals = decimals_for((high - low) / 2, value)
    return fixed(value, decimals), f"[{fixed(low, decimals)}, {fixed(high, decimals)}]"


def search_table(found: Found) -> str:
    """The curve of a search, the value it chose, how sure that is, and where the files lie."""
    rows = []
    for index, point in enumerate(found.curve.points):
        mark = "*" if index == found.curve.best else ""
        cells = with_interval(point.distance, point.low, point.high)
        rows.append([point.text + mark, *cells, f"{100 * point.share:.0f} %"])
    header = (found.grid.parameter, f"L1 ({found.distance})", "95 % interval", "smallest in")
    lines = [text_table(header, rows).rstrip("\n"), ""]
    if found.training is not None:
        lines.append(f"real training images of the same prompts: {found.training:.4g}")
    lines.append(f"smallest: --set {found.setting}{_sure(found)}")
    if found.curve.at_edge:
        lines.append("the smallest lies at the end of the values: widen --values")
    return "\n".join([*lines, str(found.record), str(found.plot)]) + "\n"


def _sure(found: Found) -> str:
    low, high = found.curve.best_low, found.curve.best_high
    if low is None or high is None:
        return ""
    return f" (95 % of resamples: {low:g} to {high:g})"
