"""How a run's scores differ between groups of cases, and between the public test set and those that nobody has seen,
as its part of a page shows it.

Shows nothing without `fresh.json` or `subgroups.json` beside the result, which has neither unseen test sets nor the
attributes of cases.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ldbench.records import fresh, subgroups
from ldbench.records.fresh import Gap
from ldbench.records.result import Result
from ldbench.records.subgroups import Breakdown, Group
from ldbench.report.digits import decimals_for, fixed, shortest, with_interval


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
