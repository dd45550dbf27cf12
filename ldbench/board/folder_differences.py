"""Whether one folder of generated images is better than another beside the same real ones: metric by metric.

The real images are in both scores, and so may be generated images of the same name or subject: what each of them adds
is taken off (`ldbench.board.unit_parts`). The groups of a jackknife (`group_jackknife`) hold the same real images for
all folders, and the same places of generated ones, which are pairs where both folders have the same names. Nothing is
known here of another training of the same generators: several seeds show it (`ldbench.board.folder_seeds`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from ldbench.api import Direction, Measured, Metric
from ldbench.board.comparable_folders import check_alike, lacks
from ldbench.board.difference_test import CasesError, p_values
from ldbench.board.paired_tests import holm, is_better
from ldbench.board.unit_parts import Parts, aligned, by_unit, degrees, variance
from ldbench.errors import UsageError
from ldbench.records.argument_names import Words, argument_names
from ldbench.records.argument_types import Expected
from ldbench.score.folders.scores import FolderScores
from ldbench.score.metrics.intervals import reach_of_difference, t_quantile

Verdict = Literal["better", "worse", "tied"]
VERDICTS: Mapping[bool | None, Verdict] = {True: "better", False: "worse", None: "tied"}  # by `is_better`
_MEASUREMENTS = Expected("a list of what measure returned, or what measure_each returned")
Measurements = Annotated[Sequence[FolderScores], _MEASUREMENTS]


@dataclass(frozen=True)
class FolderDifference:
    """`difference` is the value of `folder` less that of `first`, with a 95 % interval of it alone.

    `p` is two-sided, never below 1e-140, and `p_adjusted` Holm's over all differences at hand; the verdict is of
    `folder`, at 5 %. Of `over_seeds` both names are of methods, and values are means over seeds.
    """

    metric: str
    folder: str
    first: str
    difference: float
    ci_low: float
    ci_high: float
    p: float
    p_adjusted: float
    direction: Direction
    verdict: Verdict


@dataclass(frozen=True)
class WithoutDifference:
    """Why two folders, or methods, that both have a metric have no difference in it."""

    metric: str
    folder: str
    first: str
    reason: str


@dataclass(frozen=True)
class FolderDifferences:
    """The differences of further folders, or methods, from the first one; `pairs` counts, by folder, the units that
    both have."""

    found: tuple[FolderDifference, ...]
    left_out: tuple[WithoutDifference, ...]
    pairs: Mapping[str, int]


def _in_words(answer: FolderDifferences, words: Words) -> FolderDifferences:
    return replace(answer, left_out=tuple(replace(each, reason=words(each.reason)) for each in answer.left_out))


@argument_names(_in_words, images="images", set="settings")  # arguments of whoever measured
def differences(folders: Measurements) -> FolderDifferences:
    """The difference of each further folder from the first, in each metric that has a sound interval of it.

    The folders are what `ldbench.run.measure` gave beside the same real images. Raises `UsageError` for others.
    """
    if not folders:
        raise UsageError(f"folders: expected {_MEASUREMENTS.words}, got none; measure two or more folders")
    first, *others = folders
    found, left_out = list[FolderDifference](), list[WithoutDifference]()
    for other in others:
        check_alike(first, other)
        there = {metric.name: score for metric, score in other.parts.measured}
        for metric, one in first.parts.measured:
            if (two := there.get(metric.name)) is None:
                continue
            names = metric.name, other.folder, first.folder
            units = other.parts.units, first.parts.units
            parts = by_unit(two, units[0]), by_unit(one, units[1])
            if reason := lacks(metric, (other, first), (two, one), parts):
                left_out.append(WithoutDifference(*names, reason))
            else:
                found.append(_difference(names, (two, one), parts, metric))
    decided = tuple(map(_decided, found, holm([each.p for each in found])))
    pairs = {each.folder: _shared(first, each) for each in others}
    return FolderDifferences(decided, tuple(left_out), pairs)


def _shared(first: FolderScores, other: FolderScores) -> int:
    return len(set(first.parts.units["cases"]) & set(other.parts.units["cases"]))


def _difference(
    names: tuple[str, str, str], scores: tuple[Measured, Measured], parts: tuple[Parts, Parts], metric: Metric
) -> FolderDifference:
    """The first score less the second one, not yet corrected."""
    one, other = scores
    of_images = degrees(scores, parts)
    below, above = _reaches(scores, parts, t_quantile(of_images))
    difference, (low, high) = one.value - other.value, metric.bounds
    # both reaches are made at 95 %; at other levels they grow as Student's quantile does
    error = (below if difference > 0 else above) / t_quantile(of_images)
    p = float(f"{float(p_values(difference, CasesError(error**2, of_images), ())):.4g}")
    low, high = max(difference - below, low - high), min(difference + above, high - low)
    return FolderDifference(*names, difference, low, high, p, p, metric.direction, "tied")


def _reaches(
    scores: tuple[Measured, Measured], parts: tuple[Parts, Parts], quantile: float
) -> tuple[float, float]:
    """How far the 95 % interval reaches below and above the difference.

    Shares near 0 and 1 have lopsided intervals, and where all images agree they show no variance. So theirs is made of
    both intervals (MOVER), with the correlation that the units show.
    """
    one, other = scores
    if one.interval != "share":
        return (quantile * math.sqrt(variance(parts)),) * 2
    one_u, other_u = aligned(parts)
    size = math.sqrt(float((one_u**2).sum() * (other_u**2).sum()))
    together = min(max(float(one_u @ other_u) / size, -1.0), 1.0) if size else 0.0
    return (
        reach_of_difference(one.value - one.ci_low, other.ci_high - other.value, together),
        reach_of_difference(one.ci_high - one.value, other.value - other.ci_low, together),
    )


def _decided(found: FolderDifference, p: float) -> FolderDifference:
    return replace(found, p_adjusted=p, verdict=VERDICTS[is_better(found.difference, p, found.direction)])
