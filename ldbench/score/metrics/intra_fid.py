"""Intra-class FID: the Frechet distance within each class, averaged over classes (Miyato and Koyama 2018, arXiv
1802.05637, Sec. 5). It sees swapped and mixed classes, which FID over all images does not.

Shape suffixes: n real samples, m generated samples, d features.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ldbench.api import Measured, Metric, MetricInputs, ParameterValue
from ldbench.errors import MetricError
from ldbench.score.metrics.feature_spec import FEWEST, DistributionSpec
from ldbench.score.metrics.fid import fid, validated_features
from ldbench.score.metrics.gaussians import FeatureSet, frechet
from ldbench.score.metrics.set_distance import INDEPENDENT, Dependence, dependence_of, set_distance_score
from ldbench.score.metrics.viewed import viewed

_Indices = npt.NDArray[np.int64]


def intra_fid_score(
    real_features: npt.ArrayLike, generated_features: npt.ArrayLike, real_labels: Sequence[str],
    generated_labels: Sequence[str], *, classes: Sequence[str], extractor: str,
    parameters: Mapping[str, ParameterValue] | None = None, dependence: Dependence = INDEPENDENT,
) -> Measured:
    """The mean over `classes` of `fid`, of `(n, d)` real and `(m, d)` generated features and their labels.

    The interval is `group_jackknife`'s, for the expected value at these sample sizes. Raises `MetricError` as `fid`
    does, and for a class with fewer than 3 images in a set, of which no group of the jackknife leaves fewer than 2.
    """
    real_nd, generated_md = validated_features("intra_fid", real_features, generated_features)
    real_n, generated_m = np.array(real_labels), np.array(generated_labels)
    for label in classes:
        fewest = min(int((labels == label).sum()) for labels in (real_n, generated_m))
        if fewest < FEWEST:
            raise MetricError(
                f"intra_fid: expected {FEWEST} or more images of class {label} in both sets, got {fewest}; score "
                "more of them, or drop the metric"
            )
    sets = {
        label: [
            FeatureSet(features, np.flatnonzero(labels == label))
            for features, labels in ((real_nd, real_n), (generated_md, generated_m))
        ]
        for label in classes
    }

    def mean_distance(real: _Indices, generated: _Indices) -> float:
        return float(np.mean([
            frechet(
                real_set.gaussian(real[real_n[real] == label]),
                generated_set.gaussian(generated[generated_m[generated] == label]),
            )
            for label, (real_set, generated_set) in sets.items()
        ]))

    return set_distance_score(
        "intra_fid", mean_distance, np.arange(len(real_nd)), np.arange(len(generated_md)), extractor=extractor,
        parameters={**(parameters or {}), "classes": ", ".join(classes)}, seed=0,
        classes=(real_n, generated_m), dependence=dependence,
    )


def _value(inputs: MetricInputs, settings: DistributionSpec) -> float:
    real_nd, generated_md = inputs.features(settings.extractor, settings.resize)
    real_n, generated_m = np.array(inputs.real_labels), np.array(inputs.labels)
    return float(np.mean([fid(real_nd[real_n == one], generated_md[generated_m == one]) for one in inputs.classes]))


def _of_inputs(inputs: MetricInputs, settings: DistributionSpec) -> Measured:
    return intra_fid_score(
        *inputs.features(settings.extractor, settings.resize), inputs.real_labels, inputs.labels,
        classes=inputs.classes, extractor=settings.extractor,
        parameters=inputs.network_parameters(settings.extractor, settings.resize), dependence=dependence_of(inputs),
    )


INTRA_FID = Metric(
    name="intra_fid", title="Frechet inception distance within classes",
    summary="FID of each class alone, averaged over classes.", direction="lower", compute=viewed(_of_inputs),
    groups="excess", value=lambda inputs, settings: _value(inputs.viewed, settings),
    compares="generated and real sets of each class",
    interval="expected value at these sample sizes (delete-a-group jackknife)", settings=DistributionSpec,
    bounds=(0.0, math.inf), networks=("efficientnet-lite0", "inception-v3"), axis="condition",
    every_class=True, catches=("swapped-classes",), blind_to=("copies",),
)
