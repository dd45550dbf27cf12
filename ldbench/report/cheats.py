"""What a board says of cheats: which of these reference rows a ranked row does not beat, and who beats real scans.

A row beats another where its whole interval lies on the better side of the other's, so neither seeds nor cases are
paired: a cheat is no competitor, and a small lead over one would be no praise. No generator is better than real scans
are, on fidelity and utility; a metric that says so has been deceived. On other axes it may be: `real` repeats training
scans, which is no novelty, and holds subjects who do not show their class, which a generator can leave out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ldbench.board.leaderboard import FoldedScore, Leaderboard, Row
from ldbench.board.row_labels import label
from ldbench.report.tables.headline import axis_of

COPYING = ("copies", "collapse")
CHEATS = (*COPYING, "chimera", "mean-image")  # the last two make images that nobody has seen
REAL = "real"
_BOUNDED_BY_REAL = ("fidelity", "utility", None)  # None: a metric that is not installed here, of which nothing is known


def cheat_notes(board: Leaderboard) -> list[str]:
    """A sentence a cheat that some ranked row does not beat, metrics of which the same is said together, and one a
    metric of fidelity or utility that puts a row before real scans; nothing where the board has none of these rows."""
    ranked = [row for row in board.rows if row.competes]
    unbeaten: dict[str, list[str]] = {}
    deceived = []
    for metric in board.metrics:
        axis = axis_of(metric.metric)
        for cheat, theirs in _references(board, COPYING if axis == "novelty" else CHEATS, metric.metric):
            beaten = [row for row in ranked if _beats(row, theirs)]
            rest = [row for row in ranked if row not in beaten and row.score(metric.metric)]
            if rest:
                said = f"{cheat} is a cheat, and not beaten by {_named(rest, beaten, board)}."
                unbeaten.setdefault(said, []).append(metric.metric)
        for real, theirs in _references(board, (REAL,) if axis in _BOUNDED_BY_REAL else (), metric.metric):
            better = [label(row, board.rows) for row in ranked if _beats(row, theirs)]
            if better:
                deceived.append(
                    f"{metric.metric}: {', '.join(better)} would be better than {real} scans, which no generator is; "
                    "look for copies of test scans, and do not read this metric here."
                )
    return [*(f"{', '.join(metrics)}: {said}" for said, metrics in unbeaten.items()), *deceived]


def _references(board: Leaderboard, names: Sequence[str], metric: str) -> Iterator[tuple[str, FoldedScore]]:
    """The board's rows of these names that do not compete, with their scores on the metric."""
    for row in board.rows:
        score = row.score(metric)
        if row.model.name in names and row.model.reference and row.origin == "measured" and score is not None:
            yield label(row, board.rows), score


def _beats(row: Row, theirs: FoldedScore) -> bool:
    score = row.score(theirs.metric)
    if score is None:
        return False
    return score.ci_high < theirs.ci_low if theirs.direction == "lower" else score.ci_low > theirs.ci_high


def _named(rest: Sequence[Row], beaten: Sequence[Row], board: Leaderboard) -> str:
    """The rows that do not beat a cheat, or, where that is shorter, all but those that do."""
    if not beaten:
        return "any ranked row"
    if len(beaten) < len(rest):
        return f"any ranked row but {', '.join(label(row, board.rows) for row in beaten)}"
    return ", ".join(label(row, board.rows) for row in rest)
