"""Leaderboards in print: one renderer a format, chosen by name.

Refuses to compute: every number shown stands in the leaderboard. A format is imported when it is asked for.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from types import MappingProxyType

from ldbench.board.leaderboard import Leaderboard
from ldbench.errors import unknown_name

# Format name to the end of its files and to what renders it, `function(leaderboard) -> str`.
RENDERERS: Mapping[str, tuple[str, str]] = MappingProxyType({
    "terminal": ("txt", "ldbench.report.tables.terminal:render"),
    "markdown": ("md", "ldbench.report.tables.markdown:render"),
    "csv": ("csv", "ldbench.report.tables.csv_:render"),
    "json": ("json", "ldbench.board.leaderboard:dumps"),
    "latex": ("tex", "ldbench.report.tables.latex:render"),
})


def render(leaderboard: Leaderboard, format: str) -> str:
    """The leaderboard as text in the named format; raises `UnknownNameError` for one that nobody wrote."""
    if format not in RENDERERS:
        raise unknown_name("format", format, RENDERERS, f"formats: {', '.join(RENDERERS)}")
    renderer: Callable[[Leaderboard], str] = pkgutil.resolve_name(RENDERERS[format][1])
    return renderer(leaderboard)
