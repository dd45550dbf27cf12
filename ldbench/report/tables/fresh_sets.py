"""What a board shows of test sets that nobody had seen: how a row does there, less how it does on the public one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from ldbench.board.fresh_gaps import FreshGap
from ldbench.board.leaderboard import Leaderboard
from ldbench.board.row_labels import labels
from ldbench.report.digits import with_interval
from ldbench.report.tables.headline import headline
from ldbench.report.tables.text_table import TextTable

TITLE = "Fresh test sets"
_MEANING = (
    "New subjects, of a seed that the row's makers did not know: the score there less the one on the public test set, "
    "with its 95 % interval. A row that is worse there may have been tuned to the public set."
)
_NONE_WORSE = "No row here is worse beyond chance on any of its metrics."


def fresh_table(board: Leaderboard) -> TextTable | None:
    """A line a row and fresh set with the gaps of the headline metrics; None where no row was measured on one."""
    found = [
        (row, seed, list(gaps))
        for row in board.rows for seed, gaps in groupby(row.fresh, lambda gap: gap.data_seed)
    ]  # fmt: skip
    if not found:
        return None
    gaps_shown = {gap.metric for _, _, gaps in found for gap in gaps}
    shown = [name for name in headline([metric.metric for metric in board.metrics]) if name in gaps_shown]
    labelled, seeds = labels(board.rows), {seed for _, seed, _ in found}
    several, worse = len(seeds) > 1, any(gap.tuned for _, _, gaps in found for gap in gaps)
    sets, last = ["seed of the set"] if several else [], ["worse beyond chance"] if worse else []
    lines = [
        [labelled.of(row), *([str(seed)] if several else []), *_gaps(gaps, shown), *([_tuned(gaps)] if worse else [])]
        for row, seed, gaps in found
    ]
    alignments = "l" * (1 + len(sets)) + "r" * len(shown) + "l" * len(last)
    title = TITLE if several else f"{TITLE}, seed {min(seeds)}"
    meaning = _MEANING if worse else f"{_MEANING} {_NONE_WORSE}"
    return TextTable(["model", *sets, *shown, *last], lines, alignments, title, meaning)


def _gaps(gaps: Sequence[FreshGap], shown: Sequence[str]) -> list[str]:
    by_metric = {gap.metric: gap for gap in gaps}
    return [_signed(by_metric[name]) if name in by_metric else "-" for name in shown]


def _tuned(gaps: Sequence[FreshGap]) -> str:
    """The metrics on which runs are worse, the further ones too."""
    return ", ".join(f"{gap.metric} in {gap.tuned} of {gap.runs} runs" for gap in gaps if gap.tuned) or "-"


def _signed(gap: FreshGap) -> str:
    value, interval = with_interval(gap.gap, gap.ci_low, gap.ci_high)
    return f"{'' if value.startswith('-') or float(value) == 0 else '+'}{value} {interval}"
