"""A curve of distances over the values of a parameter, with intervals by resampling images.

Every value is tried on the same prompts and the same noise, so an image has one number under all values and a
resample takes the same images everywhere: what the images have in common drops out of the comparison of values.

The smallest distance need not be the best value: the interval and the share of resamples say how sure it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ldbench.records.search import Tried
from ldbench.studies.parameters.distance import Array, Measure
from ldbench.studies.parameters.values import Grid

RESAMPLES = 1000
_ENDS = (2.5, 97.5)


@dataclass(frozen=True)
class Curve:
    """All values in order, the index of the smallest, and the 95 % interval of where the smallest lies (None where
    the values have no order)."""

    points: tuple[Tried, ...]
    best: int
    best_low: float | None
    best_high: float | None

    @property
    def at_edge(self) -> bool:
        """Whether the smallest is the first or the last value, so that a better one may lie beyond."""
        return len(self.points) > 1 and self.best in (0, len(self.points) - 1)


def curve(
    grid: Grid, measure: Measure, features: Sequence[Array], reference_k: Array, random: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Curve:
    """The curve over a grid; `features` are `(n, k)` of each value's images, image i the same case everywhere.

    Intervals hold the training images fixed and are for the distance to be expected with as many generated images:
    the quantiles of the resampled distances, moved so that their mean is the distance found. Unmoved they would lie
    too high, since a distance between sets grows where images repeat. The interval of the best value is the range of
    the best values of 95 % of the resamples.
    """
    count = len(features[0])
    draws_rn = random.integers(count, size=(resamples, count))
    times_rn = np.stack([np.bincount(draw_n, minlength=count) for draw_n in draws_rn])
    share_rn = np.asarray(times_rn / count, dtype=np.float32)
    distances = [measure.distance(_mean(each_nk), reference_k) for each_nk in features]
    resampled_vr = np.stack([measure.resampled(each_nk, reference_k, share_rn) for each_nk in features])
    winner_r = resampled_vr.argmin(axis=0)
    points = []
    for index, (text, value, distance) in enumerate(zip(grid.texts, grid.values, distances, strict=True)):
        low, high = np.percentile(resampled_vr[index], _ENDS) - resampled_vr[index].mean() + distance
        share = float((winner_r == index).mean())
        points.append(Tried(text, value, distance, max(0.0, float(low)), float(high), share))
    low_at, high_at = _spread(grid, winner_r)
    return Curve(tuple(points), int(np.argmin(distances)), low_at, high_at)


def _mean(features_nk: Array) -> Array:
    return np.asarray(features_nk.mean(axis=0, dtype=np.float64), dtype=np.float32)


def _spread(grid: Grid, winner_r: npt.NDArray[np.intp]) -> tuple[float | None, float | None]:
    if not grid.numeric:
        return None, None
    # no interpolation: the ends are values that were tried
    low, high = np.percentile(np.asarray(grid.positions)[winner_r], _ENDS, method="nearest")
    return float(low), float(high)
