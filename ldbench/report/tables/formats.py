"""Leaderboards in print: one renderer a format, chosen by name.

Every number shown stands in the leaderboard.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ldbench.board.leaderboard import Leaderboard, dumps
from ldbench.report.tables import csv_, latex, markdown, terminal

# Format name to the end of its files and to what renders it.
RENDERERS: Mapping[str, tuple[str, Callable[[Leaderboard], str]]] = {
    "terminal": ("txt", terminal.render),
    "markdown": ("md", markdown.render),
    "csv": ("csv", csv_.render),
    "json": ("json", dumps),
    "latex": ("tex", latex.render), "latex-tabular": ("tex", latex.render_tabular),
}


def render(leaderboard: Leaderboard, format: str) -> str:
    """The leaderboard as text in a format of `RENDERERS`."""
    return RENDERERS[format][1](leaderboard)
