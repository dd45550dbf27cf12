"""Which losses a gate would not see: where an unchanged row may differ by more than half of its value.

Such a row passes though it lost half of what it had, or its error grew by half. The gate says so of each metric, and of
the row where its board is ranked by such a metric, and closes on nothing because of it. A tolerance that somebody chose
is no reason to say it, and a score of 0 has no half.
"""

from __future__ import annotations

from ldbench.board.leaderboard import FoldedScore
from ldbench.plugins.kinds import metric_bounds
from ldbench.report.digits import decimals_for, fixed
from ldbench.report.gate.reach import RowPair
from ldbench.report.gate.tolerance import Tolerances

WIDE = 0.5  # of the baseline's value
_NAMED = 3  # metrics that a line on a row names


def would_pass(rows: RowPair, now: FoldedScore, then: FoldedScore, tolerances: Tolerances) -> str:
    """Which values of today would pass, "fid up to 290" or "any auc", where the allowance is wide; else empty."""
    lower = then.direction == "lower"
    reach = rows.reach(now, then, above=lower)
    if not rows.then.competes or not then.value or reach <= WIDE * abs(then.value):
        return ""
    allowed = max(reach, tolerances.amount(then.metric, then.value))
    end = then.value + allowed if lower else then.value - allowed
    lowest, highest = metric_bounds(then.metric)
    if not lowest < end < highest:
        return f"any {then.metric}"
    return f"{then.metric} {'up' if lower else 'down'} to {fixed(end, decimals_for(allowed, then.value))}"


def losses_unseen(rows: RowPair, first: str, tolerances: Tolerances) -> str:
    """What would pass on the row's metrics of a wide allowance, and what helps; empty where the `first` is none."""
    pairs = [(now, then) for then in rows.then.scores if (now := rows.now.score(then.metric)) is not None]
    passing = {then.metric: text for now, then in pairs if (text := would_pass(rows, now, then, tolerances))}
    if first not in passing:
        return ""
    named = [passing.pop(first), *passing.values()]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    seeds = "more seeds for both" if rows.same_seeds else "the baseline's seeds"
    return f"{', '.join(named[:_NAMED])}{more} would pass: run {seeds}, or take more cases"
