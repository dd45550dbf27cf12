"""Leaderboards in print: one renderer a format, chosen by name.

Refuses to compute: every number shown stands in the leaderboard. A format is imported when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Protocol

from ldbench.board.leaderboard import Leaderboard
from ldbench.errors import unknown_name


class Renderer(Protocol):
    """A module of this package that prints one format."""

    def render(self, leaderboard: Leaderboard) -> str:
        """The leaderboard in this format."""


# Format name to module. A new format is a module with `render(leaderboard) -> str` and a line here.
RENDERERS: Mapping[str, str] = MappingProxyType({
    "terminal": "ldbench.report.tables.terminal",
    "markdown": "ldbench.report.tables.markdown",
    "csv": "ldbench.report.tables.csv_",
    "json": "ldbench.report.tables.json_",
    "latex": "ldbench.report.tables.latex",
})


def render(leaderboard: Leaderboard, format: str) -> str:
    """The leaderboard as text in the named format; raises `UnknownNameError` for one that nobody wrote."""
    if format not in RENDERERS:
        raise unknown_name("format", format, RENDERERS, f"formats: {', '.join(RENDERERS)}")
    renderer: Renderer = import_module(RENDERERS[format])
    return renderer.render(leaderboard)
