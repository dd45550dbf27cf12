"""Kernel distance between two sets of features (KID): squared MMD with a cubic polynomial kernel, unbiased.

Binkowski et al. 2018, arXiv 1801.01401, Sec. 4: `k(x, y) = (x.y / d + 1)^3`. All pairs are used by default, so the
value has no randomness; the literature's average over random subsets is there as an option. The cost of all pairs
grows with the square of the number of images. Of sets above `_MANY` images subsets do without them, their interval
included. Pairs of one subject are left out (`all_pairs`). It never draws from a global random state.

Shape suffixes: n real samples, m generated samples, d features.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from ldbench.api import Measured, Metric, MetricInputs, ParameterValue
from ldbench.errors import MetricError
from ldbench.score.metrics.all_pairs import AllPairs, Kernel, estimator, jackknife, validated_sets
from ldbench.score.metrics.feature_spec import DistributionSpec
from ldbench.score.metrics.intervals import Array, Interval, subjects_of_rows, t_quantile
from ldbench.score.metrics.row_blocks import Features, rows_of
from ldbench.score.metrics.set_distance import INDEPENDENT, Dependence, dependence_of
from ldbench.score.metrics.viewed import viewed

SUBSETS = 100
_OF_SUBSETS = "95 % spread of the subsets, scaled to the smaller set, Student's t"
_MANY = 50_000  # images of a set; all pairs of more take a core more than ten minutes


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
    subsets: int = SUBSETS, seed: int = 0, dependence: Dependence = INDEPENDENT,
) -> float:
    """Unbiased kernel distance of `(n, d)` real and `(m, d)` generated features, in float64; may be below zero.

    `subset_size` None uses all pairs. A number draws that many of each set without replacement, `subsets` times,
    and averages; it must not exceed n or m. A pair of one subject is left out within each set, and of paired sets
    across them too. Raises `MetricError` as `fid` does, and for sets of a single subject.
    """
    sets = validated_sets("kid", real_features, generated_features, dependence.subjects)
    if subset_size is None:
        return AllPairs(*sets, _CUBIC, dependence).value
    return float(_subset_values(*sets, subset_size, subsets, seed, dependence).mean())


def kid_score(
    real_features: npt.ArrayLike, generated_features: npt.ArrayLike, *, extractor: str,
    parameters: Mapping[str, ParameterValue] | None = None, subset_size: int | None = None, subsets: int = SUBSETS,
    seed: int = 0, metric: str = "kid", dependence: Dependence = INDEPENDENT,
) -> Measured:
    """KID as a score, with a 95 % interval for the population's kernel distance.

    The variance is the delete-one jackknife's over both sets (Arvesen 1969, Ann. Math. Stat. 40:2076), or over their
    pairs where rows of both are paired. In subset mode the variance that drawing finitely many subsets adds is added.
    In subset mode of sets above `_MANY` images it is the variance over the subsets, scaled to the smaller set, and
    there are no contributions.

    The value leaves out pairs of one subject; the interval is still one of images, which
    `ldbench.score.by_subject` makes one of subjects.
    """
    real_nd, generated_md = validated_sets(metric, real_features, generated_features, dependence.subjects, least=3)
    smaller, contributions = min(len(real_nd), len(generated_md)), dict[str, Array]()
    values = None
    if subset_size is not None:
        values = _subset_values(real_nd, generated_md, subset_size, subsets, seed, dependence)
    if values is not None and max(len(real_nd), len(generated_md)) > _MANY:
        interval, how = _interval_of_subsets(values, (subset_size or smaller) / smaller), _OF_SUBSETS
    else:
        pairs = AllPairs(real_nd, generated_md, _CUBIC, dependence)
        interval, how = _interval(pairs, values, smaller), jackknife(dependence.paired)
        widened = 1.0 if values is None else _widened(interval, pairs, smaller)
        contributions = {kind: widened * parts for kind, parts in pairs.samples.items()}
    return Measured(
        metric=metric, value=interval.value, ci_low=interval.low, ci_high=interval.high, n=len(generated_md),
        direction="lower", extractor=extractor,
        parameters={
            **(parameters or {}), "n_real": len(real_nd), "kernel": "(x.y / d + 1)^3",
            "estimator": estimator(dependence), "subset_size": subset_size,
            "subsets": None if subset_size is None else subsets, "subset_seed": None if subset_size is None else seed,
            "interval": how,
        },
        contributions=contributions,
    )


def _widened(interval: Interval, pairs: AllPairs, smaller: int) -> float:
    """How much more than all pairs' a standard error of subsets is: to first order, every sample's part grows so."""
    deviation = (interval.high - interval.low) / 2 / t_quantile(smaller - 1)
    return float(deviation / pairs.variance**0.5) if pairs.variance > 0 else 1.0


def _interval(complete: AllPairs, values: Array | None, smaller: int) -> Interval:
    """Of all pairs, or of the mean over subsets with these `values`."""
    value, variance = complete.value, complete.variance
    if values is not None:
        value = float(values.mean())
        variance += float(values.var(ddof=1)) / len(values) if len(values) > 1 else 0.0
    half = t_quantile(smaller - 1) * variance**0.5
    return Interval(value, value - half, value + half)


def _interval_of_subsets(values: Array, share: float) -> Interval:
    """To first order the variance of a value falls as the number of samples grows; its further terms fall faster, so
    that near equal distributions, where they are all there is, the interval is too wide. A subset is a `share` of the
    smaller set."""
    count = len(values)
    if count < 2:
        raise MetricError(f"kid: expected 2 subsets or more, for an interval, got {count}; raise it")
    half = t_quantile(count - 1) * float(values.var(ddof=1) * (share + 1 / count)) ** 0.5
    value = float(values.mean())
    return Interval(value, value - half, value + half)


def _subset_values(
    real_nd: Features, generated_md: Features, size: int, subsets: int, seed: int, dependence: Dependence,
) -> Array:
    """The value of each random subset; of paired sets a subset of pairs."""
    if not 2 <= size <= min(len(real_nd), len(generated_md)) or subsets < 1:
        raise MetricError(
            f"kid: expected 2 <= subset_size <= {min(len(real_nd), len(generated_md))} (the smaller set) and "
            f"subsets >= 1, got subset_size {size} and subsets {subsets}; change these settings, or score more images"
        )
    most = max(1 if whose is None else int(np.bincount(whose).max()) for whose in dependence.subjects)
    if size <= most:  # or a subset may have no pair of two subjects
        raise MetricError(
            f"kid: expected a subset_size above {most}, the images of one subject, got {size}; raise it"
        )
    random = np.random.default_rng(seed)

    def drawn() -> float:
        real_n = random.choice(len(real_nd), size, replace=False)
        generated_m = real_n if dependence.paired else random.choice(len(generated_md), size, replace=False)
        of_real, of_generated = dependence.subjects
        whose = subjects_of_rows(of_real, real_n), subjects_of_rows(of_generated, generated_m)
        drawn_sets = rows_of(real_nd, real_n), rows_of(generated_md, generated_m)
        return AllPairs(*drawn_sets, _CUBIC, replace(dependence, subjects=whose)).value

    return np.array([drawn() for _ in range(subsets)])


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
        dependence=dependence_of(inputs),
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
    blind_to=("swapped-classes", "copies", "test-copies"),
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
