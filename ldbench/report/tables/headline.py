"""Which metrics of a board stand first: one for each question that the board answers, the others unfold.

The first metric of each axis in the card's order speaks for the axis. A metric without an axis, such as one whose
plug-in is not installed here, speaks for itself. On a board of edits fidelity is not asked, unless it ranks the board:
a source left as it is looks as real as any scan, so the less an edit does, the better it stands there. No number is
made of several.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from ldbench.api import Direction, MetricAxis
from ldbench.board.leaderboard import BoardRow, Leaderboard
from ldbench.plugins.kinds import METRICS

_OF_EDITS = frozenset({"truth", "effectiveness", "identity"})  # the axes that only edits have
ORIGINS = ("measured", "reported")
ARROWS: Mapping[Direction, str] = {"lower": "↓", "higher": "↑"}  # what is better, beside a metric's name


def axis_of(metric: str) -> MetricAxis | None:
    """The axis of a metric by its name; None where it has none or isn't installed."""
    record = METRICS.installed(metric)
    return None if record is None else record.axis


def headline(metrics: Sequence[str]) -> tuple[str, ...]:
    """The metrics that speak for their axes, in the order given."""
    speaking: dict[str, str] = {}
    for metric in metrics:
        speaking.setdefault(axis_of(metric) or metric, metric)
    if speaking.keys() & _OF_EDITS and next(iter(speaking)) != "fidelity":
        speaking.pop("fidelity", None)
    return tuple(speaking.values())


def narrowed(board: Leaderboard, metrics: Collection[str], origins: Collection[str] = ORIGINS) -> Leaderboard:
    """The board with these metrics alone, ranks and order unchanged, without reported rows that have none of them.

    Rows of another origin keep all that they have.
    """
    narrow = (_narrowed_row(row, metrics) if row.origin in origins else row for row in board.rows)
    rows = tuple(row for row in narrow if row.scores or row.origin == "measured")
    named = {score.metric for row in rows for score in row.scores}
    return replace(board, metrics=tuple(one for one in board.metrics if one.metric in named), rows=rows)


def _narrowed_row(row: BoardRow, metrics: Collection[str]) -> BoardRow:
    return replace(row, scores=tuple(score for score in row.scores if score.metric in metrics))
