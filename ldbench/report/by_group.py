"""How a board's rows serve the groups of cases, by the attributes that are asked for: which group is served worst.

The leaderboard and its ranks do not depend on it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ldbench.board.folded_groups import RowGroups, groups_of_rows
from ldbench.board.gather import BoardSet
from ldbench.board.leaderboard import by_task
from ldbench.board.named_rows import name_notes
from ldbench.board.row_labels import labels
from ldbench.errors import UsageError, unknown_name
from ldbench.records.identity import row_key
from ldbench.records.run_folder import SUBGROUPS
from ldbench.records.subgroups import LABEL, Subgroups
from ldbench.report.tables.group_tables import ByAttribute, ByRow, Unmeasured, unmeasured_notes

ALL = "all"


@dataclass(frozen=True)
class TaskGroups:
    """By attribute and metric, in the board's order, the groups of a task's rows by their labels.

    `unmeasured` are, by attribute, the metrics of the board that no row's groups are measured by, with the reason that
    a run gives, and `uncompared` those that make no gap in any row, where a run says why. `without` are the labels of
    measured rows whose runs have none; `names` say what the labels that were given stand for. On a task of `edits` a
    case has the attributes that were asked for.
    """

    task: str
    by_attribute: ByAttribute
    without: tuple[str, ...] = ()
    unmeasured: Unmeasured = field(default_factory=dict)
    uncompared: Unmeasured = field(default_factory=dict)
    names: tuple[str, ...] = ()
    edits: bool = False

    @property
    def attributes(self) -> set[str]:
        """All that make groups, also those that none of the metrics is measured by."""
        return {*self.by_attribute, *self.unmeasured}

    def only(self, attributes: Sequence[str]) -> TaskGroups:
        """The same by these attributes alone, by all of them for "all"."""
        asked = self.attributes if ALL in attributes else {*attributes}
        kept = {name: each for name, each in self.by_attribute.items() if name in asked}
        unmeasured, uncompared = (
            {name: each for name, each in of_all.items() if name in asked}
            for of_all in (self.unmeasured, self.uncompared)
        )
        return replace(self, by_attribute=kept, unmeasured=unmeasured, uncompared=uncompared)

    def with_metrics(self, metrics: Collection[str]) -> TaskGroups:
        """The same with these metrics alone."""
        kept = {
            name: {metric: of_rows for metric, of_rows in each.items() if metric in metrics}
            for name, each in self.by_attribute.items()
        }
        return replace(self, by_attribute=kept)


def groups_of_board(results: BoardSet, task: str) -> TaskGroups:
    """All groups of a task's board; of metrics, those that the board has. Labels are of their own metrics alone."""
    board = results.boards[task]
    found = by_task(one for one in results.found if one[1].task.id == task)[task]
    rows, names = groups_of_rows(found, results.subgroups), labels(board.rows)
    measured = [row for row in board.rows if row.origin == "measured"]
    labelled: dict[str, list[RowGroups]] = {names.of(row): rows.get(row_key(row), []) for row in measured}
    why = _reasons(results.subgroups[path] for path, _ in found if path in results.subgroups)
    attributes = sorted({one.attribute for groups in labelled.values() for one in groups} | {name for name, _ in why})
    metrics = [one.metric for one in board.metrics]
    by_attribute = {name: _of_attribute(labelled, name, metrics) for name in attributes}
    filled = {name: by_metric for name, by_metric in by_attribute.items() if by_metric}
    lacking = {
        name: {metric: why.get((name, metric), "") for metric in metrics if metric not in by_metric}
        for name, by_metric in by_attribute.items() if name != LABEL
    }
    uncompared = {
        name: {metric: why[name, metric] for metric, of_rows in by_metric.items()
               if (name, metric) in why and not any(row.breakdown.worst for row in of_rows.values())}
        for name, by_metric in filled.items()
    }  # fmt: skip
    without = tuple(name for name, groups in labelled.items() if not groups)
    unmeasured = {name: each for name, each in lacking.items() if each}
    edits = board.task.kind != "text-to-image"
    return TaskGroups(task, filled, without, unmeasured, uncompared, tuple(name_notes(board.rows)), edits)


def _reasons(runs: Iterable[Subgroups]) -> dict[tuple[str, str], str]:
    """By attribute and metric, why a run has no groups; the first run that says so."""
    found: dict[tuple[str, str], str] = {}
    for run in runs:
        for metric, by in run.left_out.items():
            for attribute, reason in by.items():
                found.setdefault((attribute, metric), reason)
    return found


def _of_attribute(
    labelled: Mapping[str, Sequence[RowGroups]], attribute: str, metrics: Sequence[str]
) -> dict[str, ByRow]:
    by_metric: dict[str, dict[str, RowGroups]] = {metric: {} for metric in metrics}
    for label, groups in labelled.items():
        for one in groups:
            if one.attribute == attribute and one.metric in by_metric:
                by_metric[one.metric][label] = one
    return {metric: of_rows for metric, of_rows in by_metric.items() if of_rows}


def by_attributes(results: BoardSet, attributes: Sequence[str]) -> dict[str, TaskGroups]:
    """By task, the groups by these attributes, by all of them for "all"; a task without any of them is left out.

    Raises `UsageError` where no result has groups, or none by a metric of the boards, `UnknownNameError` for an
    attribute that none has.
    """
    tasks = {task: groups_of_board(results, task) for task in results.boards}
    known = {name for groups in tasks.values() for name in groups.attributes}
    if not known:
        raise UsageError(
            f"--by: expected results with a {SUBGROUPS} beside them, as `ldbench run` writes it, got none that has "
            "groups of cases; name folders of runs, such as runs"
        )
    for name in attributes:
        if name not in known and name != ALL:
            raise unknown_name("attribute", name, known, f"name one that makes groups, or {ALL}")
    kept = {task: groups.only(attributes) for task, groups in tasks.items()}
    if not any(groups.by_attribute for groups in kept.values()):
        notes = " ".join(note for groups in kept.values() for note in unmeasured_notes(groups.unmeasured, {}))
        raise UsageError(
            f"--by {','.join(attributes)}: expected a metric that is measured by these groups, got none. {notes} "
            "Name other metrics, or generate more cases"
        )
    return {task: groups for task, groups in kept.items() if groups.attributes}
