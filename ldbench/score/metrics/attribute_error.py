"""Error of an attribute that can be read off the image: years of age, a ratio of two widths.

An estimator reads the result and the true image of the case, and the score is the mean absolute difference of the
two readings. The true image's reading stands for what is wanted, instead of the wanted value itself, so that the
estimator's own error cancels and the truth scores 0; what remains is in the estimator's unit. This is effectiveness
measured with a regression, as Monteiro et al. 2023 (arXiv 2303.01274) measure it with a pseudo-oracle.

The relative errors divide by the error of a copy, so that 1 is no better than doing nothing, whatever the unit. Both
errors are summed over cases first: a case that asks for next to no change then weighs next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from ldbench.api import ImageSet, Measured, Metric, MetricInputs
from ldbench.errors import ImageError, MetricError, PluginError, UnknownNameError
from ldbench.plugins.blame import blamed, module_of
from ldbench.plugins.kinds import ESTIMATORS
from ldbench.score.image_sets import batches, read_ahead
from ldbench.score.metrics.image_pairs import validated_pairs
from ldbench.score.metrics.intervals import Array, contributed_interval, of_deletions
from ldbench.score.metrics.mean_score import mean_score

Reading = Callable[[npt.NDArray[np.float32]], Array]


@dataclass(frozen=True)
class AttributeSpec:
    """The error of an attribute as an estimator reads it off the image (`ldbench list estimators`)."""

    estimator: str

    def unmet(self, name: str, smaller: int) -> Iterator[str]:
        """As `HasUnmet` says: an estimator that nobody registered."""
        return unknown_estimators([self.estimator])


def attribute_errors(metric: str, result: ImageSet, truth: ImageSet, read: Reading) -> Array:
    """|reading of the result - reading of the truth|, `(N,)`, of images `(N, 3, H, W) float32 in [0, 1]`.

    `read` maps grey images `(N, H, W) float32`, the mean over channels, to `(N,)`. Raises `MetricError`, and
    `ImageError` where the estimator knows another size.
    """
    validated_pairs(metric, result, truth, smallest=1)
    return np.abs(readings_of(metric, result, read) - readings_of(metric, truth, read))


def readings_of(metric: str, images: ImageSet, read: Reading) -> Array:
    """What the estimator reads off images `(N, 3, H, W)`, `(N,)`; `MetricError` unless these are N finite numbers."""

    def readings_of_rows(grey: npt.NDArray[np.float32]) -> Array:
        try:
            with blamed(PluginError, f"{metric}: its estimator", module_of(read), remedy="repair the estimator"):
                return np.asarray(read(grey), np.float64)
        except ImageError as error:  # a size that it does not know: no fault of a file
            raise MetricError(f"{metric}: {error}") from error

    with read_ahead(images) as (rows_of,):
        parts = [readings_of_rows(rows_of[rows].mean(dim=1).cpu().numpy()) for rows in batches(images)]
    readings_n = np.concatenate(parts)
    if readings_n.shape != (len(images),) or not np.isfinite(readings_n).all():
        raise MetricError(
            f"{metric}: expected {len(images)} finite readings, one a case, got shape {readings_n.shape} with "
            f"{int((~np.isfinite(readings_n)).sum())} not finite; check the estimator on the card"
        )
    return readings_n


def attribute_error_score(
    metric: str, result: ImageSet, truth: ImageSet, read: Reading, *, estimator: str, unit: str
) -> Measured:
    """Mean of `attribute_errors` under the name `metric`, in `unit`, with Student's t interval over cases."""
    values = attribute_errors(metric, result, truth, read)
    what = {"unit": unit, "against": "the estimator's reading of the true image"}
    return mean_score(metric, values, "lower", what, estimator)


def relative_error_score(
    metric: str, result: ImageSet, source: ImageSet, truth: ImageSet, read: Reading, *, estimator: str
) -> Measured:
    """Summed `attribute_errors` of the results over those of the sources, with the jackknife's interval over cases.

    Raises `MetricError` where the estimator reads the same off all sources and truths.
    """
    errors_n, copied_n = (attribute_errors(metric, images, truth, read) for images in (result, source))
    return _relative_score(metric, errors_n, copied_n, estimator)


def unknown_estimators(names: Iterable[str]) -> Iterator[str]:
    """What is wrong with each estimator that nobody registered, or that can't be loaded."""
    for name in names:
        try:
            ESTIMATORS.load(name)
        except (UnknownNameError, PluginError) as error:
            yield str(error)


def _relative_score(metric: str, errors_n: Array, copied_n: Array, estimator: str) -> Measured:
    if int((copied_n > 0).sum()) < 2:
        raise MetricError(
            f"{metric}: expected 2 or more cases whose true image reads unlike its source by {estimator}, got "
            f"{int((copied_n > 0).sum())} of {len(copied_n)}; name another estimator on the card"
        )
    contributions = of_deletions((errors_n.sum() - errors_n) / (copied_n.sum() - copied_n))
    interval = contributed_interval(float(errors_n.sum() / copied_n.sum()), contributions)
    return Measured(
        metric=metric, value=interval.value, ci_low=max(interval.low, 0.0), ci_high=interval.high, n=len(errors_n),
        direction="lower", extractor=estimator, contributions={"cases": contributions},
        within=lambda rows: _relative_score(metric, errors_n[rows], copied_n[rows], estimator),
        parameters={
            "unit": "the error of a copy of the source", "against": "the estimator's reading of the true image",
            "interval": "95 % jackknife over cases (Student's t)",
        },
    )


def _relative(metric: str, inputs: MetricInputs, settings: AttributeSpec) -> Measured:
    images, read = inputs.lazy, ESTIMATORS.load(settings.estimator).read
    return relative_error_score(
        metric, images.generated, images.sources, images.truths, read, estimator=settings.estimator,
    )


def _of_estimator(metric: str, inputs: MetricInputs, settings: AttributeSpec) -> Measured:
    estimator = ESTIMATORS.load(settings.estimator)
    return attribute_error_score(
        metric, inputs.lazy.generated, inputs.lazy.truths, estimator.read, estimator=settings.estimator,
        unit=estimator.unit,
    )


AGE_ERROR = Metric(
    name="age_error", title="Error of the age read off the image",
    summary="Mean difference of an estimator's readings of result and truth, in years; 0 for the truth.",
    direction="lower", compute=partial(_of_estimator, "age_error"),
    compares="edited images and their true counterparts", settings=AttributeSpec, needs=frozenset({"source", "truth"}),
    bounds=(0.0, math.inf), axis="truth",
    catches=(
        "too-little", "too-much", "unedited", "other-subject", "blur", "noise", "gain", "jpeg", "veil", "upside-down",
        "lesion", "hole",
    ),
    blind_to=("shift", "left-right"),
)

RATIO_ERROR = Metric(
    name="ratio_error", title="Error of a ratio read off the image",
    summary="As age_error, for the ventricle-to-brain or the cardiothoracic ratio.", direction="lower",
    compute=partial(_of_estimator, "ratio_error"),
    compares="edited images and their true counterparts", settings=AttributeSpec, needs=frozenset({"source", "truth"}),
    bounds=(0.0, math.inf), axis="truth",
    catches=(
        "too-little", "too-much", "other-subject", "blur", "noise", "gain", "jpeg", "veil", "upside-down", "lesion",
        "hole",
    ),
)

RELATIVE_AGE_ERROR = Metric(
    name="relative_age_error", title="Error of the age read off the image, relative to a copy's",
    summary="age_error over that of a copy of the source; 0 for the truth, 1 for a copy.", direction="lower",
    compute=partial(_relative, "relative_age_error"), interval="jackknife over cases", groups="units",
    compares="edited images, their sources and their true counterparts", settings=AttributeSpec,
    needs=frozenset({"source", "truth"}), bounds=(0.0, math.inf), axis="truth",
    catches=(
        "too-little", "too-much", "other-subject", "blur", "noise", "jpeg", "veil", "upside-down", "lesion", "hole",
    ),
    blind_to=("shift", "left-right"),
)

RELATIVE_RATIO_ERROR = Metric(
    name="relative_ratio_error", title="Error of a ratio read off the image, relative to a copy's",
    summary="As relative_age_error, for the ventricle-to-brain or the cardiothoracic ratio.", direction="lower",
    compute=partial(_relative, "relative_ratio_error"), interval="jackknife over cases", groups="units",
    compares="edited images, their sources and their true counterparts", settings=AttributeSpec,
    needs=frozenset({"source", "truth"}), bounds=(0.0, math.inf), axis="truth",
    catches=(
        "too-little", "too-much", "other-subject", "blur", "noise", "jpeg", "veil", "upside-down", "lesion", "hole",
    ),
)
