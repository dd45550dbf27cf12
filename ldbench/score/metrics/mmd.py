"""Maximum mean discrepancy with a Gaussian kernel: squared, unbiased, over all pairs.

Gretton et al. 2012 (JMLR 13:723), Eq. 3, of features of unit length, times 1000 as CMMD has it (Jayasumana et al. 2024,
arXiv 2401.09603): with CLIP's features and a bandwidth of 10 it is CMMD, but for the pairs of an image with itself that
its code counts. Unlike `kid`'s, the kernel is bounded and tells all distributions apart. Pairs of one subject are left
out (`all_pairs`).

Shape suffixes: n real samples, m generated samples, d features, b rows of one block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ldbench.api import Measured, Metric, MetricInputs, ParameterValue
from ldbench.errors import MetricError
from ldbench.records.from_table import TypedError
from ldbench.score.metrics.all_pairs import AllPairs, Kernel, estimator, jackknife, validated_sets
from ldbench.score.metrics.feature_spec import DistributionSpec
from ldbench.score.metrics.intervals import Array, t_quantile
from ldbench.score.metrics.set_distance import INDEPENDENT, Dependence, dependence_of
from ldbench.score.metrics.viewed import viewed

SCALE = 1000


@dataclass(frozen=True)
class GaussianSpec(DistributionSpec):
    """MMD with a Gaussian kernel: as FID; `bandwidth` is the kernel's, for features of unit length."""

    bandwidth: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.bandwidth < float("inf"):
            raise TypedError(f"bandwidth: expected a number above 0, got {self.bandwidth}")


def gaussian(bandwidth: float) -> Kernel:
    """`exp(-||x - y||^2 / (2 bandwidth^2))` of vectors that are first brought to unit length."""

    def pairs(left_bd: Array, right_md: Array) -> Array:
        lengths_bm = (left_bd**2).sum(axis=1)[:, None] + (right_md**2).sum(axis=1)
        squared_bm = np.maximum(lengths_bm - 2 * left_bd @ right_md.T, 0)
        return np.asarray(np.exp(squared_bm / (-2 * bandwidth**2)), dtype=np.float64)

    return Kernel(pairs, lambda features_nd: np.ones(len(features_nd)), _unit)


def mmd_score(
    real_features: npt.ArrayLike, generated_features: npt.ArrayLike, *, bandwidth: float, extractor: str,
    parameters: Mapping[str, ParameterValue] | None = None, dependence: Dependence = INDEPENDENT,
) -> Measured:
    """MMD of `(n, d)` real and `(m, d)` generated features, with a 95 % interval for the population's value.

    It may be below zero. The variance is the delete-one jackknife's over both sets. `dependence` is as for `kid_score`.
    Raises `MetricError` as `fid` does, for fewer than three subjects, and for features of length 0.
    """
    real_nd, generated_md = validated_sets("mmd", real_features, generated_features, dependence.subjects, least=3)
    found = AllPairs(real_nd, generated_md, gaussian(bandwidth), dependence)
    half = SCALE * t_quantile(min(len(real_nd), len(generated_md)) - 1) * found.variance**0.5
    value = SCALE * found.value
    return Measured(
        metric="mmd", value=value, ci_low=value - half, ci_high=value + half, n=len(generated_md), direction="lower",
        extractor=extractor, contributions={kind: SCALE * parts for kind, parts in found.samples.items()},
        parameters={
            **(parameters or {}), "n_real": len(real_nd), "kernel": "Gaussian, features of unit length",
            "bandwidth": bandwidth, "scale": SCALE, "estimator": estimator(dependence),
            "interval": jackknife(dependence.paired),
        },
    )


def _unit(features_nd: Array) -> Array:
    lengths_n = np.linalg.norm(features_nd, axis=1, keepdims=True)
    if not lengths_n.all():
        raise MetricError(
            f"mmd: expected features with a direction, got {int((lengths_n == 0).sum())} vectors of zeros; check those "
            "images or take another network"
        )
    return np.asarray(features_nd / lengths_n, dtype=np.float64)


def _of_inputs(inputs: MetricInputs, settings: GaussianSpec) -> Measured:
    return mmd_score(
        *inputs.features(settings.extractor, settings.resize), bandwidth=settings.bandwidth,
        extractor=settings.extractor, parameters=inputs.network_parameters(settings.extractor, settings.resize),
        dependence=dependence_of(inputs),
    )


MMD = Metric(
    name="mmd", title="Maximum mean discrepancy with a Gaussian kernel",
    summary="Unbiased squared MMD of unit features with a Gaussian kernel; CMMD with CLIP and bandwidth 10.",
    direction="lower", whole_sets=True, compute=viewed(_of_inputs), groups="all", compares="generated and real sets",
    interval="population value (delete-one jackknife)", settings=GaussianSpec, scans="reference",
    networks=("efficientnet-lite0", "inception-v3"), axis="fidelity", blind_to=("swapped-classes",),
)
