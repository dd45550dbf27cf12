"""A metric and an estimator of brightness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ldbench.api import Estimator, Metric, MetricInputs


@dataclass(frozen=True)
class BrightnessSettings:
    """The card's [metrics.brightness_gap]: in which unit the gap is counted."""

    levels: int = 255


def _gap(inputs: MetricInputs, settings: BrightnessSettings) -> NDArray[np.float64]:
    """How far each image's mean is from the mean of the real images, `(N,)`, in grey levels."""
    means = inputs.generated.double().mean(dim=(1, 2, 3)).numpy()
    gap: NDArray[np.float64] = np.abs(means - float(inputs.real.double().mean())) * settings.levels
    return gap


def _mean(images: NDArray[np.float32]) -> NDArray[np.float64]:
    return images.astype(np.float64).mean(axis=(1, 2))


BRIGHTNESS_GAP = Metric(
    name="brightness_gap",
    title="Gap in brightness",
    summary="How far the mean grey of each image is from that of real images.",
    direction="lower",
    compute=_gap,
    compares="generated and real sets",
    settings=BrightnessSettings,
    bounds=(0.0, 255.0),
)
BRIGHTNESS = Estimator("example-brightness", "The mean grey of an image.", _mean, "of 1")
