"""95 % intervals for the metrics, each with a stated estimand and a simulated coverage.

`mean_interval` covers a mean over cases; `group_jackknife` covers the expectation of a statistic of one or two
sample sets at their present sizes. What coverage was seen stands in docs/measurements.md, printed by
leaderboards/interval_coverage.py. Nothing here bootstraps a distance between two sets: resampling with replacement
repeats images, repeats shrink the resampled covariance's rank, and the whole interval moves upward.

`of_mean` and `of_deletions` give what each unit adds to a value (`ldbench.api.Measured`). Intervals are made of it, but
for a share's (Wilson's) and for an area over several trainings, whose own chance is no unit's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ldbench.errors import MetricError

Array = npt.NDArray[np.float64]
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
    from scipy import stats

    return float(stats.t.ppf(0.5 + level / 2, degrees))


def mean_interval(values: npt.ArrayLike, metric: str) -> Interval:
    """Mean of one value a case, with Student's t interval for the mean over such cases.

    Raises `MetricError` for fewer than two values or a value that is not finite.
    """
    values_n = np.asarray(values, dtype=np.float64)
    if values_n.ndim != 1 or values_n.size < 2 or not np.isfinite(values_n).all():
        raise MetricError(
            f"{metric}: expected at least 2 finite values, one a case, got shape {values_n.shape}; "
            "score more cases or check the images"
        )
    mean = float(values_n.mean())
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


def deletion_groups(size: int, groups: int, random: np.random.Generator) -> list[npt.NDArray[np.bool_]]:
    """Masks that keep all but one of `groups` random groups, equal in size to within one case."""
    label_n = random.permutation(np.arange(size) % groups)
    return [label_n != group for group in range(groups)]


def class_groups(
    labels_n: npt.NDArray[Any], groups: int, random: np.random.Generator
) -> list[npt.NDArray[np.bool_]]:
    """As `deletion_groups`, for a statistic that needs two samples of each class: no mask leaves fewer of a class of 3
    or more, in three groups or more. Only where plain groups would are classes spread over the groups instead."""
    kept = deletion_groups(len(labels_n), groups, random)
    counts = {label: (labels_n == label).sum() for label in np.unique(labels_n)}
    if all((labels_n[mask] == label).sum() >= 2 for mask in kept for label, count in counts.items() if count >= 3):
        return kept
    order_n = random.permutation(len(labels_n))
    order_n = order_n[np.argsort(labels_n[order_n], kind="stable")]  # class by class, each in random order
    group_n = np.empty(len(labels_n), np.int64)
    group_n[order_n] = np.arange(len(labels_n)) % groups
    return [group_n != group for group in range(groups)]


def group_jackknife(
    statistic: Callable[..., float], *sets: npt.NDArray[Any], groups: int = GROUPS, seed: int,
    classes: Sequence[npt.NDArray[Any]] | None = None,
) -> tuple[Interval, Array]:
    """Interval for E[statistic] at the sizes of its sets by the delete-a-group jackknife, and what each group adds.

    Each set has a sample a row. Each replicate leaves out one random group of every set, so that all sources of
    sampling noise are in the standard error; the bounds are value +- t(groups - 1) * standard error (Kott 2001,
    Journal of Official Statistics 17(4)). The bias that the statistic has at its sample size is left in, in
    value and bounds alike. Groups are at most as many as would leave two cases. Which samples make a group depends on
    the sizes of the sets and on `seed` alone, so two generators over the same cases leave out the same ones. It must be
    one seed for all runs: a board averages the contributions of a row's runs group by group. `classes`, a label a
    sample of each set, are for a statistic that needs some of every class: see `class_groups`.
    """
    random = np.random.default_rng(seed)
    count = min(groups, *map(len, sets))
    if classes is None:
        kept = [deletion_groups(len(samples), count, random) for samples in sets]
    else:
        kept = [class_groups(labels_n, count, random) for labels_n in classes]
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
