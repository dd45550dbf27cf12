"""Fidelity and diversity by nearest neighbours: precision, recall, density and coverage.

Balls that reach to the k-th nearest neighbour stand for where a set lies. Precision is the share of generated images
in a ball of the real ones, recall the share of real images in a ball of the generated ones (Kynkaanniemi et al. 2019,
arXiv 1904.06991). Density counts in how many balls of real images a generated one lies, over k, and coverage is the
share of real images whose ball holds a generated one (Naeem et al. 2020, arXiv 2002.09797). Where images share a
subject, the k-th nearest neighbour of another subject is taken.

Intervals are for the expectation at these sample sizes. The variance is the delete-one jackknife's over both sets, in
closed form. On average it is not too small for any symmetric statistic (Efron and Stein 1981, Ann. Stat. 9:586); a
bootstrap fails for nearest neighbours, as its repeats are neighbours at no distance (Abadie and Imbens 2008,
Econometrica 76:1537). Where a few large balls decide, a set that lacks them shows too little variance: intervals near 0
are then too narrow, but for those of coverage (docs/measurements/intervals.md).

Shape suffixes: n real images, m generated ones, d features.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from ldbench.api import Measured, Metric, MetricInputs, ParameterValue
from ldbench.records.from_table import TypedError
from ldbench.score.metrics.feature_spec import DistributionSpec
from ldbench.score.metrics.fid import validated_features
from ldbench.score.metrics.intervals import (
    Array,
    Interval,
    Subjects,
    of_deletions,
    of_mean,
    share_interval,
    t_quantile,
)
from ldbench.score.metrics.neighbours import balls_of_parts
from ldbench.score.metrics.row_blocks import Features
from ldbench.score.metrics.set_distance import dependence_of
from ldbench.score.metrics.viewed import viewed

_Parts = tuple[float, Array, Array]  # a value, what each real and what each generated image adds to it


@dataclass(frozen=True)
class NeighbourSpec(DistributionSpec):
    """Metrics of nearest neighbours: as FID; a neighbourhood reaches to the `k`-th nearest."""

    k: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.k < 1:
            raise TypedError(f"k: expected 1 or more, got {self.k}")

    def unmet(self, name: str, smaller: int) -> Iterator[str]:
        """As `DistributionSpec.unmet`, and fewer images than a neighbourhood needs."""
        yield from super().unmet(name, smaller)
        if smaller < self.k + 2:
            yield (
                f"{name}: expected k + 2 = {self.k + 2} images or more in both sets, got {smaller}; lower k on the "
                "card, or ask for more evaluation cases"
            )


def manifold_score(
    metric: str, real_features: npt.ArrayLike, generated_features: npt.ArrayLike, *, k: int, extractor: str,
    parameters: Mapping[str, ParameterValue] | None = None, subjects: Sequence[Subjects] = (None, None),
) -> Measured:
    """One of the four metrics by name, of `(n, d)` real and `(m, d)` generated features, with its 95 % interval.

    `subjects` are those of real and of generated images. The interval is one of images, which
    `ldbench.score.by_subject` makes one of subjects. Raises `MetricError` as `ldbench.score.metrics.fid.fid` does, and
    where a set has fewer than k + 2 images, or fewer than k + 1 beside those of any one subject.
    """
    real_nd, generated_md = validated_features(metric, real_features, generated_features)
    centres = subjects[_CENTRES[metric]]
    value, real_n, generated_m = _PARTS[metric](real_nd, generated_md, k, centres)
    interval = _interval(metric, value, real_n, generated_m)
    return Measured(
        metric=metric, value=value, ci_low=interval.low, ci_high=interval.high, n=len(generated_md),
        direction="higher", extractor=extractor,
        parameters={
            **(parameters or {}), "n_real": len(real_nd), "k": k, "distance": "Euclidean",
            "interval": "95 % delete-one jackknife over both sets, for the expected value at these sample sizes",
            **({} if centres is None else {"neighbours": "of other subjects"}),
        },
        contributions={"scans": real_n, "cases": generated_m}, interval="t" if metric == "density" else "share",
    )


def _interval(metric: str, value: float, real_n: Array, generated_m: Array) -> Interval:
    variance, fewer = float((real_n**2).sum() + (generated_m**2).sum()), min(len(real_n), len(generated_m))
    if metric == "density":
        half = t_quantile(fewer - 1) * variance**0.5
        return Interval(value, max(value - half, 0.0), value + half)
    counted = generated_m if metric == "precision" else real_n
    return share_interval(value, variance, len(counted), t_quantile(fewer - 1))


def _precision(real_nd: Features, generated_md: Features, k: int, subjects: Subjects) -> _Parts:
    return _share_of_points("precision", real_nd, generated_md, k, subjects)


def _recall(real_nd: Features, generated_md: Features, k: int, subjects: Subjects) -> _Parts:
    value, generated_m, real_n = _share_of_points("recall", generated_md, real_nd, k, subjects)
    return value, real_n, generated_m


def _share_of_points(
    metric: str, centres_nd: Features, points_md: Features, k: int, subjects: Subjects
) -> _Parts:
    """The share of points in any ball, with the parts of the centres and of the points."""
    counts_m, hits_n = _counts(
        metric, centres_nd, points_md, k, subjects, lambda counts_bm: (counts_bm > 0).sum(axis=1)
    )
    hit_m = (counts_m > 0).astype(np.float64)
    return float(hit_m.mean()), of_deletions(hits_n / len(points_md)), of_mean(hit_m)


def _density(real_nd: Features, generated_md: Features, k: int, subjects: Subjects) -> _Parts:
    counts_m, sums_n = _counts("density", real_nd, generated_md, k, subjects, lambda counts_bm: counts_bm.sum(axis=1))
    density_m = counts_m / k
    return float(density_m.mean()), of_deletions(sums_n / len(generated_md) / k), of_mean(density_m)


def _counts(
    metric: str, centres_nd: Features, points_md: Features, k: int, subjects: Subjects,
    statistic: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.int64]],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """In how many balls each point lies, and a sum over points without each centre in turn."""
    counts_m, sums_n = np.zeros(len(points_md), np.int64), np.zeros(len(centres_nd), np.int64)
    for part, seen in balls_of_parts(metric, centres_nd, points_md, k, subjects):
        counts_m[part] = seen.counts_m
        sums_n += seen.without_each_centre(statistic)
    return counts_m, sums_n


def _coverage(real_nd: Features, generated_md: Features, k: int, subjects: Subjects) -> _Parts:
    n = len(real_nd)
    held_n, last_n = np.zeros(n, np.int64), np.zeros(n, np.int64)  # a ball's points, and the last of them
    wider_n = np.zeros(n, np.bool_)
    for part, seen in balls_of_parts("coverage", real_nd, generated_md, k, subjects):
        held_n += seen.inside_nm.sum(axis=1)
        last_n[seen.hit_n] = part.start + seen.inside_nm[seen.hit_n].argmax(axis=1)
        wider_n |= seen.wider_nm.any(axis=1)
    hit_n = held_n > 0
    once_m = np.bincount(last_n[held_n == 1], minlength=len(generated_md))  # balls that hold this point alone
    gained_n = seen.reaching @ (~hit_n & wider_n).astype(np.int32)
    hits = int(hit_n.sum())
    without_n, without_m = (hits - hit_n + gained_n) / (n - 1), (hits - once_m) / n
    return hits / n, of_deletions(without_n), of_deletions(without_m)


_CENTRES = {"precision": 0, "recall": 1, "density": 0, "coverage": 0}  # the set whose balls count: real or generated
_PARTS: Mapping[str, Callable[[Features, Features, int, Subjects], _Parts]] = {
    "precision": _precision, "recall": _recall, "density": _density, "coverage": _coverage,
}


def _of_inputs(metric: str, inputs: MetricInputs, settings: NeighbourSpec) -> Measured:
    return manifold_score(
        metric, *inputs.features(settings.extractor, settings.resize), k=settings.k, extractor=settings.extractor,
        parameters=inputs.network_parameters(settings.extractor, settings.resize),
        subjects=dependence_of(inputs).subjects,
    )


_INTERVAL = "expected value at these sample sizes (delete-one jackknife)"
_NETWORKS = ("efficientnet-lite0", "inception-v3")


PRECISION = Metric(
    name="precision", title="Precision",
    summary="Share of generated images within the neighbourhood of a real one; falls for what does not look real.",
    direction="higher", whole_sets=True, compute=viewed(partial(_of_inputs, "precision")), groups="equal",
    compares="generated and real sets", interval=_INTERVAL, settings=NeighbourSpec, bounds=(0.0, 1.0),
    networks=_NETWORKS, scans="reference", axis="fidelity", catches=("blur", "contrast", "upside-down", "inverted"),
    blind_to=("collapse", "swapped-classes", "copies", "test-copies"),
)

RECALL = Metric(
    name="recall", title="Recall",
    summary="Share of real images within the neighbourhood of a generated one; falls where diversity is lost.",
    direction="higher", whole_sets=True, compute=viewed(partial(_of_inputs, "recall")), groups="equal",
    compares="generated and real sets", interval=_INTERVAL, settings=NeighbourSpec, bounds=(0.0, 1.0),
    networks=_NETWORKS, scans="reference", axis="diversity",
    catches=("blur", "contrast", "collapse", "upside-down", "inverted"),
    blind_to=("swapped-classes", "copies", "test-copies"),
)

DENSITY = Metric(
    name="density", title="Density",
    summary="In how many neighbourhoods of real images a generated one lies, over k; 1 for fresh real scans.",
    direction="higher", whole_sets=True, compute=viewed(partial(_of_inputs, "density")), groups="equal",
    compares="generated and real sets", interval=_INTERVAL, settings=NeighbourSpec, bounds=(0.0, math.inf),
    networks=_NETWORKS, scans="reference", axis="fidelity", catches=("blur", "contrast", "upside-down", "inverted"),
    blind_to=("swapped-classes", "copies", "test-copies"),
)

COVERAGE = Metric(
    name="coverage", title="Coverage",
    summary="Share of real images whose neighbourhood holds a generated one; falls where diversity is lost.",
    direction="higher", whole_sets=True, compute=viewed(partial(_of_inputs, "coverage")), groups="equal",
    compares="generated and real sets", interval=_INTERVAL, settings=NeighbourSpec, bounds=(0.0, 1.0),
    networks=_NETWORKS, scans="reference", axis="diversity",
    catches=("blur", "contrast", "collapse", "upside-down", "inverted"),
    blind_to=("swapped-classes", "copies", "test-copies"),
)
