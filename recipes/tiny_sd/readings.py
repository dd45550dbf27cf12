"""What a picture shows, by simple readings of its pixels: a named colour, a number of things, a style, a place.

For measuring whether prompts are followed, never for training. A picture is (S, S, 3) float in [0, 1]. The readings
are blunt and err on true corpus pictures too, so a share of right ones says something only beside the share among
corpus pictures with the same captions.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .captions import COLOURS

_COLOURLESS = 0.08  # mean range across channels: that of toned grey photographs is lower
_PAPER = 0.8  # brightness within four pixels of nearly everywhere in a pencil sketch
_FOCUS = 0.55  # Laplacian, 99th percentile, over the range of brightness, 1st to 99th
_LEAST = 0.05  # distance from the background that counts as unlike it
_PIECE = 0.4  # area of a thing, as a share of the largest
_LINEAR_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = np.array([0.9505, 1.0, 1.089])


def surface_colour(picture: np.ndarray) -> str:
    """The colour of `captions.COLOURS` that most of the brightest quarter is nearest to: materials shade to dark."""
    pixels = picture.reshape(-1, 3)
    brightness = pixels.sum(axis=1)
    return _commonest(pixels[brightness >= np.quantile(brightness, 0.75)])


def thing_colour(picture: np.ndarray) -> str:
    """The colour that most of the foreground is nearest to; empty when there is no foreground."""
    pixels = picture[foreground(picture)]
    return _commonest(pixels) if len(pixels) else ""


def count_things(picture: np.ndarray) -> int:
    """Number of patches of the foreground that are not small beside the largest, their holes filled."""
    labels, _ = ndimage.label(ndimage.binary_fill_holes(foreground(picture)))
    areas = np.bincount(labels.ravel())[1:]
    return int((areas > _PIECE * areas.max()).sum()) if len(areas) else 0


def place_of_thing(picture: np.ndarray) -> str:
    """Which edge the foreground's centre lies towards, in the words of `captions.PLACES`."""
    mask = foreground(picture)
    if not mask.any():
        return ""
    down, right = (np.argwhere(mask).mean(axis=0) + 0.5) / picture.shape[0] - 0.5
    if abs(right) > abs(down):
        return "on the right" if right > 0 else "on the left"
    return "at the bottom" if down > 0 else "at the top"


def style_of(picture: np.ndarray) -> str:
    """One of `photo`, `blurred`, `grey` and `pencil`, keys of `captions.STYLES`."""
    grey = picture.mean(axis=2)
    if np.ptp(picture, axis=2).mean() < _COLOURLESS:
        return "pencil" if np.quantile(ndimage.maximum_filter(grey, 9), 0.1) > _PAPER else "grey"
    edge = np.quantile(np.abs(ndimage.laplace(grey)), 0.99)
    return "photo" if edge > _FOCUS * np.ptp(np.quantile(grey, (0.01, 0.99))) else "blurred"


def foreground(picture: np.ndarray) -> np.ndarray:
    """(S, S) bool: pixels unlike the background, which is a plane of colour fitted to the border; split by Otsu."""
    size = picture.shape[0]
    rows, columns = np.mgrid[:size, :size] / (size - 1.0) - 0.5
    plane = np.stack([np.ones_like(rows), rows, columns], axis=-1)
    border = np.maximum(np.abs(rows), np.abs(columns)) > 0.5 - 1.5 / (size - 1.0)
    fitted = border
    for _ in range(2):  # the second fit leaves out the border pixels that a thing covers
        coefficients, *_ = np.linalg.lstsq(plane[fitted], picture[fitted], rcond=None)
        distance = np.linalg.norm(picture - plane @ coefficients, axis=-1)
        fitted = border & (distance <= np.quantile(distance[border], 0.7))
    return distance > max(_otsu(distance), _LEAST)


def _otsu(values: np.ndarray) -> float:
    """The threshold between two classes of greatest variance between them (Otsu, IEEE Trans. SMC, 1979)."""
    counts, edges = np.histogram(values, 64)
    middles = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    sums = np.cumsum(counts * middles)
    between = (sums[-1] * below / counts.sum() - sums[:-1]) ** 2 / np.maximum(below * above, 1)
    return float(middles[:-1][between.argmax()])


def _commonest(pixels: np.ndarray) -> str:
    """The name that most of (N, 3) pixels are nearest to in CIELAB."""
    table = _lab(np.asarray(list(COLOURS.values())))
    nearest = np.linalg.norm(_lab(pixels)[:, None] - table, axis=-1).argmin(axis=1)
    return list(COLOURS)[int(np.bincount(nearest, minlength=len(table)).argmax())]


def _lab(colours: np.ndarray) -> np.ndarray:
    """CIELAB of (N, 3) sRGB colours in [0, 1], white point D65 (IEC 61966-2-1, CIE 15)."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    ratio = linear @ _LINEAR_TO_XYZ.T / _WHITE
    x, y, z = np.moveaxis(np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)
