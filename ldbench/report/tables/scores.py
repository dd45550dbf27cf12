"""The scores of one run or one folder as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from ldbench.api import Score
from ldbench.board.folder_seeds import MethodScore
from ldbench.report.digits import decimals_for, fixed, with_interval
from ldbench.report.tables.headline import ARROWS
from ldbench.report.tables.text_table import TextTable, to_terminal


def score_table(scores: Sequence[Score]) -> str:
    """Scores, a line each, with an arrow to where better values lie; "" for none."""
    rows = [
        (
            f"{one.metric} {ARROWS[one.direction]}", *value_cells(one),
            f"n={one.n}", one.extractor or "",
        )
        for one in scores
    ]
    return to_terminal(TextTable((), rows, "lrlll")) if rows else ""


def value_cells(score: Score) -> tuple[str, str]:
    """The value, and its interval; after that of several seeds the standard deviation between them."""
    value, interval = with_interval(score.value, score.ci_low, score.ci_high)
    if not isinstance(score, MethodScore) or score.spread is None:
        return value, interval
    decimals = decimals_for((score.ci_high - score.ci_low) / 2, score.value) if score.spread else 0
    return value, f"{interval} ± {fixed(score.spread, decimals)}"
