"""Vendi score: how many different images a set holds, as an effective number.

The exponential of the entropy of the eigenvalues of K / n, K being the cosine similarities of the features of n
generated images (Friedman and Dieng 2022, arXiv 2210.02410). It is 1 for copies of one image and n for images whose
features are at right angles. Real images are not asked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ldbench.api import Measured, Metric, ParameterValue
from ldbench.errors import MetricError
from ldbench.score.metrics.fid import GROUPS
from ldbench.score.metrics.intervals import Array, group_jackknife
from ldbench.score.metrics.viewed import viewed
from ldbench.task.metric_specs import DistributionSpec

_NOTHING = 1e-12  # an eigenvalue below this is round-off; all of them sum to 1


def vendi(features: npt.ArrayLike) -> float:
    """The score of `(n, d)` features, between 1 and n. Raises `MetricError` for less than one vector or one of 0s."""
    features_nd = np.asarray(features, np.float64)
    if features_nd.ndim != 2 or not len(features_nd) or not np.isfinite(features_nd).all():
        raise MetricError(f"vendi: expected finite features (n, d), got shape {features_nd.shape}; check the images")
    lengths_n = np.linalg.norm(features_nd, axis=1)
    if not lengths_n.all():
        raise MetricError(
            f"vendi: expected features with a direction, got {int((lengths_n == 0).sum())} vectors of zeros; check "
            "those images or take another network"
        )
    return _effective_number(features_nd / lengths_n[:, None])


def _effective_number(unit_nd: Array) -> float:
    # the covariance and the similarities share their eigenvalues: the smaller matrix is taken
    matrix = unit_nd @ unit_nd.T if len(unit_nd) <= unit_nd.shape[1] else unit_nd.T @ unit_nd
    values = np.linalg.eigvalsh(matrix / len(unit_nd))
    kept = values[values > _NOTHING]
    return float(np.exp(-(kept * np.log(kept)).sum()))


def vendi_score(
    features: npt.ArrayLike, *, extractor: str, parameters: Mapping[str, ParameterValue] | None = None, seed: int = 0,
) -> Measured:
    """The score with `group_jackknife`'s interval over the generated images, for the expectation at their number."""
    interval, contributions = group_jackknife(
        vendi, np.asarray(features, np.float64), groups=GROUPS, seed=seed,
    )
    count = len(np.asarray(features))
    return Measured(
        metric="vendi", value=interval.value, ci_low=max(interval.low, 1.0), ci_high=min(interval.high, count), n=count,
        direction="higher", extractor=extractor, contributions={"groups": contributions},
        parameters={
            **(parameters or {}), "kernel": "cosine", "order": 1,
            "interval": "95 % delete-a-group jackknife over generated images, for the expected value at their number",
            "interval_groups": len(contributions), "interval_seed": seed,
        },
    )


VENDI = Metric(
    name="vendi", title="Vendi score",
    summary="Effective number of different images among the generated ones, by features; 1 for copies of one.",
    direction="higher", compares="generated images with each other",
    compute=viewed(lambda inputs, settings: vendi_score(
        inputs.features(settings.extractor, settings.resize)[1], extractor=settings.extractor,
        parameters=inputs.network_parameters(settings.extractor, settings.resize),
    )),
    interval="expected value at this number of images (delete-a-group jackknife)", settings=DistributionSpec,
    bounds=(1.0, math.inf), networks=("efficientnet-lite0", "inception-v3"), axis="diversity", catches=("collapse",),
    blind_to=("swapped-classes", "copies", "test-copies"),
)
