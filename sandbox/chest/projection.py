"""Exact path lengths of simple solids along parallel rays, for radiographs of a parametric body.

Rays run along z (front to back). A solid meets a ray in one interval [low, high] of z, so unions and remainders of
solids are interval arithmetic, exact at every pixel, with no voxels between.

There is no perspective (a film distance of 1.8 m magnifies the front of the chest by about 10 %: here it does not),
and no solid that a ray meets twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Interval = tuple[Array, Array]


@dataclass(frozen=True)
class Rays:
    """Where each ray meets the body, in cm: x to the patient's left (image right), y up; both (H, W)."""

    x: Array
    y: Array


def detector_rays(size: int, field_cm: float, shift: tuple[float, float], tilt: float, zoom: float) -> Rays:
    """Rays of a square detector of `size` pixels seen through a pose: shift in cm, tilt in radians, zoom > 0."""
    centre = (np.arange(size) + 0.5) / size - 0.5
    u, v = np.meshgrid(centre * field_cm / zoom, -centre * field_cm / zoom)
    x = np.cos(tilt) * u + np.sin(tilt) * v - shift[0]
    y = -np.sin(tilt) * u + np.cos(tilt) * v - shift[1]
    return Rays(x, y)


def chord(level: Array, z: Array | float, half: Array | float) -> Interval:
    """The interval z +- half * sqrt(1 - level), empty (zero length) where level >= 1: ellipsoids and tubes."""
    reach = half * np.sqrt(np.clip(1.0 - level, 0.0, None))
    return z - reach, z + reach


def ellipsoid(
    rays: Rays, centre: tuple[float, float, float], half: tuple[float, float, float], slant: float = 0.0
) -> Interval:
    """An ellipsoid whose extents are exactly centre +- half on every axis; slant in (-1, 1) tilts it in the film.

    The covariance form [[hx^2, slant hx hy], [slant hx hy, hy^2]] keeps the extents while it tilts, so that the
    width of a heart is the width that was asked for.
    """
    u, v = (rays.x - centre[0]) / half[0], (rays.y - centre[1]) / half[1]
    level = (u * u - 2.0 * slant * u * v + v * v) / (1.0 - slant * slant)
    return chord(level, centre[2], half[2])


def length(interval: Interval) -> Array:
    """Path length of one interval in cm, never negative."""
    return np.clip(interval[1] - interval[0], 0.0, None)


def union_within(intervals: list[Interval], bounds: Interval) -> Array:
    """Path length of the union of intervals inside bounds, in cm."""
    low = np.clip(np.stack([interval[0] for interval in intervals]), bounds[0], np.maximum(*bounds))
    high = np.clip(np.stack([interval[1] for interval in intervals]), low, np.maximum(*bounds))
    order = np.argsort(low, axis=0)
    low, high = np.take_along_axis(low, order, 0), np.take_along_axis(high, order, 0)
    reached = np.maximum.accumulate(high, axis=0)
    before = np.concatenate([bounds[0][None], reached[:-1]])
    return np.asarray(np.clip(high - np.maximum(low, before), 0.0, None).sum(axis=0))


def near_polyline(
    x: Array, y: Array, points: Array, margin: float
) -> tuple[npt.NDArray[np.bool_], Array, Array]:
    """Where a polyline is near: a mask (H, W) of its box widened by margin, and for its M rays and P - 1 segments

    the place along each segment (0 to 1) and the squared distance to it, both (M, P - 1). Points (P, 2), all in cm.
    """
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    near = (x > low[0]) & (x < high[0]) & (y > low[1]) & (y < high[1])
    start, step = points[:-1], np.diff(points, axis=0)
    dx = x[near][:, None] - start[:, 0]
    dy = y[near][:, None] - start[:, 1]
    along = (dx * step[:, 0] + dy * step[:, 1]) / np.maximum((step * step).sum(axis=1), 1e-9)
    along = np.clip(along, 0.0, 1.0)
    return near, along, (dx - along * step[:, 0]) ** 2 + (dy - along * step[:, 1]) ** 2


def tube_profile(rays: Rays, points: Array, radius: Array, weight: Array) -> Array:
    """Largest weight * sqrt(1 - (d / radius)^2) over the segments of a projected polyline; 0 outside the tube.

    points (P, 2) in cm; radius and weight (P,), the weight being the path length on the tube's axis in cm.
    """
    result = np.zeros_like(rays.x)
    near, along, squared = near_polyline(rays.x, rays.y, points, float(radius.max()))
    wide = radius[:-1] + along * np.diff(radius)
    heavy = weight[:-1] + along * np.diff(weight)
    result[near] = (heavy * np.sqrt(np.clip(1.0 - squared / wide**2, 0.0, None))).max(axis=1)
    return result


def blur(image: Array, sigma: float) -> Array:
    """Gaussian blur of a square image, sigma in pixels, edges repeated (rows of the kernel sum to one)."""
    if sigma < 0.05:
        return image
    offset = np.arange(image.shape[0])
    kernel = np.exp(-0.5 * ((offset[:, None] - offset[None, :]) / sigma) ** 2)
    kernel /= kernel.sum(axis=1, keepdims=True)
    return np.asarray(kernel @ image @ kernel.T)
