"""Laterality: the share of images whose left and right are exchanged.

A linear discriminant between scans and their mirror images, learnt from the real training scans: only the part of an
image that changes its sign in a mirror counts, and the discriminant is the mean of that part, whitened by its
covariance over scans with a ridge of its mean eigenvalue (Fisher 1936, doi 10.1111/j.1469-1809.1936.tb02137.x). An
image on the wrong side is judged to be mirrored. Where this fails on real test scans, left and right are alike there,
and the metric says so instead of a number.

Shape suffixes: n images, d pixels of one half.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ldbench.api import ImageSet, Measured, Metric, MetricInputs
from ldbench.errors import MetricError
from ldbench.score.metrics.copies import thumbnails
from ldbench.score.metrics.feature_spec import too_few_seen
from ldbench.score.metrics.intervals import Array, of_mean, wilson_interval
from ldbench.score.metrics.viewed import viewed
from ldbench.task.metric_specs import ScanCounts

LEAST = 0.95  # share of real test scans that must be judged right


@dataclass(frozen=True)
class LateralitySpec:
    """Laterality has no settings. Whether scans have a side at all is seen only when they are read."""

    def unmet_scans(self, name: str, scans: ScanCounts) -> Iterator[str]:
        """As `HasUnmetScans` says: too few training images for a covariance, or no test scans to try it on."""
        yield from too_few_seen(name, scans.seen, 2)
        if scans.test < 1:
            yield f"{name}: expected test scans, got none; prepare some, or drop the metric"


def laterality_score(training: ImageSet, test: ImageSet, generated: ImageSet) -> Measured:
    """The share of generated images judged to be mirrored, with Wilson's interval; all `(N, 3, H, W) in [0, 1]`.

    Raises `MetricError` where more than one test scan in twenty is judged wrongly.
    """
    direction_d = _discriminant(np.concatenate([_odd_part(grey_nhw) for grey_nhw in thumbnails(training)]))
    right = float((_projections(test, direction_d) > 0).mean())
    if right < LEAST:
        raise MetricError(
            f"laterality: expected {LEAST:.0%} of the real test scans to be told from their mirror images, got "
            f"{right:.0%}; left and right are too much alike in these images: drop the metric"
        )
    mirrored_n = (_projections(generated, direction_d) <= 0).astype(np.float64)
    interval = wilson_interval(float(mirrored_n.mean()), len(mirrored_n))
    return Measured(
        metric="laterality", value=interval.value, ci_low=interval.low, ci_high=interval.high, n=len(mirrored_n),
        direction="lower", contributions={"cases": of_mean(mirrored_n)}, interval="share",
        parameters={
            "classifier": "linear discriminant of what a mirror changes", "n_training": len(training),
            "observed_share_of_test_scans_right": right, "interval": "95 % Wilson over cases, classifier held fixed",
        },
    )


def _projections(images: ImageSet, direction_d: Array) -> Array:
    """The odd part of each image along a direction, `(n,)`."""
    return np.concatenate([_odd_part(grey_nhw) @ direction_d for grey_nhw in thumbnails(images)])


def _odd_part(grey_nhw: npt.NDArray[np.float32]) -> Array:
    """The left half of what a mirror changes the sign of, `(n, d)`."""
    grey = np.asarray(grey_nhw, np.float64)
    odd = grey - grey[:, :, ::-1]
    return odd[:, :, : odd.shape[2] // 2].reshape(len(odd), -1)


def _discriminant(odd_nd: Array) -> Array:
    covariance = np.cov(odd_nd, rowvar=False).reshape(odd_nd.shape[1], -1)
    ridge = float(np.trace(covariance)) / len(covariance)
    if not ridge > 0:
        raise MetricError("laterality: expected training scans that are not symmetric, got none; drop the metric")
    return np.asarray(np.linalg.solve(covariance + ridge * np.eye(len(covariance)), odd_nd.mean(axis=0)), np.float64)


def _of_inputs(inputs: MetricInputs, settings: LateralitySpec) -> Measured:
    return laterality_score(inputs.lazy.seen_scans()[0], inputs.lazy.test_scans()[0], inputs.lazy.generated)


LATERALITY = Metric(
    name="laterality", title="Share of images with left and right exchanged",
    summary="Share of images that a discriminant of real scans judges to be mirrored; for organs with a side.",
    direction="lower", compute=viewed(_of_inputs), compares="generated images, training scans and their mirror images",
    interval="over cases (Wilson), classifier held fixed", settings=LateralitySpec, bounds=(0.0, 1.0), axis="condition",
    needs=frozenset({"training"}), catches=("left-right",), blind_to=("copies",),
)
