"""What a board says of cheats: which of these reference rows a ranked row does not beat, and who beats real scans.

A row beats another where its whole interval lies on the better side of the other's, so neither seeds nor cases are
paired: a cheat is no competitor, and a small lead over one would be no praise. A metric that puts a row before real
scans, or an edit before the true answer, has been deceived or asks for less than it seems to. Novelty is left out:
`real` repeats training scans. So is identity: a source left as it is has all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ldbench.board.leaderboard import FoldedScore, Leaderboard, Row
from ldbench.board.row_labels import Labels, labels
from ldbench.report.tables.headline import axis_of

COPYING = ("copies", "collapse")
CHEATS = (*COPYING, "chimera", "mean-image")  # the last two make images that nobody has seen
UNEDITED = ("copy-source", "gain-only", "other-subject")  # of edits: none, light alone, and somebody else is shown
REAL, TRUTH = "real", "oracle"
_CHEATS_OF: Mapping[str | None, Sequence[str]] = {
    "novelty": COPYING, "identity": (), "truth": UNEDITED, "effectiveness": UNEDITED
}
_COPIES = "look for copies of test scans, and do not read this metric here"
_BOUNDS = {  # by axis: what no row is better than, and what to look for where one is
    "fidelity": (REAL, f"scans, which no generator is; {_COPIES}"),
    "utility": (REAL, f"scans, which no generator is; {_COPIES}"),
    "diversity": (REAL, "scans, which is no merit; look for noise and for what no scan shows"),
    "condition": (REAL, "scans; look for exaggerated classes and for copies of test scans"),
    "truth": (TRUTH, "itself, which no edit is; do not read this metric here"),
    "effectiveness": (TRUTH, "itself; look for edits that go too far"),
    None: (REAL, f"scans, which no generator is; {_COPIES}"),  # not installed here: nothing is known of it
}


def cheat_notes(board: Leaderboard) -> list[str]:
    """A sentence a cheat that some ranked row does not beat, and one for rows that a metric puts before real scans or
    the truth, metrics of which the same is said together; nothing where the board has none of these rows."""
    ranked, labelled = [row for row in board.rows if row.competes], labels(board.rows)
    unbeaten: dict[str, list[str]] = {}
    deceived: dict[str, list[str]] = {}
    for metric in board.metrics:
        axis = axis_of(metric.metric)
        for cheat, theirs in _references(board, _CHEATS_OF.get(axis, CHEATS), metric.metric, labelled):
            beaten = [row for row in ranked if _beats(row, theirs)]
            rest = [row for row in ranked if row not in beaten and row.score(metric.metric)]
            if rest:
                said = f"{cheat} is a cheat, and not beaten by {_named(rest, beaten, labelled)}."
                unbeaten.setdefault(said, []).append(metric.metric)
        name, advice = _BOUNDS.get(axis, ("", ""))
        for bound, theirs in _references(board, (name,), metric.metric, labelled):
            better = [labelled.of(row) for row in ranked if _beats(row, theirs)]
            if better:
                said = f"{', '.join(better)} would be better than {bound} {advice}."
                deceived.setdefault(said, []).append(metric.metric)
    return [f"{', '.join(metrics)}: {said}" for told in (unbeaten, deceived) for said, metrics in told.items()]


def _references(
    board: Leaderboard, names: Sequence[str], metric: str, labelled: Labels
) -> Iterator[tuple[str, FoldedScore]]:
    """The board's rows of these names that do not compete, with their scores on the metric."""
    for row in board.rows:
        score, orients = row.score(metric), row.model.reference or row.model.sees_truth
        if row.model.name in names and orients and row.origin == "measured" and score is not None:
            yield labelled.of(row), score


def _beats(row: Row, theirs: FoldedScore) -> bool:
    score = row.score(theirs.metric)
    if score is None:
        return False
    return score.ci_high < theirs.ci_low if theirs.direction == "lower" else score.ci_low > theirs.ci_high


def _named(rest: Sequence[Row], beaten: Sequence[Row], labelled: Labels) -> str:
    """The rows that do not beat a cheat, or, where that is shorter, all but those that do."""
    if not beaten:
        return "any ranked row"
    if len(beaten) < len(rest):
        return f"any ranked row but {', '.join(labelled.of(row) for row in beaten)}"
    return ", ".join(labelled.of(row) for row in rest)
