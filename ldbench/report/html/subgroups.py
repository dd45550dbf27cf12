"""How a run's scores differ between groups of cases, as its part of a page shows it.

Shows nothing of a result without its `subgroups.json`: groups need the cases' attributes, which no result has.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ldbench.records.result import Result
from ldbench.records.subgroups import Breakdown, Group, beside
from ldbench.report.digits import decimals_for, fixed, with_interval


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
    found = beside(path, result)
    metrics = {} if found is None else found.metrics
    return tuple(
        _view(score.metric, attribute, one)
        for score in result.scores for attribute, one in sorted(metrics.get(score.metric, {}).items()) if one.worst
    )


def _view(metric: str, attribute: str, one: Breakdown) -> SubgroupView:
    worst, best = (
        f"{group.name}: {_text(group.value, group.ci_low, group.ci_high)}{_chance(group)}, n = {group.n}"
        for group in (one.group(one.worst), one.group(one.best))
    )
    return SubgroupView(metric, attribute, worst, best, _text(one.gap, one.gap_low, one.gap_high), one.gap_low > 0)


def _chance(group: Group) -> str:
    """What chance alone gives, with as many digits as the value."""
    if group.chance is None:
        return ""
    half_width = (group.ci_high - group.ci_low) / 2
    return f", {fixed(group.chance, decimals_for(half_width, group.value))} by chance"


def _text(value: float, low: float, high: float) -> str:
    return " ".join(with_interval(value, low, high))
