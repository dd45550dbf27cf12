"""The units of a task's scores by name: which cases and scans the contributions of each metric belong to.

Contributions that are not one a case or scan of the task are an error: they could not be paired with another run's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ldbench.api import Measured, Metric
from ldbench.data.task_data import TaskData
from ldbench.errors import MetricError
from ldbench.records.run_folder import FURTHER_PASSES
from ldbench.records.units import (
    CASES,
    GROUPS,
    SCANS,
    TRUTHS,
    Contributions,
    Units,
    kind_of,
    list_of_groups,
    rounded,
)
from ldbench.score.metrics.intervals import numbered
from ldbench.task.metric_specs import records_of


def units_of(data: TaskData, measured: Sequence[Measured], passes: Mapping[str, Iterable[str]]) -> Units:
    """The units of the scores that `ldbench.score.scorer.scores_of` gave; `passes` holds the case ids of each further
    pass.

    "cases" are the evaluated ones, "null" and "back" those of the passes, "scans" the test scans, "truths" the true
    images of the evaluated cases, "groups" those of the delete-a-group jackknife where they are 20, and "groups-12",
    say, where they are 12. Raises `MetricError` for contributions that are not one a unit.
    """
    lists: dict[str, tuple[str, ...]] = {
        CASES: tuple(data.evaluation_ids), SCANS: tuple(record.id for record in data.of_classes("test")),
        TRUTHS: tuple(data.evaluation_ids), **{name: tuple(sorted(ids)) for name, ids in passes.items()},
    }
    records = records_of(data.task.metrics)
    by_metric: dict[str, Contributions] = {}
    for score in measured:
        by_unit: dict[str, tuple[float, ...]] = {}
        for kind, values in score.contributions.items():
            name = list_of_groups(len(values)) if kind == GROUPS else _name(data, records[score.metric], kind)
            if kind == GROUPS:
                lists[name] = tuple(str(index) for index in range(len(values)))
            _check(f"{data.task.id}: {score.metric}", kind, len(values), lists.get(name))
            by_unit[name] = rounded(values.tolist())
        by_metric[score.metric] = Contributions(score.value, by_unit)
    used = {name for one in by_metric.values() for name in one.by_unit}
    found = {name: numbered(data.subjects(lists[name])) for name in used if kind_of(name) != GROUPS}
    subjects = {name: tuple(numbers.tolist()) for name, numbers in found.items() if numbers is not None}
    return Units({name: ids for name, ids in lists.items() if name in used}, by_metric, subjects)


def _check(where: str, kind: str, count: int, ids: Sequence[str] | None) -> None:
    if ids is None:
        raise MetricError(
            f"{where}: expected contributions of {CASES}, {SCANS} or {GROUPS}, got {kind!r}; this is a defect of the "
            "metric"
        )
    if count != len(ids):
        raise MetricError(
            f"{where}: expected one contribution for each of {len(ids)} {kind}, got {count}; this is a defect of the "
            "metric"
        )


def _name(data: TaskData, record: Metric, kind: str) -> str:
    """The list that a metric's units of this kind are: a pass's own cases, an editing task's truths for scans."""
    if kind == CASES:
        return next((name for name in FURTHER_PASSES if name in record.needs), CASES)
    return TRUTHS if kind == SCANS and record.scans == "reference" and data.truth is not None else kind
