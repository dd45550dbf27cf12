"""The scores by group of a row's runs, folded over its seeds: what each group has, and the worst group's gap.

A group's value is folded as the row's own is (`ldbench.board.seeds`). So is the difference of two groups, run by run,
since a seed may move both alike. Its interval holds for all pairs of groups at once: each run's has the level of
Bonferroni's correction, and so has Student's quantile of the seeds. Groups are compared where every run compares them.
Nothing is ranked by them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import comb, fsum
from typing import NamedTuple

from ldbench.api import Direction
from ldbench.board.entries import entries
from ldbench.board.seeds import PooledInterval, pool
from ldbench.plugins.kinds import metric_bounds
from ldbench.records.identity import Found
from ldbench.records.subgroups import Breakdown, Group, Pair, Subgroups, breakdown_of
from ldbench.score.metrics.intervals import GROUPS, LEVEL, Interval, t_quantile
from ldbench.score.subgroups.groups import FEWEST


class OverSeeds(NamedTuple):
    """How many runs a number is the mean of, and their standard deviation, None for one."""

    runs: int
    spread: float | None


@dataclass(frozen=True)
class RowGroups:
    """One metric of one row by one attribute; `gap` is what seeds do to the gap, `groups` to the value of each group.

    The breakdown of a row of one run is that of the run.
    """

    metric: str
    direction: Direction
    attribute: str
    breakdown: Breakdown
    gap: OverSeeds
    groups: Mapping[str, OverSeeds]


def groups_of_rows(found: Sequence[Found], subgroups: Mapping[str, Subgroups]) -> dict[str, list[RowGroups]]:
    """By row key, for one task's results from `by_task`, the groups of each metric and attribute; rows without are
    absent.

    `subgroups` holds, by path, what `ldbench.records.subgroups` reads beside a result.
    """
    rows = {}
    for entry in entries(found):
        beside = [subgroups[path].metrics for path, _ in entry.runs if path in subgroups]
        runs: dict[tuple[str, str], list[Breakdown]] = {}
        for metric, attribute, one in (
            (metric, attribute, one)
            for metrics in beside for metric, by in metrics.items() for attribute, one in by.items()
        ):
            runs.setdefault((metric, attribute), []).append(one)
        ways: dict[str, Direction] = {score.metric: score.direction for score in entry.result.scores}
        if runs:
            rows[entry.key] = [fold(metric, ways[metric], name, each) for (metric, name), each in sorted(runs.items())]
    return rows


def fold(metric: str, direction: Direction, attribute: str, runs: Sequence[Breakdown]) -> RowGroups:
    """The breakdowns of one row's runs as one, whatever their order is."""
    names, bounds = sorted({group.name for run in runs for group in run.groups}), metric_bounds(metric)
    groups_of = {name: [group for run in runs for group in run.groups if group.name == name] for name in names}
    pooled = {name: pool([_interval(group) for group in each], bounds) for name, each in groups_of.items()}
    over_seeds = {name: OverSeeds(len(groups_of[name]), pooled[name].spread) for name in names}
    breakdown, spread = runs[0], None
    if len(runs) > 1:
        groups = [_folded(groups_of[name], pooled[name].interval) for name in names]
        every = [_with_pairs(run, direction) if run.worst and not run.pairs else run for run in runs]
        breakdown, spread = _compared(groups, every, direction, bounds[1] - bounds[0])
    return RowGroups(metric, direction, attribute, breakdown, OverSeeds(len(runs), spread), over_seeds)


def _compared(
    groups: Sequence[Group], runs: Sequence[Breakdown], direction: Direction, widest: float
) -> tuple[Breakdown, float | None]:
    """The folded groups with the gap of those that every run compares, and its standard deviation over runs."""
    everywhere = set.intersection(*({name for one in run.pairs for name in (one.worse, one.better)} for run in runs))
    listed = [group for group in groups if group.name in everywhere]
    listed.sort(key=lambda group: group.compared, reverse=direction == "lower")
    order, pairs = [group.name for group in listed], comb(len(listed), 2)

    def difference(worse: str, better: str) -> PooledInterval:
        return pool([_signed(run, worse, better) for run in runs], (-widest, widest), pairs)

    def pair(worse: str, better: str) -> Pair:
        mean = difference(worse, better).interval  # a difference of 0 may be rounded to less
        return Pair(worse, better, max(mean.value, 0.0), mean.low, mean.high)

    breakdown = breakdown_of(tuple(groups), order, pair, widest)
    return breakdown, difference(breakdown.worst, breakdown.best).spread if breakdown.worst else None


def _interval(group: Group) -> Interval:
    return Interval(group.value, group.ci_low, group.ci_high)


def _folded(runs: Sequence[Group], interval: Interval) -> Group:
    """A group over the runs that measured it; of several numbers of cases the least, with that run's `with_it`."""
    chances = [one.chance for one in runs if one.chance is not None]
    chance = fsum(chances) / len(chances) if chances else None
    least = min(runs, key=lambda one: (one.n, one.with_it is None, one.with_it or 0))
    return Group(least.name, least.n, interval.value, interval.low, interval.high, chance, least.with_it)


def _signed(run: Breakdown, worse: str, better: str) -> Interval:
    """How much worse one group is than another in a run, below 0 where it is better."""
    one = next(pair for pair in run.pairs if {pair.worse, pair.better} == {worse, better})
    if one.worse == worse:
        return Interval(one.gap, one.low, one.high)
    return Interval(-one.gap, -one.high, -one.low)


def _with_pairs(run: Breakdown, direction: Direction) -> Breakdown:
    """A breakdown of an older file with its pairs, whose intervals are the widest that those of the groups allow.

    The file does not say which subjects two groups share, nor how surely an interval is known: the reaches of both
    groups are added, at the fewest degrees of freedom that a jackknife has.
    """
    large = [group for group in run.groups if group.n >= FEWEST]
    if len(large) < 2:
        return run
    order = sorted(large, key=lambda group: group.compared, reverse=direction == "lower")
    level = 1 - (1 - LEVEL) / comb(len(order), 2)

    def reach(group: Group, upward: bool) -> float:
        degrees = min(group.n, GROUPS) - 1
        own = group.ci_high - group.value if upward else group.value - group.ci_low
        return own * t_quantile(degrees, level) / t_quantile(degrees)

    def pair(worse: Group, better: Group) -> Pair:
        gap, up = abs(worse.compared - better.compared), direction == "lower"
        nearer, farther = (reach(worse, way) + reach(better, not way) for way in (not up, up))
        return Pair(worse.name, better.name, gap, gap - nearer, gap + farther)

    return replace(run, pairs=tuple(pair(*two) for two in combinations(order, 2)))
