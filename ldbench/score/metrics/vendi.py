"""Vendi score: how many different images a set holds, as an effective number.

The exponential of the entropy of the eigenvalues of K / n, K being the cosine similarities of the features of n
generated images (Friedman and Dieng 2022, arXiv 2210.02410). It is 1 for copies of one image and n for images whose
features are at right angles. Real images are not asked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ldbench.api import Measured, Metric, ParameterValue
from ldbench.errors import MetricError
from ldbench.score.metrics.feature_spec import DistributionSpec
from ldbench.score.metrics.intervals import Array, Subjects, group_jackknife, over_subjects
from ldbench.score.metrics.row_blocks import Features, is_large, row_blocks, rows_of
from ldbench.score.metrics.viewed import viewed

_FEWEST = 3  # images: without a third one every replicate of the interval is one image, whose score is always 1
_NOTHING = 1e-12  # an eigenvalue below this is round-off; all of them sum to 1


def vendi(features: npt.ArrayLike) -> float:
    """The score of `(n, d)` features, between 1 and n. Raises `MetricError` for less than one vector or one of 0s."""
    features_nd = _validated(features)
    return _Directions(features_nd).effective_number(np.arange(len(features_nd)))


def _validated(features: npt.ArrayLike) -> Features:
    features_nd: Features = np.asarray(features)
    finite = features_nd.ndim == 2 and all(
        bool(np.isfinite(rows_of(features_nd, rows)).all()) for rows in row_blocks(len(features_nd))
    )
    if not finite or not len(features_nd):
        raise MetricError(f"vendi: expected finite features (n, d), got shape {features_nd.shape}; check the images")
    zeros = sum(int((~rows_of(features_nd, rows).any(axis=1)).sum()) for rows in row_blocks(len(features_nd)))
    if zeros:
        raise MetricError(
            f"vendi: expected features with a direction, got {zeros} vectors of zeros; check those images or take "
            "another network"
        )
    return features_nd


class _Directions:
    """Features `(n, d)` as vectors of unit length, some of which may be left out."""

    def __init__(self, features_nd: Features) -> None:
        self._features_nd = features_nd
        self._streamed = is_large(*features_nd.shape) and len(features_nd) > features_nd.shape[1]

    def effective_number(self, rows_n: npt.NDArray[np.int64]) -> float:
        """The score of some rows. The covariance and the similarities share their eigenvalues: the smaller matrix is
        taken, of a large set by taking the rows left out away from the sum."""
        if self._streamed:
            matrix = self._total_dd - self._products(np.delete(self._all_n, rows_n))
        else:
            unit_nd = self._unit(rows_n)
            matrix = unit_nd @ unit_nd.T if len(unit_nd) <= unit_nd.shape[1] else unit_nd.T @ unit_nd
        number = _effective_number(matrix / len(rows_n))
        return min(max(number, 1.0), float(len(rows_n)))  # of equal images it is 1 but for round-off

    @property
    def _all_n(self) -> npt.NDArray[np.int64]:
        return np.arange(len(self._features_nd))

    @cached_property
    def _total_dd(self) -> Array:
        return self._products(self._all_n)

    def _products(self, rows_n: npt.NDArray[np.int64]) -> Array:
        width = self._features_nd.shape[1]
        products_dd = np.zeros((width, width))
        for part in row_blocks(len(rows_n)):
            unit_bd = self._unit(rows_n[part])
            products_dd += unit_bd.T @ unit_bd
        return products_dd

    def _unit(self, rows_n: npt.NDArray[np.int64]) -> Array:
        part_nd = rows_of(self._features_nd, rows_n)
        return np.asarray(part_nd / np.linalg.norm(part_nd, axis=1)[:, None], np.float64)


def _effective_number(matrix: Array) -> float:
    values = np.linalg.eigvalsh(matrix)
    kept = values[values > _NOTHING]
    return float(np.exp(-(kept * np.log(kept)).sum()))


def vendi_score(
    features: npt.ArrayLike, *, extractor: str, parameters: Mapping[str, ParameterValue] | None = None,
    subjects: Subjects = None,
) -> Measured:
    """The score with `group_jackknife`'s interval over the generated images, for the expectation at their number.

    Raises `MetricError` as `vendi` does, and for fewer than 3 images.
    """
    features_nd = _validated(features)
    count = len(features_nd)
    if count < _FEWEST:
        raise MetricError(f"vendi: expected {_FEWEST} images or more, for an interval, got {count}; score more images")
    interval, contributions = group_jackknife(
        _Directions(features_nd).effective_number, np.arange(count), metric="vendi", seed=0, subjects=[subjects]
    )
    how = "95 % delete-a-group jackknife over generated images, for the expected value at their number"
    return Measured(
        metric="vendi", value=interval.value, ci_low=max(interval.low, 1.0), ci_high=min(interval.high, count), n=count,
        direction="higher", extractor=extractor, contributions={"groups": contributions},
        parameters={
            **(parameters or {}), "kernel": "cosine", "order": 1,
            "interval": over_subjects(how, subjects), "interval_groups": len(contributions), "interval_seed": 0,
        },
    )


VENDI = Metric(
    name="vendi", title="Vendi score",
    summary="Effective number of different images among the generated ones, by features; 1 for copies of one.",
    direction="higher", compares="generated images with each other", groups="equal",
    compute=viewed(lambda inputs, settings: vendi_score(
        inputs.features(settings.extractor, settings.resize)[1], extractor=settings.extractor,
        parameters=inputs.network_parameters(settings.extractor, settings.resize),
        subjects=inputs.subjects("generated"),
    )),
    interval="expected value at this number of images (delete-a-group jackknife)", settings=DistributionSpec,
    bounds=(1.0, math.inf), networks=("efficientnet-lite0", "inception-v3"), axis="diversity", catches=("collapse",),
    blind_to=("swapped-classes", "copies", "test-copies"),
)
