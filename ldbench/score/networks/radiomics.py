"""Radiomics as a feature network: first-order and texture features of the whole image, and grey levels by zone.

No weights. Features are those of the Image Biomarker Standardisation Initiative (Zwanenburg et al. 2020,
arXiv 1612.07003; its section numbers stand below), of the grey image in 8 bits, over all its pixels. Co-occurrence
(3.6) is symmetric, over 32 grey levels of fixed width, at distances of 1 and 3 pixels, averaged over four directions.
These features do not say where anything lies, so nine zones (thirds of either side) add their mean and deviation.

Features have units of their own: `frd` takes them in standard deviations of real scans.

Shape suffixes: n images, h rows, w columns, z zones.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ldbench.api import Network, ParameterValue
from ldbench.errors import MetricError
from ldbench.score.networks.own_weights import RESIZE_FILTER, resized

if TYPE_CHECKING:
    import torch

Array = npt.NDArray[np.float64]
NAME = "radiomics"
LEVELS, WIDTH = 32, 8
DISTANCES, SIDE_ZONES = (1, 3), 3
FIRST_ORDER = (  # 3.3 and 3.4
    "mean", "variance", "skewness", "excess kurtosis", "median", "10th percentile", "90th percentile",
    "interquartile range", "mean absolute deviation", "entropy", "uniformity",
)
TEXTURES = ("contrast", "dissimilarity", "homogeneity", "ASM", "correlation", "entropy")  # as scikit-image names them
_IN_LEVELS = {
    "mean", "median", "10th percentile", "90th percentile", "interquartile range", "mean absolute deviation"
}
DIMENSION = len(FIRST_ORDER) + len(DISTANCES) * len(TEXTURES) + 2 * SIDE_ZONES**2


# the least by which each feature `(41,)` is taken to differ among images: one grey level where it is in grey levels,
# since no 8-bit image shows less, and nothing where it has no such unit
LEAST_SPREADS = np.array([
    *(float(name in _IN_LEVELS) for name in FIRST_ORDER), *[0.0] * (len(DISTANCES) * len(TEXTURES)),
    *[1.0] * (2 * SIDE_ZONES**2),
])  # fmt: skip


def radiomics(grey_hw: npt.NDArray[np.uint8]) -> Array:
    """The features `(41,)` of a grey image `(H, W) uint8`."""
    return np.concatenate([first_order(grey_hw), textures(grey_hw), zones(grey_hw)])


def first_order(grey_hw: npt.NDArray[np.uint8]) -> Array:
    """The features that `FIRST_ORDER` names; moments of a constant image are 0."""
    values = grey_hw.astype(np.float64).ravel()
    off = values - values.mean()
    variance = float((off**2).mean())
    spread = variance**0.5 or 1.0
    tenth, quarter, median, three_quarters, ninetieth = np.percentile(values, (10, 25, 50, 75, 90))
    share = np.bincount(grey_hw.ravel() // WIDTH, minlength=LEVELS) / grey_hw.size
    filled = share[share > 0]
    return np.array([
        values.mean(), variance, ((off / spread) ** 3).mean(), ((off / spread) ** 4).mean() - 3 * (variance > 0),
        median, tenth, ninetieth, three_quarters - quarter, np.abs(off).mean(), -(filled * np.log2(filled)).sum(),
        (share**2).sum(),
    ])


def textures(grey_hw: npt.NDArray[np.uint8]) -> Array:
    """The features that `TEXTURES` names at each of `DISTANCES`."""
    from skimage.feature import graycomatrix, graycoprops

    directions = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    counts = graycomatrix(grey_hw // WIDTH, DISTANCES, directions, levels=LEVELS, symmetric=True, normed=True)
    return np.concatenate([graycoprops(counts, name).mean(axis=1) for name in TEXTURES])


def zones(grey_hw: npt.NDArray[np.uint8]) -> Array:
    """Mean and standard deviation of each zone."""
    parts = [part for row in np.array_split(grey_hw, SIDE_ZONES) for part in np.array_split(row, SIDE_ZONES, axis=1)]
    return np.array([[part.mean() for part in parts], [part.std() for part in parts]]).ravel()


def parameters(*, resize: int, digest: str) -> dict[str, ParameterValue]:
    """What is computed, for the score's record."""
    return {
        "features": f"IBSI first-order, co-occurrence, {SIDE_ZONES**2} zones, {DIMENSION}", "input": "8-bit grey",
        "resize": resize, "resize_filter": RESIZE_FILTER, "grey_level_width": WIDTH,
        "distances": ", ".join(map(str, DISTANCES)),
    }


def load(
    *, resize: int, device: torch.device | str, weights: Path | None, digest: str
) -> Callable[[npt.NDArray[np.uint8]], torch.Tensor]:
    """A function from images `(N, H, W, 3) uint8` to features `(N, 41) float32`."""
    if weights is not None:
        raise MetricError(f"{NAME}: it has no weights, got weights {weights}; drop the setting")
    if resize < SIDE_ZONES + max(DISTANCES):
        raise MetricError(f"{NAME}: expected images of {SIDE_ZONES + max(DISTANCES)} px or more, got {resize}")

    def features(images: npt.NDArray[np.uint8]) -> torch.Tensor:
        import torch

        grey_nhw = np.rint(255 * resized(images, resize).mean(axis=1, dtype=np.float64)).astype(np.uint8)
        return torch.from_numpy(np.stack([radiomics(grey_hw) for grey_hw in grey_nhw])).float()

    return features


RADIOMICS = Network(
    name="radiomics",
    summary="First-order and texture features after IBSI and grey levels by zone, 41 features; no weights, for `frd`.",
    load=load, parameters=parameters, resize=64,
    licence="Apache-2.0",
)
