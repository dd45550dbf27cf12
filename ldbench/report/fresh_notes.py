"""What a board says of test sets that nobody had seen: how a row does there, less how it does on the public one."""

from __future__ import annotations

from itertools import groupby

from ldbench.board.fresh_gaps import FreshGap
from ldbench.board.leaderboard import Leaderboard
from ldbench.board.row_labels import labels
from ldbench.report.digits import with_interval
from ldbench.report.tables.headline import headline


def fresh_notes(board: Leaderboard) -> list[str]:
    """A sentence a row and fresh set with the gaps of the headline metrics, and what a gap says; else nothing."""
    shown = headline([metric.metric for metric in board.metrics])
    labelled = labels(board.rows)
    notes = [
        _note(labelled.of(row), seed, list(gaps), shown)
        for row in board.rows
        for seed, gaps in groupby(row.fresh, lambda gap: gap.data_seed)
    ]
    meaning = (
        "Fresh sets: new subjects from a seed that the row's makers did not know; a gap is the value there less that "
        "on the public test set, with a 95 % interval. A row that is worse there was tuned to the public set."
    )
    return [meaning, *notes] if notes else []


def _note(name: str, seed: int, gaps: list[FreshGap], shown: tuple[str, ...]) -> str:
    listed = ", ".join(f"{gap.metric} {_signed(gap)}" for gap in gaps if gap.metric in shown)
    tuned = [f"{gap.metric} in {gap.tuned} of {gap.runs} runs" for gap in gaps if gap.tuned]
    worse = f"worse beyond chance: {', '.join(tuned)}" if tuned else "worse beyond chance in none of its metrics"
    return f"{name}: on the fresh set of seed {seed} {listed}; {worse}."


def _signed(gap: FreshGap) -> str:
    value, interval = with_interval(gap.gap, gap.ci_low, gap.ci_high)
    return f"{'' if value.startswith('-') else '+'}{value} {interval}"
