"""The units of a task's scores by name: which cases and scans the contributions of each metric belong to.

Contributions that are not one a case or scan of the task are an error: they could not be paired with another run's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ldbench.api import Measured, Metric
from ldbench.data.task_data import TaskData
from ldbench.errors import MetricError
from ldbench.records.run_folder import FURTHER_PASSES
from ldbench.records.units import Contributions, Units, rounded
from ldbench.score.metrics.intervals import numbered
from ldbench.task.metric_specs import records_of

CASES, SCANS, TRUTHS, GROUPS = "cases", "scans", "truths", "groups"


def units_of(data: TaskData, measured: Sequence[Measured], passes: Mapping[str, Iterable[str]]) -> Units:
    """The units of the scores that `ldbench.score.scorer.scores_of` gave; `passes` holds the case ids of each further
    pass.

    "cases" are the evaluated ones, "null" and "back" those of the passes, "scans" the test scans, "truths" the true
    images of the evaluated cases, "groups" those of the delete-a-group jackknife.
    """
    lists: dict[str, tuple[str, ...]] = {
        CASES: tuple(data.evaluation_ids), SCANS: tuple(record.id for record in data.of_classes("test")),
        TRUTHS: tuple(data.evaluation_ids), **{name: tuple(sorted(ids)) for name, ids in passes.items()},
    }
    records = records_of(data.task.metrics)
    by_metric: dict[str, Contributions] = {}
    for score in measured:
        named = {_name(data, records[score.metric], kind): kind for kind in score.contributions}
        by_unit = {name: rounded(score.contributions[kind].tolist()) for name, kind in named.items()}
        for name, values in by_unit.items():
            if name == GROUPS:
                lists[GROUPS] = tuple(str(index) for index in range(len(values)))
            if len(values) != len(lists[name]):
                raise MetricError(
                    f"{data.task.id}: {score.metric}: expected one contribution for each of {len(lists[name])} {name}, "
                    f"got {len(values)}; this is a defect of the metric"
                )
        by_metric[score.metric] = Contributions(score.value, by_unit)
    used = {name for one in by_metric.values() for name in one.by_unit}
    found = {name: numbered(data.subjects(lists[name])) for name in used - {GROUPS}}
    subjects = {name: tuple(numbers.tolist()) for name, numbers in found.items() if numbers is not None}
    return Units({name: ids for name, ids in lists.items() if name in used}, by_metric, subjects)


def _name(data: TaskData, record: Metric, kind: str) -> str:
    """The list that a metric's units of this kind are: a pass's own cases, an editing task's truths for scans."""
    if kind == CASES:
        return next((name for name in FURTHER_PASSES if name in record.needs), CASES)
    return TRUTHS if kind == SCANS and record.scans == "reference" and data.truth is not None else kind
