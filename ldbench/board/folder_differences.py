"""Whether one folder of generated images is better than another beside the same real ones: metric by metric.

The real images are in both scores, so what each of them adds is taken off before the error of a difference is made of
it, and so is what generated images of the same name or subject add. What is known of one folder alone counts as
independent. The groups of a jackknife (`group_jackknife`) hold the same real images for all folders, and the same
places of generated ones, which are pairs where both folders have the same names. Nothing is known here of another
training of the same generators.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Literal

import numpy as np

from ldbench.api import Direction, Measured, Metric, ParameterValue
from ldbench.board.difference_test import CasesError, p_values
from ldbench.board.paired_tests import holm
from ldbench.errors import UsageError
from ldbench.records.argument_names import Words, argument_names
from ldbench.records.argument_types import Expected
from ldbench.records.units import SCANS
from ldbench.score.folders.classifiers import JUDGE
from ldbench.score.folders.scores import FolderScores
from ldbench.score.metrics.intervals import LEVEL, Array, numbered, of_subjects, reach_of_difference, t_quantile

Verdict = Literal["better", "worse", "tied"]
_Parts = Mapping[str, Mapping[str, float]]  # what each unit adds, by kind
_OF_NUMBERS = ("equal", "excess")  # `Metric.groups` of values that depend on the number of images
_MEAN_OF = "labels"  # the parameter that names the labels of a mean over these
# metrics whose difference was simulated and called equal generators different too often
_UNSOUND = {
    "recall": "a few outliers among the generated images may decide it, and its interval does not see those that "
    "another draw would have; take coverage",
}
_MEASUREMENTS = Expected("a list of what measure returned, or what measure_each returned")
Measurements = Annotated[Sequence[FolderScores], _MEASUREMENTS]


@dataclass(frozen=True)
class FolderDifference:
    """`difference` is the value of `folder` less that of `first`, with a 95 % interval of it alone.

    `p` is two-sided, never below 1e-140, and `p_adjusted` Holm's over all differences at hand; the verdict is of
    `folder`, at 5 %.
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
    """Why two folders that both have a metric have no difference in it."""

    metric: str
    folder: str
    first: str
    reason: str


@dataclass(frozen=True)
class FolderDifferences:
    """The differences of further folders from the first one; `pairs` counts, by folder, the units that both have."""

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
        _check_alike(first, other)
        for metric, one, two in _in_both(first, other):
            names = metric.name, folder_of(other), folder_of(first)
            units = other.parts.units, first.parts.units
            parts = _by_unit(two, units[0]), _by_unit(one, units[1])
            if reason := _lacks(metric, (other, first), (two, one), parts):
                left_out.append(WithoutDifference(*names, reason))
            else:
                found.append(_difference(names, (two, one), parts, metric))
    decided = tuple(map(_decided, found, holm([each.p for each in found])))
    pairs = {folder_of(each): _shared(first, each) for each in others}
    return FolderDifferences(decided, tuple(left_out), pairs)


def _check_alike(first: FolderScores, other: FolderScores) -> None:
    """`UsageError` where two folders were not measured beside the same images and by the same options."""
    for name in ("real", "training"):
        if first.images.get(name, {}).get("sha256") != other.images.get(name, {}).get("sha256"):
            raise UsageError(
                f"{folder_of(other)}: expected the {name} images that {folder_of(first)} was measured beside, got "
                "others; measure both beside the same ones"
            )
    options = tuple(map(_common, (first, other)))
    if options[0] != options[1]:
        raise UsageError(
            f"{folder_of(other)}: expected the options of {folder_of(first)}, {options[0]}, got {options[1]}; measure "
            "both alike"
        )


def _common(folder: FolderScores) -> dict[str, ParameterValue]:
    """The options that all metrics share: those of a single one may be other ones, and it then has no difference."""
    return {name: value for name, value in folder.options.items() if name.rpartition(":")[0] in ("", JUDGE)}


def _in_both(first: FolderScores, other: FolderScores) -> list[tuple[Metric, Measured, Measured]]:
    there = {metric.name: score for metric, score in other.parts.measured}
    return [(metric, score, there[metric.name]) for metric, score in first.parts.measured if metric.name in there]


def folder_of(found: FolderScores) -> str:
    """The folder of generated images that the scores are of."""
    return str(found.images["generated"]["folder"])


def _shared(first: FolderScores, other: FolderScores) -> int:
    return len(set(first.parts.units["cases"]) & set(other.parts.units["cases"]))


def _by_unit(score: Measured, units: Mapping[str, Sequence[str]]) -> _Parts:
    """What each unit adds to a score, by its kind and name; images of one subject are one."""
    found = dict[str, Mapping[str, float]]()
    for kind, values in score.contributions.items():
        names = units.get(kind) or [str(place) for place in range(len(values))]  # groups have no names
        if len(names) == len(values):
            measured = None if kind == SCANS else score.n
            folded = of_subjects(np.asarray(values), numbered(names), score.metric, measured)
            found[kind] = dict(zip(dict.fromkeys(names), folded.tolist(), strict=True))
    return found


def _lacks(
    metric: Metric, folders: tuple[FolderScores, FolderScores], scores: tuple[Measured, Measured],
    parts: tuple[_Parts, _Parts],
) -> str:
    """Why a difference has no sound interval; "" where it has one."""
    one, other = scores
    if metric.name in _UNSOUND:
        return _UNSOUND[metric.name]
    copies = [folder_of(each) for each in folders if _has_copies(each)]
    if copies and metric.unranks is None:
        return f"{' and '.join(copies)}: {folders[0].shown} are copies of training {folders[0].shown}"
    if one.extractor != other.extractor:
        return f"values of two networks, {one.extractor} and {other.extractor}, cannot be compared"
    if one.parameters.get(_MEAN_OF) != other.parameters.get(_MEAN_OF):
        return (
            f"it is a mean over other labels, {other.parameters.get(_MEAN_OF)} and {one.parameters.get(_MEAN_OF)}; "
            "give those of both by --label"
        )
    if metric.groups in _OF_NUMBERS and one.n != other.n:
        of_volumes, shown = folders[0].of_volumes, folders[0].shown  # none are drawn of volumes
        remedy = "give folders of as many volumes" if of_volumes else f"give --images {min(one.n, other.n)}"
        return f"its value depends on the number of {shown}, {other.n} and {one.n}; {remedy}"
    if metric.groups in _OF_NUMBERS and metric.every_class and len({_by_class(each) for each in folders}) > 1:
        return f"its value depends on the number of {folders[0].shown} of each class; give as many of each"
    complete = (each and each.keys() == score.contributions.keys() for each, score in zip(parts, scores, strict=True))
    if not all(complete):
        return "nothing says what each image adds to it"
    if parts[0].keys() != parts[1].keys() or _groups(parts[0]) != _groups(parts[1]):
        return "its interval has other units in the two folders"
    if parts[0].keys() == {"scans"}:
        return "its interval counts the real images alone, and not that others could have been generated"
    if name := _other_setting(metric, scores):
        return f"its {name} is {other.parameters.get(name)} and {one.parameters.get(name)}; measure both alike"
    still = not any(value for each in parts for values in each.values() for value in values.values())
    if one.interval != "share" and (still or (one.value != other.value and not _variance(parts))):
        return "the images show no spread, so no test says how sure the difference is"
    return ""


def _other_setting(metric: Metric, scores: tuple[Measured, Measured]) -> str:
    """The first of a metric's settings in which two scores differ; "" where there is none."""
    one, other = scores
    names = (item.name for item in fields(metric.settings))
    return next((name for name in names if one.parameters.get(name) != other.parameters.get(name)), "")


def _by_class(folder: FolderScores) -> tuple[tuple[str, int], ...]:
    """How many generated images each class has."""
    return tuple(folder.classes.get("generated", {}).items())


def _has_copies(folder: FolderScores) -> bool:
    return any(metric.unranks is not None and metric.unranks(score) for metric, score in folder.parts.measured)


def _groups(parts: _Parts) -> int:
    return len(parts.get("groups", ()))


def _aligned(parts: tuple[_Parts, _Parts]) -> tuple[Array, Array]:
    """What each unit adds to both scores; to a score that it is not in it adds nothing."""
    one, other = parts
    names = [(kind, name) for kind in one for name in {**one[kind], **other[kind]}]
    one_u, other_u = (np.array([each[kind].get(name, 0.0) for kind, name in names]) for each in parts)
    return one_u, other_u


def _variance(parts: tuple[_Parts, _Parts]) -> float:
    one_u, other_u = _aligned(parts)
    return float(((one_u - other_u) ** 2).sum())


def _difference(
    names: tuple[str, str, str], scores: tuple[Measured, Measured], parts: tuple[_Parts, _Parts], metric: Metric
) -> FolderDifference:
    """The first score less the second one, not yet corrected."""
    one, other = scores
    degrees = max(min(map(_degrees, scores, parts)), 1)
    below, above = _reaches(scores, parts, t_quantile(degrees))
    difference, (low, high) = one.value - other.value, metric.bounds
    # both reaches are made at 95 %; at other levels they grow as Student's quantile does
    error = (below if difference > 0 else above) / t_quantile(degrees)
    p = float(f"{float(p_values(difference, CasesError(error**2, degrees), ())):.4g}")
    low, high = max(difference - below, low - high), min(difference + above, high - low)
    return FolderDifference(*names, difference, low, high, p, p, metric.direction, "tied")


def _degrees(score: Measured, parts: _Parts) -> float:
    return min(map(len, parts.values())) - 1 if score.degrees is None else score.degrees


def _reaches(
    scores: tuple[Measured, Measured], parts: tuple[_Parts, _Parts], quantile: float
) -> tuple[float, float]:
    """How far the 95 % interval reaches below and above the difference.

    Shares near 0 and 1 have lopsided intervals, and where all images agree they show no variance. So theirs is made of
    both intervals (MOVER), with the correlation that the units show.
    """
    one, other = scores
    if one.interval != "share":
        return (quantile * math.sqrt(_variance(parts)),) * 2
    one_u, other_u = _aligned(parts)
    size = math.sqrt(float((one_u**2).sum() * (other_u**2).sum()))
    together = min(max(float(one_u @ other_u) / size, -1.0), 1.0) if size else 0.0
    return (
        reach_of_difference(one.value - one.ci_low, other.ci_high - other.value, together),
        reach_of_difference(one.ci_high - one.value, other.value - other.ci_low, together),
    )


def _decided(found: FolderDifference, p: float) -> FolderDifference:
    verdict: Verdict = "tied"
    if p < 1 - LEVEL:
        verdict = "better" if (found.difference < 0) == (found.direction == "lower") else "worse"
    return replace(found, p_adjusted=p, verdict=verdict)
