"""Asked against read: whether a generated image shows the attribute that its prompt asked for.

An estimator reads the attribute off the image, and the score is the mean absolute difference from the value that the
case asked for. Nobody knows the true image, so the estimator's own error stays in: its error on real test scans is what
a perfect generator has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ldbench.api import Attributes, ImageSet, Measured, Metric, MetricInputs
from ldbench.errors import MetricError
from ldbench.plugins.kinds import ESTIMATORS
from ldbench.score.metrics.attribute_error import AttributeSpec, Reading, readings_of
from ldbench.score.metrics.intervals import Array
from ldbench.score.metrics.mean_score import mean_score


@dataclass(frozen=True)
class AskedSpec(AttributeSpec):
    """An attribute that was asked for against what an estimator reads: `attribute` is its name in the data."""

    attribute: str = "age"


def asked_errors(
    metric: str, images: ImageSet, asked: Sequence[Attributes], attribute: str, read: Reading
) -> Array:
    """|reading - value asked for|, `(N,)`, of images `(N, 3, H, W) float32 in [0, 1]`.

    `read` maps grey images `(N, H, W) float32` to `(N,)`. Raises `MetricError` where a case asks for no number.
    """
    values = [case.get(attribute) for case in asked]
    numbers = [value for value in values if isinstance(value, int | float) and math.isfinite(value)]
    if len(numbers) < len(values):
        raise MetricError(
            f"{metric}: expected a number as {attribute} of each case, got none for {len(values) - len(numbers)} of "
            f"{len(values)}; name another attribute on the card"
        )
    return np.abs(readings_of(metric, images, read) - np.array(numbers, np.float64))


def _of_inputs(inputs: MetricInputs, settings: AskedSpec) -> Measured:
    estimator = ESTIMATORS.load(settings.estimator)
    values = asked_errors(
        "asked_age_error", inputs.lazy.generated, inputs.attributes, settings.attribute, estimator.read
    )
    what = {"unit": estimator.unit, "attribute": settings.attribute, "against": "the value that was asked for"}
    return mean_score("asked_age_error", values, "lower", what, settings.estimator)


ASKED_AGE_ERROR = Metric(
    name="asked_age_error", title="Error of the age read off the image against the age asked for",
    summary="Mean difference of an estimator's reading and the value asked for; real scans have the estimator's own.",
    direction="lower", compute=_of_inputs, compares="generated images and the values asked for", settings=AskedSpec,
    bounds=(0.0, math.inf), axis="condition", catches=("swapped-classes",),
)
