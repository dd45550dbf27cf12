"""Kernel distance between two sets of features (KID): squared MMD with a cubic polynomial kernel, unbiased.

Binkowski et al. 2018, arXiv 1801.01401, Sec. 4: `k(x, y) = (x.y / d + 1)^3`. All pairs are used by default, so the
value has no randomness; the literature's average over random subsets is there as an option. The cost of all pairs
grows with the square of the number of images. Of sets above `_MANY` images subsets do without them, their interval
included. It never draws from a global random state.

Shape suffixes: n real samples, m generated samples, d features, b rows of one block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from ldbench.api import Measured, Metric, MetricInputs, ParameterValue
from ldbench.errors import MetricError
from ldbench.score.metrics.feature_spec import DistributionSpec
from ldbench.score.metrics.fid import validated_features
from ldbench.score.metrics.intervals import Array, Interval, of_deletions, t_quantile
from ldbench.score.metrics.row_blocks import Features, row_blocks, rows_of
from ldbench.score.metrics.viewed import viewed

SUBSETS = 100
_OF_PAIRS = "95 % delete-one jackknife over both sets, Student's t"
_OF_SUBSETS = "95 % spread of the subsets, scaled to the smaller set, Student's t"
_MANY = 50_000  # images of a set; all pairs of more take a core more than ten minutes
_BLOCK, _COLUMNS = 1024, 2048  # rows and columns of a block: 16 MB


@dataclass(frozen=True)
class KernelSpec(DistributionSpec):
    """KID: as FID; `subset_size` 0 means the unbiased estimate over all pairs."""

    subset_size: int = 0
    subsets: int = 100

    def unmet(self, name: str, smaller: int) -> Iterator[str]:
        """As `DistributionSpec.unmet`, and subsets larger than the smaller set."""
        yield from super().unmet(name, smaller)
        if self.subset_size and not (2 <= self.subset_size <= smaller and self.subsets >= 1):
            yield (
                f"{name}: expected 2 <= subset_size <= {smaller} (the smaller set) and subsets >= 1, got subset_size "
                f"{self.subset_size} and subsets {self.subsets}; change the card's {name} parameters"
            )


def kid(
    real_features: npt.ArrayLike, generated_features: npt.ArrayLike, *, subset_size: int | None = None,
    subsets: int = SUBSETS, seed: int = 0,
) -> float:
    """Unbiased kernel distance of `(n, d)` real and `(m, d)` generated features, in float64; may be below zero.

    `subset_size` None uses all pairs. A number draws that many of each set without replacement, `subsets` times,
    and averages; it must not exceed n or m. Raises `MetricError` as `fid` does.
    """
    real_nd, generated_md = validated_features("kid", real_features, generated_features)
    if subset_size is None:
        return AllPairs(real_nd, generated_md).value
    return float(_subset_values(real_nd, generated_md, subset_size, subsets, seed).mean())


def kid_score(
    real_features: npt.ArrayLike, generated_features: npt.ArrayLike, *, extractor: str,
    parameters: Mapping[str, ParameterValue] | None = None, subset_size: int | None = None, subsets: int = SUBSETS,
    seed: int = 0, metric: str = "kid",
) -> Measured:
    """KID as a score, with a 95 % interval for the population's kernel distance.

    The variance is the delete-one jackknife's over both sets (Arvesen 1969, Ann. Math. Stat. 40:2076). In subset
    mode the variance that drawing finitely many subsets adds is added. In subset mode of sets above `_MANY` images it
    is the variance over the subsets, scaled to the smaller set, and there are no contributions.
    """
    real_nd, generated_md = validated_features(metric, real_features, generated_features, least=3)
    contributions: dict[str, Array] = {}
    if subset_size is not None and max(len(real_nd), len(generated_md)) > _MANY:
        interval, how = _interval_of_subsets(real_nd, generated_md, subset_size, subsets, seed), _OF_SUBSETS
    else:
        pairs = AllPairs(real_nd, generated_md)
        interval, how = _interval(pairs, real_nd, generated_md, subset_size, subsets, seed), _OF_PAIRS
        widened = 1.0 if subset_size is None else _widened(interval, pairs, min(len(real_nd), len(generated_md)))
        contributions = {"scans": widened * pairs.real_n, "cases": widened * pairs.generated_m}
    return Measured(
        metric=metric, value=interval.value, ci_low=interval.low, ci_high=interval.high, n=len(generated_md),
        direction="lower", extractor=extractor,
        parameters={
            **(parameters or {}), "n_real": len(real_nd), "kernel": "(x.y / d + 1)^3", "estimator": "unbiased",
            "subset_size": subset_size, "subsets": None if subset_size is None else subsets,
            "subset_seed": None if subset_size is None else seed,
            "interval": how,
        },
        contributions=contributions,
    )


def _widened(interval: Interval, pairs: AllPairs, smaller: int) -> float:
    """How much more than all pairs' a standard error of subsets is: to first order, every sample's part grows so."""
    deviation = (interval.high - interval.low) / 2 / t_quantile(smaller - 1)
    return float(deviation / pairs.variance**0.5) if pairs.variance > 0 else 1.0


def _interval(
    complete: AllPairs, real_nd: Features, generated_md: Features, subset_size: int | None, subsets: int, seed: int
) -> Interval:
    value, variance = complete.value, complete.variance
    if subset_size is not None:
        values = _subset_values(real_nd, generated_md, subset_size, subsets, seed)
        value = float(values.mean())
        variance += float(values.var(ddof=1)) / len(values) if len(values) > 1 else 0.0
    half = t_quantile(min(len(real_nd), len(generated_md)) - 1) * variance**0.5
    return Interval(value, value - half, value + half)


def _interval_of_subsets(
    real_nd: Features, generated_md: Features, size: int, subsets: int, seed: int
) -> Interval:
    """To first order the variance of a value falls as the number of samples grows; its further terms fall faster, so
    that near equal distributions, where they are all there is, the interval is too wide."""
    if subsets < 2:
        raise MetricError(f"kid: expected 2 subsets or more, for an interval, got {subsets}; raise it")
    values = _subset_values(real_nd, generated_md, size, subsets, seed)
    share = size / min(len(real_nd), len(generated_md)) + 1 / subsets
    half = t_quantile(subsets - 1) * float(values.var(ddof=1) * share) ** 0.5
    value = float(values.mean())
    return Interval(value, value - half, value + half)


@dataclass(frozen=True)
class Kernel:
    """A kernel of two samples: of all pairs of `(b, d)` and `(m, d)` as `(b, m)`, and of each sample with itself.

    `prepared` is what is done to rows first.
    """

    pairs: Callable[[Array, Array], Array]
    itself: Callable[[Array], Array]
    prepared: Callable[[Array], Array]


class AllPairs:
    """The complete U-statistic, what each sample adds to it, and its jackknife variance, from row sums."""

    def __init__(self, real_nd: Features, generated_md: Features, kernel: Kernel | None = None) -> None:
        n, m, kernel = len(real_nd), len(generated_md), kernel or _CUBIC
        within_real_n = _row_sums(kernel, real_nd, real_nd) - _with_itself(kernel, real_nd)
        within_generated_m = _row_sums(kernel, generated_md, generated_md) - _with_itself(kernel, generated_md)
        across_n, across_m = _row_sums(kernel, real_nd, generated_md), _row_sums(kernel, generated_md, real_nd)
        real_term = within_real_n.sum() / (n * (n - 1))
        generated_term = within_generated_m.sum() / (m * (m - 1))
        cross_term = across_n.sum() / (n * m)
        self.value = float(real_term + generated_term - 2 * cross_term)
        self.real_n = _deletions(within_real_n, across_n, m)
        self.generated_m = _deletions(within_generated_m, across_m, n)
        self.variance = float((self.real_n**2).sum() + (self.generated_m**2).sum())


def _deletions(within_n: Array, across_n: Array, others: int) -> Array:
    """What each sample of one set adds, from leaving it out in turn; closed form, no recomputation."""
    n = len(within_n)
    if n < 3:  # one sample left has no pair
        return np.zeros(n)
    within_left_n = (within_n.sum() - 2 * within_n) / ((n - 1) * (n - 2))
    across_left_n = (across_n.sum() - across_n) / ((n - 1) * others)
    return of_deletions(within_left_n - 2 * across_left_n)


def _subset_values(real_nd: Features, generated_md: Features, size: int, subsets: int, seed: int) -> Array:
    if not 2 <= size <= min(len(real_nd), len(generated_md)) or subsets < 1:
        raise MetricError(
            f"kid: expected 2 <= subset_size <= {min(len(real_nd), len(generated_md))} (the smaller set) and "
            f"subsets >= 1, got subset_size {size} and subsets {subsets}; change these settings, or score more images"
        )
    random = np.random.default_rng(seed)
    return np.array([
        AllPairs(
            rows_of(real_nd, random.choice(len(real_nd), size, replace=False)),
            rows_of(generated_md, random.choice(len(generated_md), size, replace=False)),
        ).value
        for _ in range(subsets)
    ])


def _row_sums(kernel: Kernel, left_nd: Features, right_md: Features) -> Array:
    """Sum over the right set of k(left, right), in blocks of both so that memory does not grow."""
    sums_n = np.zeros(len(left_nd))
    for columns in row_blocks(len(right_md), _COLUMNS):
        right_bd = kernel.prepared(rows_of(right_md, columns))
        for rows in row_blocks(len(left_nd), _BLOCK):
            sums_n[rows] += kernel.pairs(kernel.prepared(rows_of(left_nd, rows)), right_bd).sum(axis=1)
    return sums_n


def _with_itself(kernel: Kernel, features_nd: Features) -> Array:
    blocks = (rows_of(features_nd, rows) for rows in row_blocks(len(features_nd)))
    return np.concatenate([kernel.itself(kernel.prepared(block_bd)) for block_bd in blocks])


def _cubic(left_nd: Array, right_md: Array) -> Array:
    return np.asarray((left_nd @ right_md.T / left_nd.shape[1] + 1) ** 3, dtype=np.float64)


def _cubic_with_itself(features_nd: Array) -> Array:
    return np.asarray(((features_nd**2).sum(axis=1) / features_nd.shape[1] + 1) ** 3, dtype=np.float64)


_CUBIC = Kernel(_cubic, _cubic_with_itself, lambda features_nd: features_nd)


def _of_inputs(metric: str, inputs: MetricInputs, settings: KernelSpec) -> Measured:
    return kid_score(
        *inputs.features(settings.extractor, settings.resize), extractor=settings.extractor,
        parameters=inputs.network_parameters(settings.extractor, settings.resize),
        subset_size=settings.subset_size or None, subsets=settings.subsets, seed=inputs.seed, metric=metric,
    )


KID = Metric(
    name="kid", title="Kernel inception distance",
    summary="Unbiased squared MMD of the features with a cubic kernel; all pairs, or seeded subsets.",
    direction="lower", whole_sets=True, compares="generated and real sets",
    compute=partial(_of_inputs, "kid"), groups="all",
    interval="population value (delete-one jackknife)", settings=KernelSpec, scans="reference",
    networks=("efficientnet-lite0", "inception-v3"), axis="fidelity",
    catches=(
        "too-much", "blur", "noise", "contrast", "gain", "jpeg", "averaged", "collapse", "class-share",
        "other-modality", "upside-down", "chimera", "mirrored", "lesion", "hole", "shuffled", "inverted",
    ),
    blind_to=("swapped-classes", "copies", "shifted-copies", "test-copies"),
)

VIEWED_KID = Metric(
    name="viewed_kid", title="Kernel inception distance, as a reader sees",
    summary="KID under the card's viewing conditions, which hide what no reader sees.", direction="lower",
    whole_sets=True, compute=viewed(partial(_of_inputs, "viewed_kid")), groups="all",
    compares="generated and real sets under the viewing conditions",
    interval="population value (delete-one jackknife)", settings=KernelSpec, scans="reference",
    needs=frozenset({"viewing"}), networks=("efficientnet-lite0", "inception-v3"), axis="fidelity",
    blind_to=("swapped-classes",),
)
