"""A curve of distances over the values of a parameter, with intervals by resampling images.

Every value is tried on the same prompts and the same noise, so an image has one number under all values and a
resample takes the same images everywhere: what the images have in common drops out of the comparison of values.

The smallest distance need not be the best value: the interval and the share of resamples say how sure it is.

A distance between sets grows where images repeat, the more the more the images vary. So the resampled distances of
each value are moved until their mean is the distance found, for its interval and for the comparison of values alike:
unmoved, they would favour a value whose images are all alike. The distances found do so, too, if less: the scatter of
n images is in them, and is not taken off.
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
    the values have no order), which holds the smallest itself."""

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
    the quantiles of the moved distances. The interval of the best value is the range of the best values of 95 % of the
    resamples, wide enough for the best value itself.
    """
    share_rn = _shares(len(features[0]), resamples, random)
    distances = [measure.distance(_mean(each_nk), reference_k) for each_nk in features]
    resampled_vr = np.stack([measure.resampled(each_nk, reference_k, share_rn) for each_nk in features])
    moved_vr = resampled_vr - resampled_vr.mean(axis=1, keepdims=True) + np.array(distances)[:, None]
    winner_r, best = moved_vr.argmin(axis=0), int(np.argmin(distances))
    points = []
    for index, (text, value, distance) in enumerate(zip(grid.texts, grid.values, distances, strict=True)):
        low, high = np.percentile(moved_vr[index], _ENDS)
        share = float((winner_r == index).mean())
        points.append(Tried(text, value, distance, max(0.0, float(low)), float(high), share))
    low_at, high_at = _spread(grid, winner_r, best)
    return Curve(tuple(points), best, low_at, high_at)


def distance_of_new_images(
    measure: Measure, real_nk: Array, population: int, random: np.random.Generator, resamples: int = RESAMPLES
) -> float:
    """How far from the `population` training images as many new real images are expected to be: the least that a
    search can hope for.

    `real_nk` are the features of n training images, 2 or more. They are part of what is compared with and so lie too
    near to it; where they are all of it, their own distance is 0. The distance is a norm of a difference of means:
    of n new images and of N others its features have the variance s^2 (1/n + 1/N), and of a resample and the n images
    that it is drawn from (n - 1) / n^2 s^2. So the mean over resamples is scaled by the root of the ratio, which is
    right where the means of features are near to normal.
    """
    count = len(real_nk)
    resampled_r = measure.resampled(real_nk, _mean(real_nk), _shares(count, resamples, random))
    return float(resampled_r.mean() * (count / (count - 1) * (1 + count / population)) ** 0.5)


def _shares(count: int, resamples: int, random: np.random.Generator) -> Array:
    """Each image's share in each resample, `(r, n)`."""
    draws_rn = random.integers(count, size=(resamples, count))
    times_rn = np.stack([np.bincount(draw_n, minlength=count) for draw_n in draws_rn])
    return np.asarray(times_rn / count, dtype=np.float32)


def _mean(features_nk: Array) -> Array:
    return np.asarray(features_nk.mean(axis=0, dtype=np.float64), dtype=np.float32)


def _spread(grid: Grid, winner_r: npt.NDArray[np.intp], best: int) -> tuple[float | None, float | None]:
    if not grid.numeric:
        return None, None
    position_v = np.asarray(grid.positions)
    # no interpolation: the ends are values that were tried
    low, high = np.percentile(position_v[winner_r], _ENDS, method="nearest")
    return float(min(low, position_v[best])), float(max(high, position_v[best]))
