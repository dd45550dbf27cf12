"""95 % intervals for the metrics, each with a stated estimand and a simulated coverage.

`mean_interval` covers a mean over cases; `group_jackknife` covers the expectation of a statistic of one or two
sample sets at their present sizes. What coverage was seen stands in docs/measurements/intervals.md, printed by
leaderboards/interval_coverage.py. Nothing here bootstraps a distance between two sets: resampling with replacement
repeats images, repeats shrink the resampled covariance's rank, and the whole interval moves upward.

The units of an interval are subjects: several images of one are alike, and as many independent ones would say more.
Wherever images share a subject, their contributions are summed within it first (`of_subjects`), the variance that is
robust to clusters (Liang and Zeger 1986, Biometrika 73:13), and a jackknife leaves out whole subjects. `Subjects` holds
the subject of each image `(n,)`, numbered by first appearance, or None where no two share one.

`of_mean` and `of_deletions` give what each unit adds to a value (`ldbench.api.Measured`). Intervals are made of it, but
for a share's (Wilson's) and for an area over several trainings, whose own chance is no unit's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ldbench.errors import MetricError

Array = npt.NDArray[np.float64]
Subjects = npt.NDArray[np.int64] | None
LEVEL = 0.95
GROUPS = 20  # of a jackknife
Z = 1.959963984540054  # the normal distribution's 97.5 % quantile


@dataclass(frozen=True)
class Interval:
    """A value with the bounds of its 95 % interval."""

    value: float
    low: float
    high: float


def t_quantile(degrees: float, level: float = LEVEL) -> float:
    """Two-sided quantile of Student's t with `degrees` of freedom, 95 % or another `level`."""
    from scipy import special

    return float(special.stdtrit(degrees, 0.5 + level / 2))  # as `scipy.stats` has it, whose import takes far longer


def mean_interval(values: npt.ArrayLike, metric: str, subjects: Subjects = None) -> Interval:
    """Mean of one value a case, with Student's t interval for the mean over such cases.

    Raises `MetricError` for fewer than two values or subjects, or a value that is not finite.
    """
    values_n = np.asarray(values, dtype=np.float64)
    if values_n.ndim != 1 or values_n.size < 2 or not np.isfinite(values_n).all():
        raise MetricError(
            f"{metric}: expected at least 2 finite values, one a case, got shape {values_n.shape}; "
            "score more cases or check the images"
        )
    mean = float(values_n.mean())
    if subjects is not None:
        return contributed_interval(mean, of_subjects(of_mean(values_n), subjects, metric))
    half = t_quantile(values_n.size - 1) * float(values_n.std(ddof=1)) / values_n.size**0.5
    return Interval(mean, mean - half, mean + half)


def share_interval(value: float, variance: float, count: int, quantile: float) -> Interval:
    """Wilson's interval (1927, JASA 22:209) for a share of `count` units that has this variance.

    The variance is that of `share * (1 - share) / size` of an effective size, which stands in the formula and is at
    most `count`, so that a share of 0 or 1, whose variance is 0, still has an interval.
    """
    size = min(value * (1 - value) / variance, count) if variance > 0 and 0 < value < 1 else count
    z = quantile**2 / size
    centre = (value + z / 2) / (1 + z)
    half = (value * (1 - value) * z + z**2 / 4) ** 0.5 / (1 + z)
    # at 0 and 1 round-off puts the bound past the value
    return Interval(value, max(min(centre - half, value), 0.0), min(max(centre + half, value), 1.0))


def wilson_interval(value: float, count: int) -> Interval:
    """`share_interval` of a plain share of `count` independent units."""
    return share_interval(value, 0.0, count, Z)


def reach_of_difference(one: float, other: float, correlation: float = 0.0) -> float:
    """How far a bound of the difference of two values lies from it, by square-and-add or MOVER (Zou and Donner 2008,
    Stat. Med. 27:1693; with a `correlation` Zou 2007, Psychol. Methods 12:399).

    `one` and `other` reach from each value to the bound of its own interval that takes the difference the same way: for
    the lower bound of x - y to the lower one of x and to the upper one of y, so that lopsided intervals stay so.
    """
    if not correlation:
        return math.hypot(one, other)
    return math.sqrt((one - other) ** 2 + 2 * (1 - correlation) * one * other)  # never below 0, whatever is rounded


def share_of_subjects(value: float, variance: float, images: int, subjects: int) -> Interval:
    """Wilson's interval for a share of images of so many subjects, whose variance is that of subjects.

    Its effective size is the number of independent images that would have this variance (Korn and Graubard 1998, Survey
    Methodology 24:193), at most `images`. A share of 0 or 1 shows no variance: there each subject counts as one image.
    """
    return share_interval(value, variance, images if variance > 0 else subjects, t_quantile(subjects - 1))


def deletion_groups(
    size: int, groups: int, random: np.random.Generator, subjects: Subjects = None
) -> list[npt.NDArray[np.bool_]]:
    """Masks that keep all but one of the groups of `group_labels`."""
    label_n = group_labels(size, groups, random, subjects)
    return [label_n != group for group in range(groups)]


def group_labels(
    size: int, groups: int, random: np.random.Generator, subjects: Subjects = None
) -> npt.NDArray[np.int64]:
    """The random group `(n,)` of each case, equal in size to within one case, or one subject."""
    label_n = random.permutation(np.arange(independent(size, subjects)) % groups)
    return label_n if subjects is None else label_n[subjects]


def class_groups(
    labels_n: npt.NDArray[Any], groups: int, random: np.random.Generator, subjects: Subjects = None
) -> list[npt.NDArray[np.bool_]]:
    """As `deletion_groups`, for a statistic that needs two samples of each class: no mask leaves fewer of a class of 3
    or more, in three groups or more. Only where plain groups would are classes spread over the groups instead, or
    subjects by the class of their first image."""
    kept = deletion_groups(len(labels_n), groups, random, subjects)
    counts = {label: (labels_n == label).sum() for label in np.unique(labels_n)}
    if all((labels_n[mask] == label).sum() >= 2 for mask in kept for label, count in counts.items() if count >= 3):
        return kept
    unit_n = np.arange(len(labels_n)) if subjects is None else subjects
    label_u = labels_n[np.unique(unit_n, return_index=True)[1]]
    order_u = random.permutation(len(label_u))
    order_u = order_u[np.argsort(label_u[order_u], kind="stable")]  # class by class, each in random order
    group_u = np.empty(len(label_u), np.int64)
    group_u[order_u] = np.arange(len(label_u)) % groups
    return [group_u[unit_n] != group for group in range(groups)]


def independent(size: int, subjects: Subjects) -> int:
    """How many units of a set of `size` images are independent of each other: its subjects."""
    return size if subjects is None else int(subjects.max()) + 1


def numbered(subjects: Sequence[str | int]) -> Subjects:
    """The place of each subject `(n,)` among them by first appearance; None where no two are the same."""
    places = {subject: place for place, subject in enumerate(dict.fromkeys(subjects))}
    return None if len(places) == len(subjects) else np.array([places[one] for one in subjects], np.int64)


def subjects_of_rows(subjects: Subjects, rows: npt.NDArray[np.int64]) -> Subjects:
    """The subjects of some images of a set, numbered anew."""
    return None if subjects is None else numbered(subjects[rows].tolist())


def one_of_each(size: int, subjects: Subjects, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """The row of one image of each subject of a set of `size` images, drawn at random; the rows are ascending."""
    if subjects is None:
        return np.arange(size)
    order = random.permutation(size)
    return np.sort(order[np.unique(subjects[order], return_index=True)[1]])


def over_subjects(interval: str, *of_sets: Subjects) -> str:
    """What a score says of its interval, with whose it is where images of a set share a subject."""
    return interval if all(subjects is None for subjects in of_sets) else f"{interval}; subjects are the units"


def of_subjects(contributions: Array, subjects: Subjects, metric: str, measured: int | None = None) -> Array:
    """What each subject adds: the contributions of its images, summed.

    The factor is that of few subjects, G / (G - 1), instead of that of n images, which the contributions have. Where
    fewer images were `measured` than there are, those that add nothing count as none; a measured one can also add
    nothing. Raises `MetricError` for images of a single subject.
    """
    if subjects is None:
        return contributions
    sums_g = np.bincount(subjects, contributions, minlength=independent(0, subjects))
    in_part = measured is not None and measured < len(contributions) and contributions.any()
    whose = subjects[contributions != 0] if in_part else subjects
    images, count = len(whose), len(np.unique(whose))
    if count < 2:
        raise MetricError(f"{metric}: expected images of 2 subjects or more, got {count}; score more subjects")
    return np.asarray(sums_g * (count / (count - 1) * (images - 1) / images) ** 0.5, dtype=np.float64)


def group_jackknife(
    statistic: Callable[..., float], *sets: npt.NDArray[Any], metric: str, groups: int = GROUPS,
    seed: int, classes: Sequence[npt.NDArray[Any]] | None = None, subjects: Sequence[Subjects] = (),
    paired: bool = False,
) -> tuple[Interval, Array]:
    """Interval for E[statistic] at the sizes of its sets by the delete-a-group jackknife, and what each group adds.

    Each set has a sample a row. Each replicate leaves out one random group of every set, so that all sources of
    sampling noise are in the standard error; the bounds are value +- t(groups - 1) * standard error (Kott 2001,
    Journal of Official Statistics 17(4)). The bias that the statistic has at its sample size is left in, in
    value and bounds alike. Groups are at most as many as would leave two cases. With the `subjects` of each set, all
    images of a subject are left out together. Which samples make a group depends on
    the sizes of the sets and on `seed` alone, so two generators over the same cases leave out the same ones. It must be
    one seed for all runs: a board averages the contributions of a row's runs group by group. `classes`, a label a
    sample of each set, are for a statistic that needs some of every class: see `class_groups`. Where samples of the
    same row are `paired`, they are left out together. Raises `MetricError` where a set has a single case or subject,
    which nothing can be left out of.
    """
    random = np.random.default_rng(seed)
    of_sets = subjects or [None] * len(sets)
    count = min(groups, *(independent(len(samples), each) for samples, each in zip(sets, of_sets, strict=True)))
    if count < 2:
        raise MetricError(
            f"{metric}: expected 2 images or more, of different subjects, for an interval, got {count}; score more"
        )
    of_each = slice(0, 1) if paired else slice(None)
    if classes is None:
        sizes = [len(samples) for samples in sets]
        kept = [
            deletion_groups(size, count, random, each)
            for size, each in zip(sizes[of_each], of_sets[of_each], strict=True)
        ]
    else:
        kept = [
            class_groups(labels_n, count, random, each)
            for labels_n, each in zip(classes[of_each], of_sets[of_each], strict=True)
        ]
    kept = kept * len(sets) if paired else kept
    left = [
        statistic(*(samples[mask] for samples, mask in zip(sets, masks, strict=True)))
        for masks in zip(*kept, strict=True)
    ]
    value, contributions = statistic(*sets), of_deletions(np.array(left))
    return contributed_interval(value, contributions), contributions


def contributed_interval(value: float, contributions: Array) -> Interval:
    """Student's t interval of a value with the jackknife's contributions `(n,)` of its units, by n - 1 degrees."""
    half = t_quantile(len(contributions) - 1) * float((contributions**2).sum()) ** 0.5
    return Interval(value, value - half, value + half)


def of_mean(values: Array) -> Array:
    """What each of `values (n,)` adds to their mean; a lone one says nothing of its error."""
    count = len(values)
    if count < 2:
        return np.zeros(count)
    return np.asarray((values - values.mean()) / (count * (count - 1)) ** 0.5, dtype=np.float64)


def of_deletions(replicates: Array) -> Array:
    """What each unit adds to a statistic whose values without it are `replicates (n,)`: the jackknife's reading."""
    count = len(replicates)
    return np.asarray((replicates.mean() - replicates) * ((count - 1) / count) ** 0.5, dtype=np.float64)
