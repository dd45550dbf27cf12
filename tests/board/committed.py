"""The committed results and boards, read once; tests over them are laws that hold for whatever is committed."""

from __future__ import annotations

import functools
from pathlib import Path

from ldbench.board.gather import collect, fold
from ldbench.board.leaderboard import BoardRow, FoldedScore, Leaderboard
from ldbench.records.identity import Found

FOLDER = Path(__file__).parents[2] / "leaderboards"
RESULTS = FOLDER / "results"
TASKS = sorted(path.name for path in RESULTS.glob("*") if path.is_dir())
NONE = "no results are committed"


@functools.cache
def found() -> tuple[Found, ...]:
    """All committed results; empty where there are none."""
    return tuple(collect([RESULTS])) if TASKS else ()


@functools.cache
def boards() -> dict[str, Leaderboard]:
    """Their fold, by task."""
    return fold(found()) if TASKS else {}


def ranked(task: str) -> list[BoardRow]:
    """The rows of a board that compete."""
    return [row for row in boards()[task].rows if row.competes]


def scores(task: str, metric: str) -> dict[str, FoldedScore]:
    """By model, the scores of a board on one metric; empty for a metric that the card lacks."""
    return {row.model.name: score for row in boards()[task].rows if (score := row.score(metric)) is not None}


def beats(one: FoldedScore, other: FoldedScore) -> bool:
    """Whether an interval lies wholly on the better side of another."""
    return one.ci_high < other.ci_low if one.direction == "lower" else one.ci_low > other.ci_high
