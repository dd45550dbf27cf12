"""How scores differ between groups of cases, of a run and of a board's rows, and how a run's differ between the public
test set and those that nobody has seen, as a page shows it.

Shows nothing without `fresh.json` or `subgroups.json` beside the result, which has neither unseen test sets nor the
attributes of cases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ldbench.records import fresh, subgroups
from ldbench.records.fresh import Gap
from ldbench.records.result import Result
from ldbench.records.subgroups import Breakdown, Group
from ldbench.report.by_group import TaskGroups
from ldbench.report.digits import shortest, with_interval
from ldbench.report.tables.group_tables import ByRow, chance_in_words, group_table, size_in_words, sure_of
from ldbench.report.tables.headline import headline
from ldbench.report.tables.text_table import TextTable


@dataclass(frozen=True)
class GapView:
    """One metric on the public set and on a fresh one; `tuned` says that the fresh value is worse beyond chance."""

    seed: int
    metric: str
    public: str
    fresh: str
    gap: str
    tuned: bool


def gap_views(path: Path | str, result: Result) -> tuple[GapView, ...]:
    """A view for each fresh set and metric; none without a `fresh.json`."""
    found = fresh.beside(path, result)
    rounds = () if found is None else found.rounds
    return tuple(_of_fresh(one.data_seed, gap) for one in rounds for gap in one.gaps)


def _of_fresh(seed: int, gap: Gap) -> GapView:
    between = " ".join(with_interval(gap.gap, gap.ci_low, gap.ci_high))
    public, unseen = (shortest(float(f"{value:.4g}")) for value in (gap.frozen, gap.fresh))
    return GapView(seed, gap.metric, public, unseen, between, gap.tuned)


@dataclass(frozen=True)
class SubgroupView:
    """One metric by one attribute; `sure` says that the gap's interval leaves out 0."""

    metric: str
    attribute: str
    worst: str
    best: str
    gap: str
    sure: bool


def subgroup_views(path: Path | str, result: Result) -> tuple[SubgroupView, ...]:
    """A view for each metric and attribute whose groups could be compared; none without the file."""
    found = subgroups.beside(path, result)
    metrics = {} if found is None else found.metrics
    return tuple(
        _of_groups(score.metric, attribute, one)
        for score in result.scores for attribute, one in sorted(metrics.get(score.metric, {}).items()) if one.worst
    )


def _of_groups(metric: str, attribute: str, one: Breakdown) -> SubgroupView:
    worst, best = (_group(one.group(name)) for name in (one.worst, one.best))
    return SubgroupView(metric, attribute, worst, best, _text(one.gap, one.gap_low, one.gap_high), one.gap_low > 0)


def _group(group: Group) -> str:
    value = f"{group.name}: {_text(group.value, group.ci_low, group.ci_high)}"
    return ", ".join([value, *chance_in_words(group), size_in_words([group])])


def _text(value: float, low: float, high: float) -> str:
    return " ".join(with_interval(value, low, high))


@dataclass(frozen=True)
class AttributeView:
    """The groups of a board's rows by one attribute: a table a metric, those `ahead` that are headline metrics."""

    attribute: str
    sure: int
    count: int
    ahead: tuple[TextTable, ...]
    further: tuple[TextTable, ...]


def attribute_views(groups: TaskGroups) -> tuple[AttributeView, ...]:
    """A view for each attribute."""
    return tuple(_of_attribute(groups, attribute, by) for attribute, by in groups.by_attribute.items())


def _of_attribute(groups: TaskGroups, attribute: str, by_metric: Mapping[str, ByRow]) -> AttributeView:
    first = headline(list(by_metric))
    tables = {metric: group_table(groups.task, of_rows) for metric, of_rows in by_metric.items()}
    further = tuple(table for metric, table in tables.items() if metric not in first)
    return AttributeView(attribute, *sure_of(by_metric.values()), tuple(tables[metric] for metric in first), further)
