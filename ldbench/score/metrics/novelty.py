"""Whether generated images lie on the training images as a set: AuthPct and C_T.

AuthPct (Alaa et al. 2022, arXiv 2102.08921, Sec. 4.3) calls an image authentic if it is farther from its nearest
training image than that one is from its own nearest training image. C_T (Meehan et al. 2020, arXiv 2004.05675) asks
whether generated images are nearer to the training images than test scans are: the z of Mann and Whitney's test,
here over the whole space as one cell.

Shape suffixes: n generated images, m test scans, t training images, d features.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from ldbench.api import Measured, Metric, MetricInputs, ParameterValue
from ldbench.score.metrics.feature_spec import DistributionSpec, too_few_seen
from ldbench.score.metrics.fid import validated_features
from ldbench.score.metrics.intervals import (
    Array,
    Interval,
    Subjects,
    independent,
    of_mean,
    over_subjects,
    wilson_interval,
)
from ldbench.score.metrics.neighbours import nearest, nearest_others
from ldbench.score.metrics.roc import areas
from ldbench.score.metrics.set_distance import dependence_of
from ldbench.score.metrics.viewed import viewed
from ldbench.task.metric_specs import ScanCounts

_NETWORKS = ("efficientnet-lite0", "inception-v3")


@dataclass(frozen=True)
class NoveltySpec(DistributionSpec):
    """AuthPct and C_T: as FID."""

    def unmet_scans(self, name: str, scans: ScanCounts) -> Iterator[str]:
        """As `HasUnmetScans` says: too few training images."""
        return too_few_seen(name, scans.seen, 2)


def authpct_score(
    training_features: npt.ArrayLike, generated_features: npt.ArrayLike, *, extractor: str,
    parameters: Mapping[str, ParameterValue] | None = None,
) -> Measured:
    """Per cent of authentic images among `(n, d)` generated ones, with Wilson's interval over cases.

    Raises `MetricError` as `ldbench.score.metrics.fid.fid` does.
    """
    training_td, generated_nd = validated_features("authpct", training_features, generated_features)
    own_t = np.sqrt(nearest_others(training_td, 1)[0][:, 0])
    distance_n, index_n = nearest(generated_nd, training_td, 1)
    authentic_n = (distance_n[:, 0] > own_t[index_n[:, 0]]).astype(np.float64)
    share = wilson_interval(float(authentic_n.mean()), len(authentic_n))
    interval = Interval(100 * share.value, 100 * share.low, 100 * share.high)
    return Measured(
        metric="authpct", value=interval.value, ci_low=interval.low, ci_high=interval.high, n=len(authentic_n),
        direction="higher", extractor=extractor, contributions={"cases": 100 * of_mean(authentic_n)}, interval="share",
        parameters={
            **(parameters or {}), "unit": "per cent", "n_training": len(training_td),
            "interval": "95 % Wilson over cases, training images held fixed",
        },
    )


def ct_score(
    training_features: npt.ArrayLike, test_features: npt.ArrayLike, generated_features: npt.ArrayLike, *,
    extractor: str, parameters: Mapping[str, ParameterValue] | None = None, subjects: Sequence[Subjects] = (None, None),
) -> Measured:
    """C_T of `(n, d)` generated images: far below 0 for copies, near 0 for fresh scans, above 0 for images far away.

    The interval is that of the area under the ROC curve which the test's U is (`ldbench.score.metrics.roc.areas`);
    `subjects` are those of test scans and of generated images.
    Raises `MetricError` as `ldbench.score.metrics.fid.fid` does.
    """
    training_td, test_md = validated_features("ct", training_features, test_features)
    _, generated_nd = validated_features("ct", training_td, generated_features)
    n, m = len(generated_nd), len(test_md)
    distances = np.concatenate([nearest(each, training_td, 1)[0][:, 0] for each in (test_md, generated_nd)])
    farther = areas(np.stack([-distances, distances], axis=1)[None], np.repeat([0, 1], [m, n]), _joined(subjects, m, n))
    factor = math.sqrt(12 * n * m / (n + m + 1))  # the area's deviation from 1/2 in standard deviations of the test
    interval = farther.interval()
    parts: Array = factor * farther.contributions_n
    return Measured(
        metric="ct", value=factor * (interval.value - 0.5), ci_low=factor * (interval.low - 0.5),
        ci_high=factor * (interval.high - 0.5), n=n, direction="higher", extractor=extractor,
        contributions={"scans": parts[:m], "cases": parts[m:]}, degrees=farther.degrees, interval="own",
        parameters={
            **(parameters or {}), "n_training": len(training_td), "n_real": m, "cells": 1,
            "interval": over_subjects("95 % DeLong over cases and test scans, training images held fixed", *subjects),
        },
    )


def _joined(of_sets: Sequence[Subjects], test: int, generated: int) -> Subjects:
    """The subjects of the images of both sets, which share none; None where each image has its own."""
    if all(subjects is None for subjects in of_sets):
        return None
    test_m, generated_n = (
        np.arange(size) if subjects is None else subjects
        for subjects, size in zip(of_sets, (test, generated), strict=True)
    )
    return np.concatenate([test_m, independent(test, of_sets[0]) + generated_n])


def _ct(inputs: MetricInputs, settings: NoveltySpec) -> Measured:
    return beside_training(partial(ct_score, subjects=dependence_of(inputs).subjects), inputs, settings)


def _authpct(inputs: MetricInputs, settings: NoveltySpec) -> Measured:
    return authpct_score(
        inputs.seen_features(settings.extractor, settings.resize),
        inputs.features(settings.extractor, settings.resize)[1], extractor=settings.extractor,
        parameters=inputs.network_parameters(settings.extractor, settings.resize),
    )


def beside_training(score: Callable[..., Measured], inputs: MetricInputs, settings: DistributionSpec) -> Measured:
    """A score of features of the training images, of real and of generated ones, in this order."""
    return score(
        inputs.seen_features(settings.extractor, settings.resize),
        *inputs.features(settings.extractor, settings.resize), extractor=settings.extractor,
        parameters=inputs.network_parameters(settings.extractor, settings.resize),
    )


AUTHPCT = Metric(
    name="authpct", title="Authentic images, per cent",
    summary="Per cent of images farther from the nearest training image than that is from its own; 0 for copies.",
    direction="higher", compute=viewed(_authpct), compares="generated images and all training images",
    interval="over cases (Wilson), training images held fixed", settings=NoveltySpec, bounds=(0.0, 100.0),
    needs=frozenset({"training"}), networks=_NETWORKS, axis="novelty", catches=("copies",),
    blind_to=("swapped-classes", "test-copies"),
)

CT = Metric(
    name="ct", title="Data copying, C_T",
    summary="Whether images are nearer to the training images than test scans are: a z, far below 0 for copies.",
    direction="higher", whole_sets=True, compute=viewed(_ct), groups="equal",
    compares="generated images, test scans and all training images",
    interval="over cases and test scans (DeLong), training images held fixed", settings=NoveltySpec,
    needs=frozenset({"training"}), networks=_NETWORKS, scans="reference", axis="novelty", catches=("copies",),
    blind_to=("swapped-classes", "test-copies"),
)
