"""The scores of one run or one folder as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from ldbench.api import Score
from ldbench.report.digits import with_interval
from ldbench.report.tables.headline import ARROWS
from ldbench.report.tables.text_table import TextTable, to_terminal


def score_table(scores: Sequence[Score]) -> str:
    """Scores, a line each, with an arrow to where better values lie; "" for none."""
    rows = [
        (
            f"{one.metric} {ARROWS[one.direction]}", *with_interval(one.value, one.ci_low, one.ci_high),
            f"n={one.n}", one.extractor or "",
        )
        for one in scores
    ]
    return to_terminal(TextTable((), rows, "lrlll")) if rows else ""
