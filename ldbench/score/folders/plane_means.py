"""The mean of a metric over planes of the same volumes, with an interval: what is called 2.5-D FID, of FID.

Each plane shows the same volumes, so their values err together, and what a volume adds to the mean is the mean of what
it adds to each plane's value. A jackknife leaves out the same groups of volumes in each plane, since these depend on
the numbers of volumes alone (`group_jackknife`). Where nobody knows what each volume adds, or where that is not all of
a metric's error (a classifier's training has chance of its own), the bounds are the means of the planes' bounds: as if
all planes erred alike, than which no interval is wider.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ldbench.api import Measured, Metric
from ldbench.records.units import CASES, SCANS
from ldbench.score.by_subject import folded
from ldbench.score.folders.scores import shared_parameters
from ldbench.score.metrics.intervals import Array, Interval, numbered, share_of_subjects, t_quantile

Units = Mapping[str, Sequence[str]]  # by kind of images, the subject of each
_CHANCE = "observed_chance"


def mean_of_planes(metric: Metric, planes: Mapping[str, Measured], units: Mapping[str, Units]) -> Measured:
    """The mean score of `planes`, each with the `units` of its images; what each subject adds stands in it.

    It is of as many images as the plane of the fewest. `MetricError` for images of a single subject.
    """
    scores = list(planes.values())
    first, value = scores[0], float(np.mean([each.value for each in scores]))
    parts = _mean_parts([_parts(each, units[plane]) for plane, each in planes.items()])
    if parts and first.interval != "own":
        interval, how = _interval(metric, scores, value, parts), "subjects are the units"
    else:
        low, high = (float(np.mean([getattr(each, bound) for each in scores])) for bound in ("ci_low", "ci_high"))
        interval, how = Interval(value, low, high), "as if all planes erred alike"
    own = shared_parameters(scores)
    chances = [chance for each in scores if isinstance(chance := each.parameters.get(_CHANCE), float | int)]
    if chances:  # that the volumes show by chance what unranks a score: the smallest of as many looks (Bonferroni)
        own[_CHANCE] = min(len(scores) * min(chances), 1.0)
    return replace(
        first, value=value, ci_low=interval.low, ci_high=interval.high, n=min(each.n for each in scores),
        contributions=parts, within=None, degrees=_degrees(scores, parts) if parts else None, parts={},
        parameters={**own, "planes": ",".join(planes), "interval": f"95 % of the mean over planes; {how}"},
    )


def _parts(score: Measured, units: Units) -> dict[str, Array]:
    """What each subject adds to a plane's score, by kind; nothing where it is not known of every image."""
    subjects = {kind: numbered(units[kind]) for kind in (CASES, SCANS)}
    known = all(
        kind not in units or len(values) == len(units[kind]) for kind, values in score.contributions.items()
    )
    return folded(score, subjects) if known else {}


def _mean_parts(planes: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    sizes = [{kind: len(values) for kind, values in each.items()} for each in planes]
    if any(each != sizes[0] for each in sizes):
        return {}
    return {kind: np.mean([each[kind] for each in planes], axis=0) for kind in sizes[0]}


def _interval(metric: Metric, scores: Sequence[Measured], value: float, parts: Mapping[str, Array]) -> Interval:
    """By Student's t within the metric's bounds; of a share as `share_of_subjects` has it."""
    lowest, highest = metric.bounds
    variance = sum(float((each**2).sum()) for each in parts.values())
    if scores[0].interval == "share":
        # of one plane, not of all: by few volumes the variance may come out as if slices were independent
        images = min(min(map(len, each.contributions.values())) for each in scores)
        fewest = min(map(len, parts.values()))
        share = share_of_subjects(value / highest, variance / highest**2, images, fewest)
        return Interval(value, highest * share.low, highest * share.high)
    half = t_quantile(_degrees(scores, parts)) * variance**0.5
    return Interval(value, max(value - half, lowest), min(value + half, highest))


def _degrees(scores: Sequence[Measured], parts: Mapping[str, Array]) -> float:
    fewest = min(map(len, parts.values())) - 1
    return min(float(fewest) if each.degrees is None else each.degrees for each in scores)
