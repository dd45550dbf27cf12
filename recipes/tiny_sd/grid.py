"""The picture plane: pixel coordinates, soft coverage of implicit shapes, and blending.

Coordinates run from -1 to 1, x to the right and y down.
"""

from __future__ import annotations

import numpy as np

from .textures import SIZE

PIXEL = 2.0 / SIZE
_AXIS = ((np.arange(SIZE) + 0.5) * PIXEL - 1.0).astype(np.float32)
X = np.ascontiguousarray(np.broadcast_to(_AXIS, (SIZE, SIZE)))
Y = np.ascontiguousarray(X.T)


def coverage(distance: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """Fraction of each pixel inside a shape, from its signed distance (negative inside), times `scale`."""
    return np.clip(0.5 - distance * (scale / PIXEL), 0.0, 1.0)


def blend(under: np.ndarray, over: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(S, S, 3) picture of `over` (colour or picture) on `under`, by an (S, S) weight in [0, 1]."""
    return under + (over - under) * weight[..., None]


def mix(first: np.ndarray, second: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(S, S, 3) picture between two colours, by an (S, S) weight in [0, 1]."""
    return first + (second - first) * weight[..., None]


def turned(angle: float) -> np.ndarray:
    """The coordinate along a direction, (S, S)."""
    return X * np.float32(np.cos(angle)) + Y * np.float32(np.sin(angle))


def segments(ends: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Signed distance to a set of thick line segments; `ends` (N, 4) as x0, y0, x1, y1, `widths` (N,) radii."""
    x0, y0, x1, y1 = (ends[:, i, None, None].astype(np.float32) for i in range(4))
    dx, dy = x1 - x0, y1 - y0
    along = ((X - x0) * dx + (Y - y0) * dy) / np.maximum(dx * dx + dy * dy, 1e-6)
    np.clip(along, 0.0, 1.0, out=along)
    distance = np.hypot(X - x0 - along * dx, Y - y0 - along * dy) - widths[:, None, None].astype(np.float32)
    return distance.min(axis=0)
