"""The gap between the worst and the best group of a metric that comes with its own interval in each group.

The gap's interval is made of both groups' own ones (MOVER, `reach_of_difference`), which may be lopsided, and is never
empty where these are not. MOVER takes each group's interval at the level of the gap's, here the one that Bonferroni's
correction gives to all pairs of groups. So each is first widened from 95 % to that level, by the ratio of Student's
quantiles at that interval's own degrees of freedom (`ldbench.api.Measured.degrees`); the two groups' are never pooled.
Both sides of a lopsided interval grow in proportion.

Groups share no image, but a subject of several may be in two. MOVER then takes the correlation of both values, from
what each subject adds to them. Where nobody knows that, as of distances whose intervals come from random groups of
images, it is taken to be -1: no other makes the interval wider.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import comb

import numpy as np

from ldbench.api import Direction, Measured
from ldbench.records.subgroups import WITH_IT, Breakdown, Group, Pair, breakdown_of
from ldbench.score.metrics.intervals import LEVEL, reach_of_difference, t_quantile
from ldbench.score.subgroups.shared_subjects import Whose, correlation, in_both


@dataclass(frozen=True)
class GroupScore:
    """A metric within one group, and for a distance of two sets its values after random exchanges `(k,)`.

    `whose` holds by kind of images ("cases", "scans") the group's subjects, numbered over the whole run and in the
    order of the score's contributions; kinds of which no two images of the run share a subject are left out.
    """

    score: Measured
    exchanges: tuple[float, ...] = ()
    whose: Mapping[str, Whose] = field(default_factory=dict)

    def group(self, name: str) -> Group:
        """The group as it is written: chance is the mean over exchanges, None where there are none."""
        chance = float(np.mean(self.exchanges)) if self.exchanges else None
        score, with_it = self.score, self.score.parameters.get(WITH_IT)
        counted = with_it if isinstance(with_it, int) else None
        return Group(name, score.n, score.value, score.ci_low, score.ci_high, chance, counted)

    def reach(self, upward: bool, level: float) -> float:
        """From the value to the bound of its interval at `level`; few exchanges add their own error."""
        own = self.score.ci_high - self.score.value if upward else self.score.value - self.score.ci_low
        wider = t_quantile(self._degrees, level) / t_quantile(self._degrees)
        return float(np.hypot(wider * own, self._error_of_chance(level)))

    @property
    def _degrees(self) -> float:
        if self.score.degrees is not None:
            return self.score.degrees
        return min((len(parts) - 1 for parts in self.score.contributions.values()), default=np.inf)

    def _error_of_chance(self, level: float) -> float:
        count = len(self.exchanges)
        return t_quantile(count - 1, level) * float(np.std(self.exchanges, ddof=1)) / count**0.5 if count > 1 else 0.0


def set_breakdown(groups: Mapping[str, GroupScore], direction: Direction, bounds: tuple[float, float]) -> Breakdown:
    """The scores of two or more groups, and the gap between the worst and the best one."""
    lower_is_better = direction == "lower"
    rows = {name: one.group(name) for name, one in groups.items()}
    order = sorted(groups, key=lambda name: rows[name].compared, reverse=lower_is_better)
    level = 1 - (1 - LEVEL) / comb(len(groups), 2)

    def pair(worse: str, better: str) -> Pair:
        gap, together = abs(rows[worse].compared - rows[better].compared), _correlation(groups[worse], groups[better])
        nearer, farther = (  # a smaller gap: the upper one of the two falls and the lower one rises
            reach_of_difference(groups[worse].reach(upward, level), groups[better].reach(not upward, level), together)
            for upward in (not lower_is_better, lower_is_better)
        )
        return Pair(worse, better, gap, gap - nearer, gap + farther)

    low, high = bounds
    return breakdown_of(tuple(rows.values()), order, pair, high - low)


def _correlation(one: GroupScore, other: GroupScore) -> float:
    whose = one.whose, other.whose
    if not in_both(whose):
        return 0.0
    parts = one.score.contributions, other.score.contributions
    if all(by_kind and by_kind.keys() <= {"cases", "scans"} for by_kind in parts):
        return correlation(*parts, whose)
    return -1.0
