"""How a board's rows serve groups of cases: one table a board, its lines the headline metrics by each attribute.

`ldbench report --by all` has every group of every row; a page has room for what to look at first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ldbench.board.gather import BoardSet
from ldbench.board.row_labels import labels
from ldbench.records.names import one_line
from ldbench.records.subgroups import Group
from ldbench.report.by_group import groups_of_board
from ldbench.report.digits import with_interval
from ldbench.report.tables.group_tables import SURE_MARK, ByRow, sure_of
from ldbench.report.tables.headline import ARROWS, headline
from ldbench.report.tables.text_table import TextCell, TextTable

_BESIDE = ("real", "gain-only")  # what a metric makes of groups where no model is at work, for images and for edits
_NONE = "-"


def gap_table(results: BoardSet, task: str) -> tuple[TextTable, str] | None:
    """A line a headline metric and attribute, and a sentence on the rows behind them; None where no row has groups."""
    board = results.boards[task]
    names = labels(board.rows)
    ranked = {names.of(row) for row in board.rows if row.competes}
    groups = groups_of_board(results, task)
    beside = next((name for name in _BESIDE for row in board.rows if row.model.name == name), _BESIDE[0])
    first = headline([metric.metric for metric in board.metrics])
    lines: list[list[TextCell]] = []
    for attribute, by_metric in groups.by_attribute.items():
        for metric in (name for name in first if name in by_metric):
            lines.append([attribute, *_line(metric, by_metric[metric], ranked, beside)])
    if not lines:
        return None
    lacking = len(ranked & {*groups.without})
    said = f"Of {len(ranked)} ranked rows {len(ranked) - lacking} have groups."
    headings = ["by", "metric", "gaps that leave out 0", "largest: worst, best, gap", f"{beside}, a reference"]
    return TextTable(headings, lines, "llrll"), said


def _line(metric: str, of_rows: ByRow, ranked: Collection[str], beside: str) -> Iterator[TextCell]:
    yield f"{metric} {ARROWS[next(iter(of_rows.values())).direction]}"
    theirs = {label: row for label, row in of_rows.items() if label in ranked}
    sure, count = sure_of([theirs])
    yield f"{sure} of {count}"
    gaps = {label: row.breakdown for label, row in theirs.items() if row.breakdown.worst}
    # of those that are sure, if any is
    widest = max(gaps, key=lambda label: (gaps[label].gap_low > 0, gaps[label].gap), default=None)
    yield _NONE if widest is None else f"{widest}: {_gap(of_rows, widest)}"
    yield _gap(of_rows, beside)


def _gap(of_rows: ByRow, label: str) -> str:
    """The worst and the best group of a row with their values, then their gap; a dash where it compares none."""
    if label not in of_rows or not (one := of_rows[label].breakdown).worst:
        return _NONE
    value, interval = with_interval(one.gap, one.gap_low, one.gap_high)
    mark = f" {SURE_MARK}" if one.gap_low > 0 else ""
    worst, best = (_valued(one.group(name)) for name in (one.worst, one.best))
    return f"{worst}, {best}: {value} {interval}{mark}"


def _valued(group: Group) -> str:
    return f"{one_line(group.name)} {with_interval(group.value, group.ci_low, group.ci_high)[0]}"
