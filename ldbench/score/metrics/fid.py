"""Frechet distance between two sets of features (FID), exact for few samples.

Fits a Gaussian to each set and returns `||mu_r - mu_g||^2 + tr(C_r + C_g - 2 (C_r C_g)^(1/2))` (Heusel et al.
2017, arXiv 1706.08500, Eq. 6), covariances with divisor n - 1. It is never averaged over shards, and nothing is added
to the diagonal.

Shape suffixes: n real samples, m generated samples, d features.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import numpy.typing as npt

from ldbench.api import Measured, Metric, MetricInputs, NoSettings, ParameterValue
from ldbench.errors import MetricError
from ldbench.score.metrics.feature_spec import DistributionSpec
from ldbench.score.metrics.gaussians import FeatureSet, Gaussian, Gaussians, frechet
from ldbench.score.metrics.intervals import GROUPS
from ldbench.score.metrics.row_blocks import Features, row_blocks, rows_of
from ldbench.score.metrics.set_distance import INDEPENDENT, Dependence, dependence_of, set_distance_score
from ldbench.score.metrics.viewed import viewed
from ldbench.task.scan_network_spec import SCAN_NETWORK


def fid(real_features: npt.ArrayLike, generated_features: npt.ArrayLike) -> float:
    """Frechet distance of `(n, d)` real and `(m, d)` generated features, in float64 (`gaussians.frechet`).

    Raises `MetricError` for n or m below 2, other shapes, or values that are not finite.
    """
    real_nd, generated_md = validated_features("fid", real_features, generated_features)
    return frechet(*(FeatureSet(each).gaussian(np.arange(len(each))) for each in (real_nd, generated_md)))


def fid_score(
    real_features: npt.ArrayLike, generated_features: npt.ArrayLike, *, extractor: str,
    parameters: Mapping[str, ParameterValue] | None = None, seed: int = 0, groups: int = GROUPS, metric: str = "fid",
    dependence: Dependence = INDEPENDENT,
) -> Measured:
    """FID as a score; its interval is `group_jackknife`'s, for the expected FID at these sample sizes."""
    real_nd, generated_md = validated_features(metric, real_features, generated_features, least=3)
    return gaussians_score(
        metric, FeatureSet(real_nd), FeatureSet(generated_md), extractor=extractor, parameters=parameters or {},
        seed=seed, groups=groups, dependence=dependence,
    )


def gaussians_score(
    metric: str, real: Gaussians, generated: Gaussians, *, extractor: str, parameters: Mapping[str, ParameterValue],
    distance: Callable[[Gaussian, Gaussian], float] = frechet, seed: int = 0, groups: int = GROUPS,
    dependence: Dependence = INDEPENDENT,
) -> Measured:
    """A distance of the Gaussians of two sets as a score, with `group_jackknife`'s interval."""
    return set_distance_score(
        metric, lambda real_n, generated_m: distance(real.gaussian(real_n), generated.gaussian(generated_m)),
        np.arange(len(real)), np.arange(len(generated)), extractor=extractor, parameters=parameters, seed=seed,
        groups=groups, dependence=dependence,
    )


def validated_features(
    metric: str, real: npt.ArrayLike, generated: npt.ArrayLike, least: int = 2
) -> tuple[Features, Features]:
    """Both sets as `(n, d)` and `(m, d)` of float64, or float32 where they were, or a `MetricError` that says what is
    wrong."""
    real_nd, generated_md = (
        checked_features(metric, name, features, least)
        for name, features in (("real", real), ("generated", generated))
    )
    if real_nd.shape[1] != generated_md.shape[1]:
        raise MetricError(
            f"{metric}: expected as many features in both sets, got {real_nd.shape[1]} real and "
            f"{generated_md.shape[1]} generated; use one extractor for both"
        )
    return real_nd, generated_md


def checked_features(metric: str, name: str, values: npt.ArrayLike, least: int) -> Features:
    """One set as `validated_features` gives it; `name` says which of both it is."""
    features = _as_features(values)
    if features.ndim != 2 or len(features) < least:
        raise MetricError(
            f"{metric}: expected at least {least} {name} samples as (samples, features), got shape "
            f"{features.shape}; score more images"
        )
    blocks = (rows_of(features, rows) for rows in row_blocks(len(features)))
    broken = sum(int((~np.isfinite(block_bd)).any(axis=1).sum()) for block_bd in blocks)
    if broken:
        raise MetricError(
            f"{metric}: expected finite {name} features, got NaN or infinity in {broken} of {len(features)}; "
            "check those images"
        )
    return features


def _as_features(values: npt.ArrayLike) -> Features:
    array = np.asarray(values)
    return array if array.dtype == np.float32 else np.asarray(array, np.float64)


def _of_inputs(metric: str, inputs: MetricInputs, settings: DistributionSpec) -> Measured:
    return _of_network(metric, inputs, settings.extractor, settings.resize)


def _of_network(metric: str, inputs: MetricInputs, extractor: str, resize: int | None = None) -> Measured:
    return fid_score(
        *inputs.features(extractor, resize), extractor=extractor,
        parameters=inputs.network_parameters(extractor, resize), metric=metric, dependence=dependence_of(inputs),
    )


def _value(inputs: MetricInputs, settings: DistributionSpec) -> float:
    return fid(*inputs.features(settings.extractor, settings.resize))


def _of_scan_network(inputs: MetricInputs, settings: NoSettings) -> Measured:
    return _of_network("scan_fid", inputs, SCAN_NETWORK)


FID = Metric(
    name="fid", title="Frechet inception distance",
    summary="Distance between Gaussians fitted to real and generated features; exact for few samples.",
    direction="lower", whole_sets=True, compares="generated and real sets",
    compute=partial(_of_inputs, "fid"), value=_value, groups="excess",
    interval="expected value at these sample sizes (delete-a-group jackknife)", settings=DistributionSpec,
    bounds=(0.0, math.inf), networks=("efficientnet-lite0", "inception-v3"), axis="fidelity",
    catches=(
        "other-subject", "blur", "noise", "contrast", "gain", "jpeg", "veil", "shift", "averaged", "collapse",
        "class-share", "other-modality", "upside-down", "chimera", "mirrored", "lesion", "hole", "shuffled", "inverted",
    ),
    blind_to=("swapped-classes", "copies", "test-copies"),
)

VIEWED_FID = Metric(
    name="viewed_fid", title="Frechet inception distance, as a reader sees",
    summary="FID under the card's viewing conditions, which hide what no reader sees.", direction="lower",
    whole_sets=True, compute=viewed(partial(_of_inputs, "viewed_fid")), groups="excess",
    value=lambda inputs, settings: _value(inputs.viewed, settings),
    compares="generated and real sets under the viewing conditions",
    interval="expected value at these sample sizes (delete-a-group jackknife)", settings=DistributionSpec,
    needs=frozenset({"viewing"}), bounds=(0.0, math.inf), networks=("efficientnet-lite0", "inception-v3"),
    axis="fidelity", catches=("blur", "contrast", "averaged", "collapse", "other-modality", "upside-down", "inverted"),
    blind_to=("swapped-classes", "copies", "test-copies"),
)

SCAN_FID = Metric(
    name="scan_fid", title="Frechet distance in features of the network of the task's own scans",
    summary="FID under the card's viewing conditions, in features of a network that learnt from real training scans.",
    direction="lower", whole_sets=True, compute=viewed(_of_scan_network), groups="excess",
    value=lambda inputs, settings: fid(*inputs.viewed.features(SCAN_NETWORK)),
    compares="generated and real sets under the viewing conditions",
    interval="expected value at these sample sizes (delete-a-group jackknife)",
    needs=frozenset({"viewing", "scan_network"}), bounds=(0.0, math.inf), networks=(SCAN_NETWORK,), axis="fidelity",
    catches=(
        "blur", "contrast", "averaged", "collapse", "tails", "class-share", "other-modality", "upside-down", "chimera",
        "mirrored", "hole", "shuffled", "inverted",
    ),
    blind_to=("noise", "jpeg", "swapped-classes", "copies", "shifted-copies", "noisy-copies", "test-copies"),
)
