"""Reads age and diagnosis off a sandbox brain with nothing but the pixels: an independent judge of edits.

Three measurements: ventricle-to-brain ratio (dark fluid in the central region over the area inside the skull), and
sulcal fluid as a fraction of the anterior and of the posterior outer region. Age and a diagnosis score are quadratic
regressions on the three, fitted on the TRAINING scans only. The coefficients below are what

    python -m recipes.sandbox.brain_estimator --data tasks/sandbox_brain

prints; it also writes the errors on the true test images to `estimators.json` beside the data.

Nothing hidden is read at estimation time: no subject, no history, no manifest. numpy only.

Images are (N, 64, 64) float32 in [0, 1], and every function raises ImageError for another shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ldbench.errors import ImageError

Vector = npt.NDArray[np.float64]

# Regression coefficients on [1, standardised x1..x3, their squares and products]; see `fit`.
MEAN: Final[tuple[float, ...]] = (0.050746, 0.198499, 0.187968)
SPREAD: Final[tuple[float, ...]] = (0.0243233, 0.0482068, 0.0514662)
AGE: Final[tuple[float, ...]] = (
    73.169, 1.01926, 6.77525, -1.59731, 0.30049, -0.174605, -0.548092, -1.20726, 1.20309, -0.43583,
)
DIAGNOSIS: Final[tuple[float, ...]] = (
    0.0811777, -0.692445, -1.03939, 3.55729, -0.126417, -0.332255, 0.58268, 0.125399, -0.0563424, -0.314464,
)


@dataclass(frozen=True)
class Fit:
    """Coefficients of the two regressions.

    Attributes:
        mean: (3,) of the measurements on the training scans.
        spread: (3,) their standard deviations.
        age: (10,) coefficients of the age in years.
        diagnosis: (10,) coefficients of the log odds of AD against CN.
    """

    mean: tuple[float, ...]
    spread: tuple[float, ...]
    age: tuple[float, ...]
    diagnosis: tuple[float, ...]


FROZEN: Final = Fit(MEAN, SPREAD, AGE, DIAGNOSIS)


def ventricle_ratio(images: npt.NDArray[np.float32]) -> Vector:
    """Fluid in the central region over the area inside the skull, (N,), about 0.03 to 0.2."""
    return measure(images)[:, 0]


def age_years(images: npt.NDArray[np.float32]) -> Vector:
    """Estimated age in years, (N,); what it is worth is in `estimators.json`."""
    return np.asarray(features(measure(images), FROZEN) @ np.asarray(FROZEN.age))


def measure(images: npt.NDArray[np.float32]) -> Vector:
    """Ventricle-to-brain ratio, anterior and posterior sulcal fraction, (N, 3).

    An image without any brain (all below the threshold) measures 0, 0, 0.
    """
    if images.ndim != 3 or images.shape[1:] != (64, 64):
        raise ImageError(f"expected brain images (N, 64, 64), got {images.shape}; resize and make them grey first")
    return np.stack([_measure_one(np.asarray(image, dtype=np.float64)) for image in images])


def _measure_one(image: Vector) -> Vector:
    """The three measurements of one image."""
    # Absolute: an image a fifth darker measures up to 0.015 less sulcal fraction.
    bright = image > 0.06
    # Fluid is dark but inside: whatever lies between brain pixels of its row and of its column.
    inside = _between(bright) & _between(bright.T).T
    if inside.sum() < 200:
        return np.zeros(3)
    white = np.percentile(image[inside], 90)
    fluid = np.clip((0.5 * white - image) / (0.26 * white), 0.0, 1.0) * inside
    rows, columns = np.nonzero(inside)
    half = np.percentile(rows, [1, 99]), np.percentile(columns, [1, 99])
    (top, bottom), (left, right) = half
    y, x = np.mgrid[0:64, 0:64].astype(np.float64)
    v = (y - (top + bottom) / 2) / max((bottom - top) / 2, 1.0)
    u = (x - (left + right) / 2) / max((right - left) / 2, 1.0)
    central = (u / 0.5) ** 2 + ((v + 0.03) / 0.56) ** 2 < 1
    anterior, posterior = inside & ~central & (v < -0.12), inside & ~central & (v >= -0.12)
    return np.array([fluid[central].sum() / inside.sum(), fluid[anterior].mean(), fluid[posterior].mean()])


def _between(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """From the first to the last True of each row."""
    forward = np.maximum.accumulate(mask, axis=1)
    backward = np.maximum.accumulate(mask[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(forward & backward)


def features(measured: Vector, fit: Fit) -> Vector:
    """Constant, linear and quadratic terms, (N, 10)."""
    x = (measured - np.asarray(fit.mean)) / np.asarray(fit.spread)
    pairs = [x[:, i] * x[:, j] for i in range(3) for j in range(i, 3)]
    return np.stack([np.ones(len(x)), *x.T, *pairs], axis=1)

