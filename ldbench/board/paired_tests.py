"""Which of two models is better on one metric: tests over cases and seeds, corrected for their number.

Two models of a task saw the same cases, the same test scans and, with equal seeds, the same noise, so their scores move
together and the difference is known better than either score. "Better" stands only where the adjusted p-value is below
5 %. What is said of a pair depends on its own runs alone, and on the number of pairs.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ldbench.api import Direction, Score
from ldbench.board.difference_test import MANY, CasesError, SeedsError, confidence, p_values
from ldbench.board.seed_allowance import Allowance, allowed_variances
from ldbench.plugins.kinds import is_trained, metric_bounds
from ldbench.records.identity import real_images
from ldbench.records.units import SCANS, TRUTHS, Units, kind_of
from ldbench.score.metrics.intervals import LEVEL, Array, Z, of_subjects

Seed = int | None
UnitList = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class ScoredRun:
    """One run's score on a metric and, where known, what each case and scan adds to it and the images' digest."""

    score: Score
    units: Units | None = None
    images: str | None = None

    @functools.cached_property
    def by_unit(self) -> Mapping[UnitList, Array] | None:
        """What each unit adds to this score, by the name and the ids of a list; None where that is not known. Where
        images of a list share a subject, its subjects are the units.

        Kept, since every pair that the run is in asks for it.
        """
        known = None if self.units is None else self.units.metrics.get(self.score.metric)
        if known is None or self.units is None:
            return None
        of_units = {}
        for name, values in known.by_unit.items():
            subjects = self.units.subjects.get(name)
            numbers = None if subjects is None else np.array(subjects)
            key = kind_of(name) if subjects is None else f"subjects of {name}", tuple(self.units.ids[name])
            measured = None if name in (SCANS, TRUTHS) else self.score.n
            of_units[key] = of_subjects(np.array(values), numbers, self.score.metric, measured)
        return of_units


@dataclass(frozen=True)
class Comparison:
    """`difference` is first minus second, each the mean over its runs; `seeds` counts those of the row with fewer.

    `ci_low` and `ci_high` bound it with 95 %, for this pair alone; `p` is two-sided, `p_adjusted` Holm's over all pairs
    of the metric; `better` is the first's or the second's name where that is below 5 %. `paired` says whether cases
    were paired. The bounds are infinite where nothing says what another seed would change.
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


@dataclass(frozen=True)
class _Model:
    """One model's runs on the metric, by seed."""

    name: str
    runs: Mapping[Seed, ScoredRun]

    @functools.cached_property
    def values(self) -> list[float]:
        """The runs' scores."""
        return [run.score.value for run in self.runs.values()]

    @functools.cached_property
    def mean(self) -> float:
        """The value that a leaderboard shows."""
        return math.fsum(self.values) / len(self.values)

    @functools.cached_property
    def repeats(self) -> bool:
        """Whether every seed gave the same images, so that all runs are one."""
        digests = {run.images for run in self.runs.values()}
        return len(self.runs) > 1 and len(digests) == 1 and None not in digests

    @property
    def count(self) -> int:
        """How many runs show what a seed changes."""
        return 1 if self.repeats else len(self.runs)

    @functools.cached_property
    def standard_error(self) -> float:
        """That of one run, mean over runs."""
        return standard_error([run.score for run in self.runs.values()])

    @functools.cached_property
    def allowance(self) -> Allowance:
        """The variances that another seed is taken to add at least and at most; the most is infinite where no interval
        says what a standard error is, or one of rounding."""
        score = next(iter(self.runs.values())).score
        if self.repeats and not is_trained(score.metric):  # a network trained on the same images has its own chance
            return Allowance(0.0, 0.0)
        return allowed_variances(
            score.metric, score.n, real_images(score.parameters), self.standard_error, self.mean
        )

    @functools.cached_property
    def allowed(self) -> float:
        """The most that the variance over seeds is taken to be; infinite where the runs show more."""
        shows_more = self.count > 1 and _variance(self.values) > self.allowance.most
        return math.inf if shows_more else self.allowance.most

    @property
    def seeds_error(self) -> SeedsError:
        """The error of the mean from the choice of seeds."""
        if self.count == 1:
            return SeedsError(math.inf, 1, self.allowed)
        return _seeds_error(_variance(self.values), self.count, self.allowance.least, self.allowed)

    @functools.cached_property
    def trainings_error(self) -> SeedsError | None:
        """The error of the mean from the chance of the metric's own trainings, MS / S as `roc.Areas` has it; None where
        a run was trained once, which shows none. Runs of the same images are one."""
        seen = [trainings for run in self.runs.values() if (trainings := _trainings(run.score)) is not None]
        if len(seen) < len(self.runs):
            return None
        variance = math.fsum(spread**2 for spread, _ in seen) / len(seen) or self.allowance.least or math.inf
        trained = min(count for _, count in seen)
        return SeedsError(variance / (trained * self.count), (trained - 1) * self.count, math.inf)

    @functools.cached_property
    def by_unit(self) -> Mapping[UnitList, Array] | None:
        """By list of ids, the mean contributions of the runs; None where any run lacks them or has other ids."""
        every = [known for run in self.runs.values() if (known := run.by_unit) is not None]
        if len(every) < len(self.runs) or any(one.keys() != every[0].keys() for one in every):
            return None
        return {key: np.mean([one[key] for one in every], axis=0) for key in every[0]}


def compare(
    models: Mapping[str, Mapping[Seed, ScoredRun]], direction: Direction, as_fitted: bool = False,
    references: Collection[str] = (),
) -> list[Comparison]:
    """Every pair of the models, given by name and seed, on one metric, in the order given; no pair of two `references`.

    The error of a difference is that of the cases, paired, and that of the seeds. Several seeds of a model say what a
    seed changes for it, and for no other model; `ldbench.board.seed_allowance` bounds it, and stands in where a model
    has one seed. Holm's correction (1979, Scand. J. Stat. 6:65) is over all of these pairs. `as_fitted` compares the
    images of these very runs, not what their methods would give again: seeds are no source of error. The trainings of a
    metric that trains a network still are; where one was trained once, seeds count as otherwise.
    """
    every = [_Model(name, runs) for name, runs in models.items()]
    pairs = [
        (one, two) for index, one in enumerate(every) for two in every[index + 1 :]
        if not {one.name, two.name} <= {*references}
    ]
    if not pairs:
        return []
    errors = [_cases_error(one, two) for one, two in pairs]
    cases = CasesError(*np.array([error[:2] for error in errors]).T)
    seeds = _stacked([_as_fitted_errors(one, two) if as_fitted else _seeds_errors(one, two) for one, two in pairs])
    differences = [one.mean - two.mean for one, two in pairs]
    ps = [float(f"{p:.4g}") for p in p_values(differences, cases, seeds)]
    widths = confidence(cases, seeds)
    compared = [
        _comparison(*pair, paired=error[2], p=p, half=float(half))
        for pair, error, p, half in zip(pairs, errors, ps, widths, strict=True)
    ]
    return [_decided(each, p, direction) for each, p in zip(compared, holm(ps), strict=True)]


def standard_error(scores: Sequence[Score]) -> float:
    """That of one run by the longer side of its interval, mean over runs: not divided by their number, as they share
    the real images."""
    return math.fsum(max(one.value - one.ci_low, one.ci_high - one.value) for one in scores) / len(scores) / Z


def holm(ps: Sequence[float]) -> list[float]:
    """P-values adjusted so that among those below 5 % the chance of any false one is at most 5 %."""
    adjusted, largest = [1.0] * len(ps), 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        largest = max(largest, min((len(ps) - rank) * ps[index], 1.0))
        adjusted[index] = largest
    return adjusted


def _comparison(one: _Model, two: _Model, paired: bool, p: float, half: float) -> Comparison:
    metric, difference = next(iter(one.runs.values())).score.metric, one.mean - two.mean
    lowest, highest = metric_bounds(metric)
    low, high = max(difference - half, lowest - highest), min(difference + half, highest - lowest)
    fewer = min(len(one.runs), len(two.runs))
    return Comparison(metric, one.name, two.name, difference, low, high, p, p, fewer, paired)


def is_better(difference: float, p: float, direction: Direction) -> bool | None:
    """Whether the first of two is better, by its value less the other's; None where no test says which is."""
    return (difference < 0) == (direction == "lower") if p < 1 - LEVEL else None


def _decided(found: Comparison, p: float, direction: Direction) -> Comparison:
    names = {None: None, True: found.first, False: found.second}
    return replace(found, p_adjusted=p, better=names[is_better(found.difference, p, direction)])


def _seeds_errors(one: _Model, two: _Model) -> tuple[SeedsError, SeedsError]:
    """The errors from the seeds: of the difference, run by run, where both have the same seeds, else of each model.

    Run by run the bound is the sum of both, as seeds may move two models alike, but not against each other.
    """
    seeds = list(one.runs)
    if one.count == 1 or two.count == 1 or set(seeds) != set(two.runs):
        return one.seeds_error, two.seeds_error
    variance = _variance([one.runs[seed].score.value - two.runs[seed].score.value for seed in seeds])
    least = one.allowance.least + two.allowance.least
    return _seeds_error(variance, len(seeds), least, one.allowed + two.allowed), _NONE


def _as_fitted_errors(one: _Model, two: _Model) -> tuple[SeedsError, SeedsError]:
    """What stays uncertain of the values of given images, besides the cases."""
    if not is_trained(next(iter(one.runs.values())).score.metric):
        return _NONE, _NONE
    if one.trainings_error is None or two.trainings_error is None:
        return _seeds_errors(one, two)
    return one.trainings_error, two.trainings_error


def _trainings(score: Score) -> tuple[float, int] | None:
    """The standard deviation between the trainings of a score and their number, as `auc` tells them; None for one."""
    spread, count = score.parameters.get("observed_spread_sd"), score.parameters.get("spread_seeds")
    if not isinstance(spread, int | float) or not isinstance(count, int) or count < 2:
        return None
    return float(spread), count


def _seeds_error(variance: float, count: int, least: float, most: float) -> SeedsError:
    """The error of the mean of `count` runs. A spread of exactly 0 only shows that the numbers are coarse."""
    return SeedsError((max(variance, least) or math.inf) / count, count - 1, most / count)


_NONE = SeedsError(0.0, 1, 0.0)


def _stacked(pairs: Sequence[tuple[SeedsError, SeedsError]]) -> list[SeedsError]:
    """The errors of all pairs as two arrays."""
    return [SeedsError(*np.array([pair[side] for pair in pairs], float).T) for side in (0, 1)]


def _variance(values: Sequence[float]) -> float:
    return float(np.var(values, ddof=1))


def cases_error(one: Mapping[Seed, ScoredRun], two: Mapping[Seed, ScoredRun]) -> CasesError:
    """That of the difference of two models' means on a metric, each given by its runs."""
    return CasesError(*_cases_error(_Model("one", one), _Model("two", two))[:2])


def _cases_error(one: _Model, two: _Model) -> tuple[float, float, bool]:
    """Variance and degrees of freedom from the choice of cases and scans, and whether these were paired: they are where
    both know their units and have the same ones, else the two intervals are added.

    Contributions are averaged over seeds first: what a case adds in every run stays, what changes from run to run
    shrinks, and is in the spread over seeds besides, so the sum errs on the cautious side.
    """
    left, right = one.by_unit, two.by_unit
    if left and right and left.keys() == right.keys():
        variance = math.fsum(float(((left[key] - right[key]) ** 2).sum()) for key in left)
        if variance > 0 or one.mean == two.mean:
            # A case that was not measured (`Measured.among`) adds 0 to both, and is no degree of freedom.
            measured = [int(np.count_nonzero((left[key] != 0) | (right[key] != 0))) for key in left]
            return variance, max(min(measured) - 1, 1), True
    return one.standard_error**2 + two.standard_error**2, MANY, False
