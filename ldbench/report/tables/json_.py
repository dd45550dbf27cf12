"""A leaderboard as JSON: the leaderboard file itself. Refuses to add or drop anything."""

from __future__ import annotations

from ldbench.board.leaderboard import Leaderboard, dumps


def render(leaderboard: Leaderboard) -> str:
    """The text of the leaderboard file."""
    return dumps(leaderboard)
