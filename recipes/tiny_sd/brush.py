"""Paint shaded shapes on a picture in the frame of one object.

An object is drawn in its own coordinates (x right, y down, about -1 to 1); the brush knows where that frame lies, how
large it is and where the light comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .grid import PIXEL, X, Y

Colour = np.ndarray
Point = tuple[float, float]


@dataclass(frozen=True)
class Brush:
    """A frame on a picture: centre and scale in picture units, mirrored or not, light direction, roughness."""

    picture: np.ndarray
    centre: Point
    scale: float
    light: Point
    texture: np.ndarray
    mirror: bool = False

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, colour: Colour, angle: float = 0.0, volume: float = 0.35
    ) -> None:
        """A filled ellipse, shaded as a ball to the degree of `volume`."""
        window = self._window(x, y, max(rx, ry))
        if window is None:
            return
        u, v = self._local(window, x, y, angle)
        u, v = u / rx, v / ry
        radius = np.sqrt(u * u + v * v)
        weight = np.clip(0.5 - (radius - 1.0) * (min(rx, ry) * self.scale / PIXEL), 0.0, 1.0)
        tilt = self.light[0] * (-u if self.mirror else u) + self.light[1] * v
        shade = 1.0 + volume * (tilt - 0.45 * np.minimum(radius, 1.2) ** 2 + 0.15)
        self._lay(window, weight, colour, shade)

    def box(self, x: float, y: float, rx: float, ry: float, colour: Colour, angle: float = 0.0) -> None:
        """A filled rectangle of half sizes `rx`, `ry`, with a gentle gradient of light."""
        window = self._window(x, y, float(np.hypot(rx, ry)))
        if window is None:
            return
        u, v = self._local(window, x, y, angle)
        distance = np.maximum(np.abs(u) - rx, np.abs(v) - ry) * self.scale
        self._lay(window, np.clip(0.5 - distance / PIXEL, 0.0, 1.0), colour, 1.0 - 0.12 * v / max(ry, 0.1))

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled convex polygon, its corners in either order."""
        corners = np.asarray(points, dtype=np.float64)
        following = np.roll(corners, -1, axis=0)
        if np.sum(corners[:, 0] * following[:, 1] - following[:, 0] * corners[:, 1]) < 0:
            corners = corners[::-1]
        middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
        window = self._window(float(middle[0]), float(middle[1]), float(np.hypot(*(corners - middle).T).max()))
        if window is None:
            return
        u, v = self._local(window, 0.0, 0.0, 0.0)
        distance = np.full(u.shape, -10.0, np.float32)
        for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            length = max(float(np.hypot(x1 - x0, y1 - y0)), 1e-6)
            side = ((u - x0) * (y1 - y0) - (v - y0) * (x1 - x0)) / length
            np.maximum(distance, side.astype(np.float32), out=distance)
        weight = np.clip(0.5 - distance * self.scale / PIXEL, 0.0, 1.0)
        self._lay(window, weight, colour, 1.0 + 0.1 * (u * self.light[0] - v))

    def line(self, x0: float, y0: float, x1: float, y1: float, radius: float, colour: Colour) -> None:
        """A thick segment with round ends."""
        reach = float(np.hypot(x1 - x0, y1 - y0)) / 2 + radius
        window = self._window((x0 + x1) / 2, (y0 + y1) / 2, reach)
        if window is None:
            return
        u, v = self._local(window, x0, y0, 0.0)
        dx, dy = x1 - x0, y1 - y0
        along = np.clip((u * dx + v * dy) / max(dx * dx + dy * dy, 1e-9), 0.0, 1.0)
        distance = (np.hypot(u - along * dx, v - along * dy) - radius) * self.scale
        self._lay(window, np.clip(0.5 - distance / PIXEL, 0.0, 1.0), colour, np.ones_like(u))

    def shadow(self, x: float, y: float, rx: float, ry: float, depth: float) -> None:
        """A soft dark ellipse."""
        window = self._window(x, y, 1.5 * max(rx, ry))
        if window is None:
            return
        u, v = self._local(window, x, y, 0.0)
        fall = np.exp(-1.5 * ((u / rx) ** 2 + (v / ry) ** 2))
        self.picture[window] *= 1.0 - depth * fall[..., None]

    def _window(self, x: float, y: float, reach: float) -> tuple[slice, slice] | None:
        px = self.centre[0] + self.scale * (-x if self.mirror else x)
        py = self.centre[1] + self.scale * y
        size = self.picture.shape[0]
        half = reach * self.scale / PIXEL + 2
        bounds = [(middle + 1.0) / PIXEL for middle in (py, px)]
        rows, columns = (slice(max(int(b - half), 0), min(int(b + half) + 1, size)) for b in bounds)
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return None
        return rows, columns

    def _local(self, window: tuple[slice, slice], x: float, y: float, angle: float) -> tuple[np.ndarray, np.ndarray]:
        u = (X[window] - self.centre[0]) / self.scale
        u = (-u if self.mirror else u) - x
        v = (Y[window] - self.centre[1]) / self.scale - y
        if not angle:
            return u, v
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        return u * cos + v * sin, v * cos - u * sin

    def _lay(self, window: tuple[slice, slice], weight: np.ndarray, colour: Colour, shade: np.ndarray) -> None:
        region = self.picture[window]
        paint = colour * (shade * self.texture[window])[..., None]
        region += (paint - region) * weight[..., None]
