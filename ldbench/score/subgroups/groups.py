"""Scores by group of cases: the worst group of each attribute, and its gap to the best one.

Here a metric is taken apart that is a mean of one value a case; others: `set_scores`. Groups are the values of an
attribute that is text, sex or the class say, and decades of an attribute that is called age, in any case. A gap between
the worst and the best of several groups is large by chance alone: its interval is Welch's (1947, Biometrika 34:28) at
the level that Bonferroni's correction gives to all pairs of groups. Where the interval holds 0, nothing is said of a
difference. Subjects are taken as independent, and those of several images count as one unit each
(`ldbench.score.metrics.intervals`). A subject may be in two groups, as one that grew older between two visits: the
variance of a gap then takes the covariance, and its degrees of freedom are those of the smaller group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import comb, isfinite
from types import MappingProxyType
from typing import TypeVar

import numpy as np

from ldbench.api import Attributes, Case, Measured, Record
from ldbench.records.subgroups import Breakdown, Group, Pair, Subgroups, breakdown_of
from ldbench.records.units import Units, values_of_cases
from ldbench.score.by_subject import Bounds
from ldbench.score.metrics.intervals import (
    LEVEL,
    Array,
    Subjects,
    independent,
    mean_interval,
    numbered,
    of_mean,
    of_subjects,
    share_interval,
    share_of_subjects,
    t_quantile,
)
from ldbench.score.subgroups.shared_subjects import correlation, in_both

FEWEST = 10  # cases of a group that is compared with others
_MOST = 12  # values of an attribute that makes groups: more of them are names
_AGE = "age"
Key = TypeVar("Key", str, int)
NO_SUBJECTS: Mapping[str, Sequence[int]] = MappingProxyType({})
NONE_SHARED = (0, 0.0)


def subgroups_of(
    scores: Sequence[Measured], units: Units, attributes: Mapping[str, Attributes],
    of_sets: Mapping[str, Mapping[str, Breakdown]], bounds: Mapping[str, Bounds],
    left_out: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> Subgroups:
    """The breakdowns of all scores that are means over cases, and those `of_sets` for the others, or why these are
    `left_out`; of means over cases, which groups are too small where no two can be compared, or that nobody knows which
    cases were measured.

    `attributes` holds those of each case by its id, `bounds` those of each metric by its name.
    """
    by_metric = {score.metric: of_sets[score.metric] for score in scores if score.metric in of_sets}
    reasons = {metric: dict(by) for metric, by in left_out.items()}
    for score in scores:
        found = values_of_cases(score, units, score._kept) if is_over_cases(score) else {}
        if untold := _untold(score, found):
            for attribute in groups_of(attributes):
                reasons.setdefault(score.metric, {})[attribute] = untold
            continue
        grouped = groups_of({case: attributes[case] for case in found})
        subject_of = _subject_of(score, units)
        breakdowns = {
            attribute: breakdown(
                score, [(name, np.array([found[one] for one in ids])) for name, ids in groups.items()],
                bounds[score.metric],
                {name: [subject_of[one] for one in ids] for name, ids in groups.items() if subject_of},
            )
            for attribute, groups in grouped.items()
        }
        if breakdowns:
            by_metric[score.metric] = breakdowns
        for attribute, one in breakdowns.items():
            if not one.worst:
                reasons.setdefault(score.metric, {})[attribute] = _too_small(grouped[attribute], subject_of)
    return Subgroups({score.metric: score.value for score in scores if score.metric in by_metric}, by_metric, reasons)


def _untold(score: Measured, found: Mapping[str, float]) -> str:
    """Why a mean over some of the cases has no groups: not all of its cases were found. "" where they were."""
    if not is_over_cases(score) or not len(found) < score.n < len(score.contributions["cases"]):
        return ""
    alike = score.n - len(found)
    return f"{alike} of {score.n} measured cases add 0 as those left out do: the metric may name them by Measured.among"


def _too_small(groups: Mapping[str, Sequence[str]], subject_of: Mapping[str, int]) -> str:
    """The groups that are not compared, with their numbers of subjects or, where no case shares one, of cases."""
    counts = {name: len({subject_of[one] for one in ids} if subject_of else ids) for name, ids in groups.items()}
    small = ", ".join(f"{name}: {count}" for name, count in counts.items() if count < FEWEST)
    return f"{small} {'subjects' if subject_of else 'cases'}, {FEWEST} needed"


def attributes_of(images: Iterable[Case | Record]) -> dict[str, Attributes]:
    """The attributes of each case or scan by its id; equal ones are one object."""
    seen: dict[frozenset[tuple[str, object]], Attributes] = {}
    return {one.id: seen.setdefault(frozenset(one.attributes.items()), one.attributes) for one in images}


def is_over_cases(score: Measured) -> bool:
    """Whether the score is a mean of one number a case, a share too."""
    return (score.mean or score.interval == "share") and score.contributions.keys() == {"cases"}


def _subject_of(score: Measured, units: Units) -> dict[str, int]:
    """The subject of each case of a mean over cases; empty where each case has its own."""
    kinds = units.metrics[score.metric].by_unit if score.metric in units.metrics else ()
    return {
        case: subject for kind in kinds if kind in units.subjects
        for case, subject in zip(units.ids[kind], units.subjects[kind], strict=True)
    }


def groups_of(attributes: Mapping[Key, Attributes]) -> dict[str, dict[str, list[Key]]]:
    """By attribute the ids, or other keys, of each group, for attributes that make two groups or more."""
    found: dict[str, dict[str, list[Key]]] = {}
    for case, values in attributes.items():
        for attribute, value in values.items():
            name = _group(attribute, value)
            if name:
                found.setdefault(attribute, {}).setdefault(name, []).append(case)
    return {name: dict(sorted(groups.items())) for name, groups in sorted(found.items()) if 2 <= len(groups) <= _MOST}


def _group(attribute: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if attribute.casefold() == _AGE and isinstance(value, int | float) and isfinite(value):
        decade = int(value // 10) * 10
        return f"{decade} to {decade + 9}"
    return ""


def breakdown(
    score: Measured, groups: Sequence[tuple[str, Array]], bounds: Bounds,
    whose: Mapping[str, Sequence[int]] = NO_SUBJECTS,
) -> Breakdown:
    """The score in each group of two values or more, and the gap between the worst and the best of the larger ones.

    `whose` holds the subjects of each group's values, numbered over all groups, where some share one; they are then
    what counts. `bounds` are the metric's.
    """
    low, high = bounds
    subjects = {name: numbered(of_group) for name, of_group in whose.items()}
    counts = {name: independent(len(values_n), subjects.get(name)) for name, values_n in groups}
    rows = tuple(
        _group_score(score, name, values_n, subjects.get(name), bounds) for name, values_n in groups if counts[name] > 1
    )
    large = {name: values_n for name, values_n in groups if counts[name] >= FEWEST}
    order = sorted(large, key=lambda name: float(large[name].mean()), reverse=score.direction == "lower")

    def pair(worse: str, better: str) -> Pair:
        gap = abs(float(large[better].mean() - large[worse].mean()))
        both = [(large[name], subjects.get(name)) for name in (worse, better)]
        shared = _shared(score, both, [whose[name] for name in (worse, better)]) if whose else NONE_SHARED
        half = _half_width(score, high, both, comb(len(large), 2), shared)
        return Pair(worse, better, gap, gap - half, gap + half)

    return breakdown_of(rows, order, pair, high - low)


def _group_score(score: Measured, name: str, values_n: Array, subjects: Subjects, bounds: Bounds) -> Group:
    low, high = bounds
    interval = mean_interval(values_n, score.metric, subjects)
    if score.interval == "share":  # of the whole that the upper bound is: 1, or 100 per cent
        share = min(max(interval.value / high, 0.0), 1.0)
        if subjects is None:
            wilson = share_interval(share, 0.0, len(values_n), t_quantile(np.inf))
        else:
            parts = of_subjects(of_mean(values_n / high), subjects, score.metric)
            wilson = share_of_subjects(share, float((parts**2).sum()), len(values_n), len(parts))
        return Group(name, len(values_n), interval.value, high * wilson.low, high * wilson.high)
    return Group(name, len(values_n), interval.value, max(interval.low, low), min(interval.high, high))


def _shared(
    score: Measured, both: Sequence[tuple[Array, Subjects]], whose: Sequence[Sequence[int]]
) -> tuple[int, float]:
    """How many subjects are in both groups, and the correlation of the two means.

    For shares it is that with two more subjects in both, of no correlation, as the variances have two cases more:
    shares that always agree would seem to have a gap without error (Agresti and Min 2005, Stat. Med. 24:729).
    """
    parts = [{"": of_subjects(of_mean(values_n), subjects, score.metric)} for values_n, subjects in both]
    first, second = ({"": np.array(list(dict.fromkeys(of_group)), np.int64)} for of_group in whose)
    count, together = in_both((first, second)), correlation(parts[0], parts[1], (first, second))
    return count, together * count / (count + 2) if score.interval == "share" else together


def _half_width(
    score: Measured, whole: float, both: Sequence[tuple[Array, Subjects]], pairs: int, shared: tuple[int, float]
) -> float:
    """Half of Welch's interval for the difference of two means, at the level of one pair of so many; `whole` is what a
    share is one of."""
    from scipy import stats

    parts = [_variance_of_mean(score, whole, *of_group) for of_group in both]
    variance = sum(parts) - 2 * shared[1] * (parts[0] * parts[1]) ** 0.5
    if not variance > 0:
        return 0.0
    counts = [independent(len(values_n), subjects) for values_n, subjects in both]
    welch = sum(parts) ** 2 / sum(part**2 / (count - 1) for part, count in zip(parts, counts, strict=True))
    degrees = min(counts) - 1 if shared[0] else welch
    return float(stats.t.ppf(1 - (1 - LEVEL) / (2 * pairs), degrees) * variance**0.5)


def _variance_of_mean(score: Measured, whole: float, values_n: Array, subjects: Subjects) -> float:
    """The variance of a group's mean; that of subjects where it shows more than so many independent cases would."""
    alone = _variance(score, whole, values_n) / len(values_n)
    if subjects is None:
        return alone
    together = float((of_subjects(of_mean(values_n), subjects, score.metric) ** 2).sum())
    return max(alone, together) if score.interval == "share" else together


def _variance(score: Measured, whole: float, values_n: Array) -> float:
    """The variance of one case; for shares with one case more of either kind, as a share of 0 or 1 seems to have none
    (Agresti and Caffo 2000, Am. Stat. 54:280)."""
    if score.interval != "share":
        return float(values_n.var(ddof=1))
    share = (float(values_n.sum()) / whole + 1) / (len(values_n) + 2)
    return float(whole**2 * share * (1 - share))
