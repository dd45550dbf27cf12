"""What a board shows of cheats: which ranked rows beat each of these reference rows, and which beat real scans.

A row beats another where its whole interval lies on the better side of the other's, so neither seeds nor cases are
paired: a cheat is no competitor, and a small lead over one would be no praise. A metric that puts a row before real
scans, or an edit before the true answer, has been deceived or asks for less than it seems to. Novelty is left out:
`real` repeats training scans. So is identity: a source left as it is has all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ldbench.board.leaderboard import BoardRow, FoldedScore, Leaderboard
from ldbench.board.row_labels import Labels, labels
from ldbench.plugins.kinds import METRICS
from ldbench.report.tables.headline import axis_of, headline
from ldbench.report.tables.text_table import TextTable

COPYING = ("copies", "collapse")
CHEATS = (*COPYING, "chimera", "mean-image")  # the last two make images that nobody has seen
COPY = "copy-source"
UNEDITED = (COPY, "gain-only", "other-subject")  # of edits: none, light alone, and somebody else is shown
REAL, TRUTH = "real", "oracle"
_CHEATS_OF: Mapping[str | None, Sequence[str]] = {
    "novelty": COPYING, "identity": (), "truth": UNEDITED, "effectiveness": UNEDITED
}
TITLE = "Rows that beat a cheat"
_MEANING = (
    "The ranked rows whose whole interval is better than the cheat's. The interval of a row of one seed leaves out "
    "what another seed would give. A metric on which all rows beat all cheats is left out."
)
_ALL = "all"
_FEW = 2  # rows that are named, or left out by name
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


def cheat_table(board: Leaderboard) -> TextTable | None:
    """A line a metric on which some ranked row does not beat some cheat, and in a column a cheat the rows that do; None
    where the board has no such metric."""
    ranked, labelled = [row for row in board.rows if row.competes], labels(board.rows)
    lines: dict[str, dict[str, str]] = {}
    for metric in board.metrics:
        asked = [row for row in ranked if row.score(metric.metric)]
        cheats = _CHEATS_OF.get(axis_of(metric.metric), CHEATS)
        for cheat, theirs in _references(board, cheats, metric.metric, labelled):
            beating = [row for row in asked if _beats(row, theirs)]
            lines.setdefault(metric.metric, {})[cheat] = _named(beating, asked, labelled)
    lines = {metric: cells for metric, cells in lines.items() if set(cells.values()) - {_ALL}}
    if not ranked or not lines:
        return None
    columns = tuple(dict.fromkeys(cheat for cells in lines.values() for cheat in cells))
    rows = [[metric, *(cells.get(cheat, "-") for cheat in columns)] for metric, cells in lines.items()]
    return TextTable(("metric", *columns), rows, "l" * (1 + len(columns)), TITLE, _MEANING)


def deceived_notes(board: Leaderboard) -> list[str]:
    """A sentence for rows that a metric puts before real scans or the truth, metrics of which the same is said
    together; nothing where the board has none of these rows."""
    ranked, labelled = [row for row in board.rows if row.competes], labels(board.rows)
    deceived: dict[str, list[str]] = {}
    for metric in board.metrics:
        name, advice = _BOUNDS.get(axis_of(metric.metric), ("", ""))
        for bound, theirs in _references(board, (name,), metric.metric, labelled):
            better = [labelled.of(row) for row in ranked if _beats(row, theirs)]
            if better:
                said = f"{', '.join(better)} would be better than {bound} {advice}."
                deceived.setdefault(said, []).append(metric.metric)
    return [f"{', '.join(metrics)}: {said}" for said, metrics in deceived.items()]


def unedited_notes(board: Leaderboard) -> list[str]:
    """What doing nothing scores on a board of edits, in the words of the metrics that stand first and look at the
    source; no line where a row shows it."""
    if any(row.model.name == COPY and row.origin == "measured" for row in board.rows):
        return []
    installed = [METRICS.installed(name) for name in headline([one.metric for one in board.metrics])]
    said = [f"{each.name}: {each.summary}" for each in installed if each is not None and "source" in each.needs]
    return [f"No row {COPY} shows what an edit that changes nothing scores.", *said] if said else []


def _references(
    board: Leaderboard, names: Sequence[str], metric: str, labelled: Labels
) -> Iterator[tuple[str, FoldedScore]]:
    """The board's rows of these names that do not compete, with their scores on the metric."""
    for row in board.rows:
        score, orients = row.score(metric), row.model.orients
        if row.model.name in names and orients and row.origin == "measured" and score is not None:
            yield labelled.of(row), score


def _beats(row: BoardRow, theirs: FoldedScore) -> bool:
    score = row.score(theirs.metric)
    if score is None:
        return False
    return score.ci_high < theirs.ci_low if theirs.direction == "lower" else score.ci_low > theirs.ci_high


def _named(beating: Sequence[BoardRow], asked: Sequence[BoardRow], labelled: Labels) -> str:
    """The rows that beat a cheat: by name, or all but those named, or where both are many their number."""
    rest = [row for row in asked if row not in beating]
    if not rest:
        return _ALL
    if not beating:
        return "none"
    if len(beating) <= _FEW:
        return ", ".join(map(labelled.of, beating))
    if len(rest) <= _FEW:
        return f"{_ALL} but {', '.join(map(labelled.of, rest))}"
    return f"{len(beating)} of {len(asked)}"
