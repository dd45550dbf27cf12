"""The L1 distance between generated and training images, four readings of it (paper, Sec. 3.3).

The paper says "L1" and not between what, so each reading has a name:
- `channels`: the pixel values of each colour channel, as distributions;
- `mean-image`: the mean over images, pixel by pixel;
- `latents`: the values of each latent channel, as distributions;
- `latent-mean`: the mean latent, element by element.
A fifth name, `counterfactual`, is no distance between sets but the objective of edits
(`ldbench.studies.parameters.edit_objective`).

The L1 distance of two distributions on a line is the mean absolute difference of their sorted values, which is the
area between their cumulative distributions. Written that way every reading is a weighted sum of |mean over generated
images - mean over training images| of something each image has alone (a cumulative histogram, a pixel), so a
resample of images costs one product of matrices.

These are distances between sets, not scores of an image. They do not see where something lies (`channels`, `latents`),
or see nothing but the mean. Suffixes: n images, c channels, k features, t thresholds, r resamples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from ldbench.errors import MetricError, UsageError

Array = npt.NDArray[np.float32]
Distance = Literal["channels", "mean-image", "latents", "latent-mean", "counterfactual"]
DISTANCES: tuple[Distance, ...] = get_args(Distance)
LEVELS = 256
LATENT_THRESHOLDS, LATENT_REACH = 2048, 16.0  # 16 sd each way, a threshold every 0.016 sd
_NARROWEST = 1e-6  # a channel that never changes
_BLOCK = 65536  # features at a time, to bound memory at 512 pixels


@dataclass(frozen=True)
class Measure:
    """One reading of the distance, with `thresholds_ct`, where cumulative distributions are compared, evenly spaced;
    it has no columns where features are compared as they are."""

    name: Distance
    thresholds_ct: Array

    def features(self, images_nchw: Array) -> Array:
        """What each image, or latent, `(n, c, h, w)` brings to the distance, `(n, k)`; MetricError if not finite."""
        if images_nchw.ndim != 4 or not np.isfinite(images_nchw).all():
            raise MetricError(f"distance: expected finite images (N, C, H, W), got {images_nchw.shape}; check them")
        count, steps = len(images_nchw), self.thresholds_ct.shape[1]
        if steps == 0:
            return images_nchw.reshape(count, -1).astype(np.float32)
        share_nct = np.empty((count, len(self.thresholds_ct), steps), dtype=np.float32)
        for channel, gap in enumerate(self._gaps()):
            nearest_np = np.rint((images_nchw[:, channel].reshape(count, -1) - self.thresholds_ct[channel, 0]) / gap)
            share_nct[:, channel] = _cumulative(nearest_np.clip(0, steps - 1).astype(np.int64), steps)
        return share_nct.reshape(count, -1)

    def distance(self, first_k: Array, second_k: Array) -> float:
        """L1 between two sets, given the mean of their features: in grey values of [0, 1] or in latent units."""
        gap_k = np.abs(first_k.astype(np.float64) - second_k)
        return float(gap_k @ self._weights(len(first_k)))

    def resampled(self, generated_nk: Array, reference_k: Array, share_rn: Array) -> npt.NDArray[np.float64]:
        """The distance of each resample `(r,)`; `share_rn` is each image's share in it, rows summing to 1."""
        weight_k = self._weights(len(reference_k))
        total_r = np.zeros(len(share_rn))
        for start in range(0, len(weight_k), _BLOCK):
            block = slice(start, start + _BLOCK)
            gap_rk = np.abs(share_rn @ generated_nk[:, block] - reference_k[block])
            total_r += gap_rk @ weight_k[block]
        return total_r

    def _gaps(self) -> npt.NDArray[np.float64]:
        ends_c2 = self.thresholds_ct[:, [0, -1]].astype(np.float64)
        return np.asarray(np.diff(ends_c2)[:, 0] / (self.thresholds_ct.shape[1] - 1))

    def _weights(self, size: int) -> npt.NDArray[np.float64]:
        channels, steps = self.thresholds_ct.shape
        return np.repeat(self._gaps() / channels, steps) if steps else np.full(size, 1 / size)


def on_pixels(distance: Literal["channels", "mean-image"]) -> Measure:
    """Pixels are compared at the 256 grey levels of stored images, which loses nothing."""
    levels_t = np.arange(LEVELS if distance == "channels" else 0, dtype=np.float32) / (LEVELS - 1)
    return Measure(distance, np.tile(levels_t, (3, 1)))


def on_latents(distance: Literal["latents", "latent-mean"], reference_nchw: Array) -> Measure:
    """Latents are compared within 16 standard deviations about each channel's mean over the reference; what lies
    further out counts as lying at the end."""
    mean_c = reference_nchw.mean(axis=(0, 2, 3), dtype=np.float64)
    spread_c = np.maximum(reference_nchw.std(axis=(0, 2, 3), dtype=np.float64), _NARROWEST)
    steps_t = np.linspace(-LATENT_REACH, LATENT_REACH, LATENT_THRESHOLDS if distance == "latents" else 0)
    return Measure(distance, (mean_c[:, None] + spread_c[:, None] * steps_t).astype(np.float32))


def parse_distance(name: str) -> Distance:
    """The distance of that name; UsageError."""
    for known in DISTANCES:
        if name == known:
            return known
    raise UsageError(f"--distance: expected one of {', '.join(DISTANCES)}, got {name!r}")


def needs_latents(distance: Distance) -> bool:
    """Whether it compares latents and not pixels."""
    return distance in ("latents", "latent-mean")


def _cumulative(bins_np: npt.NDArray[np.int64], steps: int) -> Array:
    """For each row the share of entries in bins up to each bin, `(n, steps)`."""
    count, pixels = bins_np.shape
    offset_np = bins_np + steps * np.arange(count)[:, None]
    counts_nt = np.bincount(offset_np.ravel(), minlength=count * steps).reshape(count, steps)
    return np.asarray(counts_nt.cumsum(axis=1) / pixels, dtype=np.float32)
