"""Which of two models is better on one metric: paired tests over cases and seeds, corrected for their number.

Two models of a task saw the same cases, the same test scans and, with equal seeds, the same noise, so their scores move
together and the difference is known better than either score. "Better"
stands only where the adjusted p-value is below 5 %.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy import stats

from ldbench.api import Direction, Score
from ldbench.board.seeds import Z
from ldbench.plugins.kinds import is_trained, metric_bounds
from ldbench.records.contributions import Units
from ldbench.score.metrics.intervals import LEVEL, Array, t_quantile

Seed = int | None
UnitList = tuple[str, tuple[str, ...]]
_MANY = 1e6  # degrees of freedom where a standard error is taken as known


@dataclass(frozen=True)
class ScoredRun:
    """One run's score on a metric and, where known, what each case and scan adds to it."""

    score: Score
    units: Units | None = None

    @functools.cached_property
    def by_unit(self) -> Mapping[UnitList, Array] | None:
        """What each unit adds to this score, by the name and the ids of a list; None where that is not known.

        Kept, since every pair that the run is in asks for it.
        """
        known = None if self.units is None else self.units.metrics.get(self.score.metric)
        if known is None or self.units is None:
            return None
        return {(name, tuple(self.units.ids[name])): np.array(values) for name, values in known.by_unit.items()}


@dataclass(frozen=True)
class Comparison:
    """`difference` is first minus second, over the `seeds` that both have (all of both where they share none).

    `ci_low` and `ci_high` bound it with 95 %, for this pair alone; `p` is two-sided, `p_adjusted` Holm's over all pairs
    of the metric; `better` is the first's or the second's name where that is below 5 %, and None where the error of one
    run is not known (`Metric.trained`) or where all runs of both say the opposite of those with common seeds. `paired`
    says whether cases were paired.
    """

    metric: str
    first: str
    second: str
    difference: float
    ci_low: float
    ci_high: float
    p: float
    p_adjusted: float
    seeds: int
    paired: bool
    better: str | None = None


class _Error(NamedTuple):
    """A variance and its degrees of freedom."""

    variance: float
    degrees: float


@dataclass(frozen=True)
class _Pair:
    """Two models' runs: those of their common seeds in one order, or all where they share none (`common` 0).

    `every` holds all runs of either, and `agrees` says whether they have the sign of `difference`, too.
    """

    first: str
    second: str
    left: Sequence[ScoredRun]
    right: Sequence[ScoredRun]
    common: int
    every: tuple[Sequence[ScoredRun], Sequence[ScoredRun]]

    @property
    def difference(self) -> float:
        """First minus second, mean over runs."""
        return _mean(self.left) - _mean(self.right)

    @property
    def agrees(self) -> bool:
        """Whether the sign of `difference` is that of all runs' means, by which a leaderboard is sorted."""
        return self.difference * (_mean(self.every[0]) - _mean(self.every[1])) > 0

    @property
    def share(self) -> float:
        """The variance of `difference` over that of the difference of two single runs."""
        return 1 / self.common if self.common else (1 / len(self.left) + 1 / len(self.right)) / 2

    @property
    def spread(self) -> _Error | None:
        """The variance over seeds of the difference of two runs, where this pair alone shows it."""
        if self.common > 1:
            pairs = zip(self.left, self.right, strict=True)
            return _Error(_variance([one.score.value - two.score.value for one, two in pairs]), self.common - 1)
        return None if self.common else self.unpaired_spread

    @property
    def unpaired_spread(self) -> _Error | None:
        """The same from how far each model's own runs lie apart: more than `spread` where seeds move both alike."""
        degrees = sum(len(side) - 1 for side in self.every)
        if not degrees:
            return None
        runs = [[run.score.value for run in side] for side in self.every if len(side) > 1]
        return _Error(2 * math.fsum((len(values) - 1) * _variance(values) for values in runs) / degrees, degrees)


def compare(
    models: Mapping[str, Mapping[Seed, ScoredRun]], direction: Direction, as_fitted: bool = False
) -> list[Comparison]:
    """Every pair of the models, given by name and seed, on one metric, in the order given.

    Holm's correction (1979, Scand. J. Stat. 6:65) is over all of these pairs. Where no model has a second seed, what
    another would change is not known; it is taken to be as much as other cases would, so that cases are not paired.
    `as_fitted` compares these very runs, not what their methods would give again: cases are paired, and seeds are no
    source of error.
    """
    names = list(models)
    pairs = [
        _pair(one, models[one], two, models[two]) for index, one in enumerate(names) for two in names[index + 1 :]
    ]
    usual = None if as_fitted else _usual_spread(pairs, [len(runs) for runs in models.values()])
    known = as_fitted or usual is not None
    found = [_compared(pair, usual, known) for pair in pairs]
    adjusted = holm([each.p for each in found])
    return [
        _decided(each, p, direction, pair.agrees and (known or not is_trained(each.metric)))
        for pair, each, p in zip(pairs, found, adjusted, strict=True)
    ]


def holm(ps: Sequence[float]) -> list[float]:
    """P-values adjusted so that among those below 5 % the chance of any false one is at most 5 %."""
    adjusted, largest = [1.0] * len(ps), 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        largest = max(largest, min((len(ps) - rank) * ps[index], 1.0))
        adjusted[index] = largest
    return adjusted


def _decided(found: Comparison, p: float, direction: Direction, may_be_told: bool) -> Comparison:
    better = None
    if p < 1 - LEVEL and may_be_told:
        better = found.first if (found.difference < 0) == (direction == "lower") else found.second
    return replace(found, p_adjusted=p, better=better)


def _pair(first: str, ones: Mapping[Seed, ScoredRun], second: str, twos: Mapping[Seed, ScoredRun]) -> _Pair:
    common, every = [seed for seed in ones if seed in twos], (list(ones.values()), list(twos.values()))
    if common:
        sides = ([ones[seed] for seed in common], [twos[seed] for seed in common])
        return _Pair(first, second, *sides, len(common), every)
    return _Pair(first, second, *every, 0, every)


def _usual_spread(pairs: Sequence[_Pair], runs: Sequence[int]) -> _Error | None:
    """The mean over pairs of their variance over seeds; None where no model has several.

    Where no pair shows one, as where one model has several seeds and the others one of these, it is made of the
    variance of each model's own runs. Compared as though a seed changed nothing, one model of three seeds and three
    equal ones of one gave a false "better" on 87 % of simulated boards, this way on 7 % (one and nine: 99 and 9 %).

    A few seeds say little of a variance: a test by its own pair's alone called some of ten equal models better in up to
    84 % of simulated boards, with this one in 3 % (two seeds; docs/measurements.md).
    """
    seen = [pair.spread for pair in pairs]
    known = [spread for spread in seen if spread is not None]
    known = known or [spread for pair in pairs if (spread := pair.unpaired_spread) is not None]
    if not known:
        return None
    extra = [count - 1 for count in runs]
    degrees = max(sum(extra) - max(extra), *(spread.degrees for spread in known))
    return _Error(math.fsum(spread.variance for spread in known) / len(known), degrees)


def _over_seeds(pair: _Pair, usual: _Error | None) -> _Error:
    """The error of the difference from the seeds: the usual spread, or the pair's own where that is larger."""
    if usual is None:
        return _Error(0.0, _MANY)
    own = pair.spread
    chosen = usual if own is None or own.variance <= usual.variance else own
    return _Error(chosen.variance * pair.share, chosen.degrees)


def _compared(pair: _Pair, usual: _Error | None, pairing: bool) -> Comparison:
    over_units = _paired(pair.left, pair.right) if pairing else None
    paired = over_units is not None
    over_units = over_units or _sum([_Error((_reach(runs) / Z) ** 2, _MANY) for runs in (pair.left, pair.right)])
    difference = pair.difference
    p, half = _test(difference, _sum([_over_seeds(pair, usual), over_units]))
    metric = pair.left[0].score.metric
    lowest, highest = metric_bounds(metric)
    low, high = max(difference - half, lowest - highest), min(difference + half, highest - lowest)
    return Comparison(
        metric, pair.first, pair.second, difference, low, high, p, p,
        pair.common or min(len(pair.left), len(pair.right)), paired,
    )


def _mean(runs: Sequence[ScoredRun]) -> float:
    return math.fsum(run.score.value for run in runs) / len(runs)


def _variance(values: Sequence[float]) -> float:
    return float(np.var(values, ddof=1))


def _paired(left: Sequence[ScoredRun], right: Sequence[ScoredRun]) -> _Error | None:
    """The error from the choice of cases and scans, paired; None where they don't know their units, or other ones.

    Contributions are averaged over seeds first: what a case adds in every run stays, what changes from run to run
    shrinks, and is in the spread over seeds besides, so the sum errs on the cautious side.
    """
    parts = [_average(runs) for runs in (left, right)]
    if parts[0] and parts[1] and parts[0].keys() == parts[1].keys():
        apart = [parts[0][key] - parts[1][key] for key in parts[0]]
        variance = math.fsum(float((each**2).sum()) for each in apart)
        if variance > 0 or _mean(left) == _mean(right):
            # A case that was not measured (`Measured.among`) adds 0 to both, and is no degree of freedom.
            measured = [int(np.count_nonzero((parts[0][key] != 0) | (parts[1][key] != 0))) for key in parts[0]]
            return _Error(variance, min(measured) - 1)
    return None


def _average(runs: Sequence[ScoredRun]) -> dict[UnitList, Array] | None:
    """By list of ids, the mean contributions of the runs; None where any run lacks them or has other ids."""
    every = [known for run in runs if (known := run.by_unit) is not None]
    if len(every) < len(runs) or any(one.keys() != every[0].keys() for one in every):
        return None
    return {key: np.mean([one[key] for one in every], axis=0) for key in every[0]}


def _reach(runs: Sequence[ScoredRun]) -> float:
    """How far the interval reaches on its longer side, mean over runs: not divided by their number, as they share the
    real images."""
    scores = [run.score for run in runs]
    return math.fsum(max(one.value - one.ci_low, one.ci_high - one.value) for one in scores) / len(scores)


def _sum(errors: Sequence[_Error]) -> _Error:
    """The sum of independent variances with Satterthwaite's degrees of freedom (1946, Biometrics Bull. 2:110)."""
    variance = math.fsum(error.variance for error in errors)
    spread = math.fsum(error.variance**2 / max(error.degrees, 1) for error in errors)
    return _Error(variance, min(variance**2 / spread, _MANY) if spread > 0 else _MANY)


def _test(difference: float, error: _Error) -> tuple[float, float]:
    """The two-sided p-value of no difference, to four digits, and half the width of the 95 % interval."""
    deviation = error.variance**0.5
    if deviation == 0:
        return (1.0 if difference == 0 else 0.0), 0.0
    p = 2 * float(stats.t.sf(abs(difference) / deviation, error.degrees))
    return float(f"{p:.4g}"), t_quantile(error.degrees) * deviation
