"""Answers as plain text for the terminal, as wide as they need.

A value has as many digits as its interval supports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ldbench.report.digits import with_interval
from ldbench.report.tables.text_table import TextTable, to_terminal

if TYPE_CHECKING:
    from ldbench.studies.parameters.search import SearchAnswer


def search_table(found: SearchAnswer) -> str:
    """The curve of a search, the value it chose, how sure that is, and where the files lie."""
    rows = []
    for index, point in enumerate(found.curve.points):
        mark = "*" if index == found.curve.best else ""
        cells = with_interval(point.distance, point.low, point.high)
        rows.append([point.text + mark, *cells, f"{100 * point.share:.0f} %"])
    header = (found.grid.parameter, f"L1 ({found.distance})", "95 % interval", "smallest in")
    lines = [to_terminal(TextTable(header, rows, "lrrr"))]
    if found.real is not None:
        lines.append(f"as many new real images, expected: {found.real:.4g}")
    lines.append(f"smallest: --set {found.setting}{_sure(found)}")
    if found.curve.at_edge:
        lines.append("the smallest lies at the end of the values: widen --values")
    return "\n".join([*lines, str(found.record), str(found.plot)]) + "\n"


def _sure(found: SearchAnswer) -> str:
    low, high = found.curve.best_low, found.curve.best_high
    if low is None or high is None:
        return ""
    return f" (95 % of resamples: {low:g} to {high:g})"
