"""A score's interval where several of its images belong to one subject: of subjects, not of images.

A metric counts every image as a unit of its own. Images of one subject are alike, and an interval that treats them as
independent is too narrow: with 8 images a subject, correlated by 0.9, a nominal 95 % interval covers the true value
only half of the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ldbench.api import Measured, Metric, MetricInputs, SetName
from ldbench.records.units import CASES, SCANS
from ldbench.score.metrics.intervals import (
    Array,
    Interval,
    Subjects,
    independent,
    of_subjects,
    over_subjects,
    share_of_subjects,
    t_quantile,
)
from ldbench.score.returned import check_lengths

Bounds = tuple[float, float]  # between what a metric's true value lies


def subjects_of_units(metric: Metric, found: Measured, inputs: MetricInputs) -> dict[str, Subjects]:
    """By kind of a metric's units, the subjects of its images; kinds without shared ones are left out."""
    passes: tuple[SetName, ...] = ("null", "back")
    kinds, known = found.contributions.keys() or {CASES, SCANS}, dict[str, Subjects]()
    if CASES in kinds:
        known[CASES] = inputs.subjects(next((name for name in passes if name in metric.needs), "generated"))
    if SCANS in kinds:
        known[SCANS] = inputs.subjects("real" if metric.scans == "reference" else "test_scans")
    return {kind: subjects for kind, subjects in known.items() if subjects is not None}


def by_subject(found: Measured, subjects: Mapping[str, Subjects], bounds: Bounds) -> Measured:
    """The score with an interval made of what each subject adds; itself where no two images share one.

    `bounds` are the metric's. A mean over cases is cut at them in either case.

    Student's t over as many degrees of freedom as the set of the fewest subjects has; of a share `share_of_subjects`.
    Raises `MetricError` for images of a single subject, and `DefectError` for other numbers of contributions.
    """
    check_lengths(found, subjects)
    if all(each is None for each in subjects.values()) or found.interval == "own":
        if not found.mean:
            return found
        cut = _cut(found.value, found.ci_low, found.ci_high, bounds)
        return replace(found, ci_low=cut.low, ci_high=cut.high)
    parts = folded(found, subjects)
    if not parts:
        return _widened(found, subjects, bounds)
    fewest = min(map(len, parts.values()))
    variance = sum(float((each**2).sum()) for each in parts.values())
    if found.interval == "share":
        images, highest = min(map(len, found.contributions.values())), bounds[1]
        share = share_of_subjects(found.value / highest, variance / highest**2, images, fewest)
        interval = Interval(found.value, highest * share.low, highest * share.high)
    else:
        half = t_quantile(fewest - 1) * variance**0.5
        interval = _cut(found.value, found.value - half, found.value + half, bounds)
    return _with(found, interval, subjects)


def folded(found: Measured, subjects: Mapping[str, Subjects]) -> dict[str, Array]:
    """The contributions of a score by kind, of subjects where images share one."""
    return {
        kind: of_subjects(values, subjects.get(kind), found.metric, None if kind == SCANS else found.n)
        for kind, values in found.contributions.items()
    }


def _widened(found: Measured, subjects: Mapping[str, Subjects], bounds: Bounds) -> Measured:
    """Without contributions the interval is widened as if all images of a subject were one, the most extreme case."""
    wider = max(len(each) / independent(0, each) for each in subjects.values() if each is not None) ** 0.5
    low, high = (found.value + wider * (bound - found.value) for bound in (found.ci_low, found.ci_high))
    return _with(found, _cut(found.value, low, high, bounds), subjects)


def _cut(value: float, low: float, high: float, bounds: Bounds) -> Interval:
    """The part of an interval within the bounds; the nearer bound of one that rounding took past it."""
    lowest, highest = bounds
    return Interval(value, min(max(low, lowest), highest), max(min(high, highest), lowest))


def _with(found: Measured, interval: Interval, subjects: Mapping[str, Subjects]) -> Measured:
    how = over_subjects(str(found.parameters.get("interval", "95 %")), *subjects.values())
    return replace(
        found, ci_low=interval.low, ci_high=interval.high, parameters={**found.parameters, "interval": how}
    )
