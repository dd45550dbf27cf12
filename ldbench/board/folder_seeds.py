"""Folders of generated images that are seeds of one method: its mean over seeds, and whether one method is better than
another beside the same real images.

The interval of a mean (`ldbench.board.seeds.pool`) counts that other seeds could have been run, in training and in
generating, and what the interval of each folder counts, such as other real images.

The error of a difference has three parts, each with its own degrees of freedom (`ldbench.board.difference_test`): the
seeds of either method, which are never taken for pairs, and the images. What each real image, and each generated one of
the same name or subject, adds to both means is taken off, as between two folders. The draw of generated images is in
the spread between seeds, too, so the sum errs on the cautious side. No allowance bounds what few seeds show, as one
does on boards: nothing like these images was seen for it. Seeds are taken to vary about normally. What all
of them share, such as the images that they learnt from, is held fixed.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import combinations, pairwise
from typing import Annotated, NamedTuple

import numpy as np

from ldbench.api import Measured, Metric, Score
from ldbench.board.comparable_folders import check_alike, lacks, unlike
from ldbench.board.difference_test import CasesError, SeedsError, confidence, p_values
from ldbench.board.folder_differences import VERDICTS, FolderDifference, FolderDifferences, WithoutDifference
from ldbench.board.paired_tests import holm, is_better
from ldbench.board.seeds import pool
from ldbench.board.unit_parts import Parts, by_unit, degrees, mean_parts, variance
from ldbench.errors import UsageError
from ldbench.records.argument_names import Words, argument_names
from ldbench.records.argument_types import Expected
from ldbench.score.folders.scores import FolderScores, shared_parameters
from ldbench.score.metrics.intervals import Interval

_ROUND_OFF = 1e-6  # of a value: the same images in another order may give another one
_METHODS = Expected(
    "by the name of a method a list of what measure returned for its seeds, such as {'drift': [first, second]}"
)
Methods = Annotated[Mapping[str, Sequence[FolderScores]], _METHODS]


@dataclass(frozen=True)
class MethodScore(Score):
    """The mean of a metric over so many `seeds` of a method; `spread` is the standard deviation between them.

    The 95 % interval counts that other seeds could have been run, and what the intervals of the seeds count. That of
    one seed, whose `spread` is None, is its own and says nothing of another training. `n` is of the seed with the
    fewest images; `parameters` are those that all seeds share.
    """

    spread: float | None = None
    seeds: int = 1


@dataclass(frozen=True)
class MethodScores:
    """The means of a method over its seeds, whose folders are `seeds`; `left_out` says why metrics have none."""

    method: str
    seeds: tuple[str, ...]
    scores: tuple[MethodScore, ...]
    left_out: Mapping[str, str]


@dataclass(frozen=True)
class MethodComparison:
    """The means of each method, and the `differences` of further methods from the first, by their names."""

    methods: tuple[MethodScores, ...]
    differences: FolderDifferences


class _Seed(NamedTuple):
    folder: FolderScores
    score: Measured
    parts: Parts


@dataclass(frozen=True)
class _Method:
    """The folders of a method's seeds."""

    name: str
    folders: tuple[FolderScores, ...]

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """The metrics that any seed has."""
        return {metric.name: metric for each in self.folders for metric, _ in each.parts.measured}

    @cached_property
    def _by_metric(self) -> list[dict[str, Measured]]:
        return [{metric.name: score for metric, score in each.parts.measured} for each in self.folders]

    def scores(self, name: str) -> list[Measured]:
        """One a seed, where all have the metric."""
        return [each[name] for each in self._by_metric]

    def seeds(self, name: str) -> list[_Seed]:
        """Each seed with its score and what each unit adds to that."""
        scores = zip(self.folders, self.scores(name), strict=True)
        return [_Seed(each, score, by_unit(score, each.parts.units)) for each, score in scores]

    def without_mean(self, metric: Metric) -> str:
        """Why the seeds have no mean; "" where they have one."""
        has = [metric.name in scores for scores in self._by_metric]
        if missing := [each.folder for each, there in zip(self.folders, has, strict=True) if not there]:
            return f"it was not measured of {', '.join(missing)}"
        for one, other in combinations(self.folders, 2):
            if (images := one.images["generated"].get("sha256")) and images == other.images["generated"]["sha256"]:
                return f"{one.folder} and {other.folder} have the same images, so they are one seed; drop one of them"
        scores = self.scores(metric.name)
        neighbours = zip(pairwise(self.folders), pairwise(scores), strict=True)
        told = (unlike(metric, folders[::-1], of_both[::-1]) for folders, of_both in neighbours)
        return next(filter(None, told), "")

    def without_spread(self, name: str) -> str:
        """Why the seeds do not show what another one would change; "" where they do."""
        if len(self.folders) == 1:
            return f"{self.name} has one seed, which does not show what another training would change"
        values = [score.value for score in self.scores(name)]
        if max(values) - min(values) <= _ROUND_OFF * max(map(abs, values)):
            return f"all seeds of {self.name} have one value, which does not show what another training would change"
        return ""


class _Difference(NamedTuple):
    """A difference of the means of two methods with its errors, not yet tested."""

    metric: Metric
    names: tuple[str, str]
    value: float
    of_images: float  # a variance, and its degrees of freedom
    image_degrees: float
    of_seeds: tuple[float, float]  # the variances of both means
    seed_degrees: tuple[int, int]


def _in_words(answer: MethodComparison, words: Words) -> MethodComparison:
    without = tuple(replace(each, reason=words(each.reason)) for each in answer.differences.left_out)
    methods = tuple(
        replace(each, left_out={name: words(reason) for name, reason in each.left_out.items()})
        for each in answer.methods
    )
    return MethodComparison(methods, replace(answer.differences, left_out=without))


@argument_names(_in_words, images="images", set="settings")  # arguments of whoever measured
def over_seeds(methods: Methods) -> MethodComparison:
    """The mean of each method over its seeds, and the difference of each further method from the first.

    The folders are what `ldbench.run.measure` gave beside the same real images; some method has several. A difference
    is tested where both methods have several seeds, which differ, and where two folders would have one
    (`ldbench.board.folder_differences`); `p_adjusted` is Holm's over all of them. Its interval and p-value count that
    other seeds could have been run, so they are of the methods. Raises `UsageError` for folders that were not measured
    alike.

    >>> folders = measure_each("real/", ["drift/0", "drift/1", "plain/0", "plain/1"])  # doctest: +SKIP
    >>> over_seeds({"drift": folders[:2], "plain": folders[2:]}).differences.found[0].verdict  # doctest: +SKIP
    """
    if all(len(folders) == 1 for folders in methods.values()):
        got = f"one folder each of {', '.join(methods)}" if methods else "none"
        raise UsageError(f"methods: expected a method with several seeds, got {got}; measure more seeds")
    if empty := [name for name, folders in methods.items() if not folders]:
        raise UsageError(f"methods: expected {_METHODS.words}, got no folder of {', '.join(empty)}; leave it out")
    every = [_Method(name, tuple(folders)) for name, folders in methods.items()]
    first, *others = every
    for each in (folder for method in every for folder in method.folders):
        check_alike(first.folders[0], each)
    left_out, untested = list[WithoutDifference](), list[_Difference]()
    for other in others:
        for metric in (metric for name, metric in first.metrics.items() if name in other.metrics):
            found = _difference(metric, other, first)
            if isinstance(found, str):
                left_out.append(WithoutDifference(metric.name, other.name, first.name, found))
            else:
                untested.append(found)
    pairs = {other.name: len(_cases(first) & _cases(other)) for other in others}
    means = tuple(map(_means, every))
    return MethodComparison(means, FolderDifferences(tuple(_tested(untested)), tuple(left_out), pairs))


def _means(method: _Method) -> MethodScores:
    left_out = {name: reason for name, metric in method.metrics.items() if (reason := method.without_mean(metric))}
    scores = tuple(
        _mean(metric, method.scores(name)) for name, metric in method.metrics.items() if name not in left_out
    )
    return MethodScores(method.name, tuple(each.folder for each in method.folders), scores, left_out)


def _mean(metric: Metric, scores: Sequence[Measured]) -> MethodScore:
    of_each = [Interval(score.value, score.ci_low, score.ci_high) for score in scores]
    interval, spread = pool(of_each, metric.bounds)
    first, count = scores[0].score, len(scores)
    shared = shared_parameters(scores)
    if count > 1:
        shared["interval"] = f"95 % of the mean over {count} seeds, by Student's t, with the intervals of the seeds"
    return MethodScore(**{each.name: getattr(first, each.name) for each in fields(Score)} | {
        "value": interval.value, "ci_low": interval.low, "ci_high": interval.high,
        "n": min(each.n for each in scores), "parameters": shared, "spread": spread, "seeds": count,
    })


def _difference(metric: Metric, one: _Method, other: _Method) -> _Difference | str:
    """The first mean less the second one, or why it has no test."""
    for method in (one, other):
        if reason := method.without_mean(metric) or method.without_spread(metric.name):
            return reason
    seeds = [each.seeds(metric.name) for each in (one, other)]
    beside_first = [*((each, seeds[1][0]) for each in seeds[0]), *((seeds[0][0], each) for each in seeds[1][1:])]
    for first, second in beside_first:
        folders, scores = (first.folder, second.folder), (first.score, second.score)
        if reason := lacks(metric, folders, scores, (first.parts, second.parts)):
            return reason
    values = [[each.score.value for each in of_method] for of_method in seeds]
    first_mean, second_mean = (math.fsum(each) / len(each) for each in values)
    shown = [statistics.variance(each) / len(each) for each in values]
    parts = [mean_parts([each.parts for each in of_method]) for of_method in seeds]
    every = [*seeds[0], *seeds[1]]
    return _Difference(
        metric, (one.name, other.name), first_mean - second_mean, variance((parts[0], parts[1])),
        degrees([each.score for each in every], [each.parts for each in every]), (shown[0], shown[1]),
        (len(values[0]) - 1, len(values[1]) - 1),
    )


def _tested(untested: Sequence[_Difference]) -> Iterator[FolderDifference]:
    """The differences with intervals, p-values and what these decide."""
    if not untested:
        return
    values = np.array([each.value for each in untested])
    images = CasesError([each.of_images for each in untested], [each.image_degrees for each in untested])
    seeds = [
        SeedsError([each.of_seeds[side] for each in untested], [each.seed_degrees[side] for each in untested], None)
        for side in (0, 1)
    ]
    ps = [float(f"{p:.4g}") for p in p_values(values, images, seeds)]
    for each, half, p, adjusted in zip(untested, confidence(images, seeds).tolist(), ps, holm(ps), strict=True):
        low, high = each.metric.bounds
        bounds = max(each.value - half, low - high), min(each.value + half, high - low)
        verdict = VERDICTS[is_better(each.value, adjusted, each.metric.direction)]
        yield FolderDifference(
            each.metric.name, *each.names, each.value, *bounds, p, adjusted, each.metric.direction, verdict
        )


def _cases(method: _Method) -> set[str]:
    """The generated images of all seeds, or their subjects."""
    return {name for each in method.folders for name in each.parts.units["cases"]}
