"""Smooth warps that never fold: velocity fields in the plane, integrated into diffeomorphisms.

A warp is a *pull* map: `warp[:, i, j]` is the place (row, column, in pixels) whose value lands on pixel (i, j).
Because it is the flow of a velocity field and not a displacement added at a stroke, it stays invertible however
far it goes. scipy is imported inside functions: the frozen data is read without it.

Array legend: warps and velocities (2, H, W) float32, row component first; images (H, W) float32.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]


def identity_warp(size: int) -> Field:
    """Pixel coordinates of a square frame: the warp that changes nothing, (2, size, size)."""
    return np.stack(np.meshgrid(np.arange(size), np.arange(size), indexing="ij")).astype(np.float32)


def pull(image: Field, warp: Field) -> Field:
    """Resample `image` along `warp`, bilinear; beyond the frame the border value holds."""
    from scipy import ndimage

    return np.asarray(ndimage.map_coordinates(image, warp, order=1, mode="nearest"), dtype=np.float32)


def compose(outer: Field, inner: Field) -> Field:
    """The warp that pulls through `inner` after `outer`: x -> inner(outer(x))."""
    return np.stack([pull(component, outer) for component in inner])


def smooth_noise(rng: np.random.Generator, size: int, width: float) -> Field:
    """A Gaussian random field of unit variance, (size, size).

    White noise on knots half a `width` apart, each spread by a Gaussian whose standard deviation is `width` pixels:
    two small matrix products, and no border effect because the knots reach three widths beyond the frame. On a busy
    machine set OMP_NUM_THREADS=1: threads waiting for such small products made this twenty times slower.
    """
    knots = np.arange(-3 * width, size + 3 * width, width / 2)
    offset = (np.arange(size)[:, None] - knots[None, :]) / width
    kernel = np.exp(-0.5 * offset**2)
    kernel /= np.linalg.norm(kernel, axis=1, keepdims=True)
    return np.asarray(kernel @ rng.standard_normal((len(knots), len(knots))) @ kernel.T, dtype=np.float32)


def exponential(velocity: Field, squarings: int = 5) -> Field:
    """Flow a stationary velocity (pixels) for unit time by scaling and squaring (Arsigny et al., MICCAI 2006)."""
    grid = identity_warp(velocity.shape[-1])
    displacement = velocity / np.float32(2**squarings)
    for _ in range(squarings):
        displacement = displacement + compose(grid + displacement, displacement)
    return grid + displacement


def flow_table(velocity: Field, steps: int, step: float) -> Field:
    """Pull maps of the flow of `velocity` after 0, 1, ..., `steps` steps of length `step`.

    Midpoint rule backward in time, as pulling needs. (steps + 1, 2, H, W) float32; row k belongs to time `k * step`.
    """
    place = identity_warp(velocity.shape[-1])
    table = [place]
    for _ in range(steps):
        middle = place - np.float32(0.5 * step) * compose(place, velocity)
        place = place - np.float32(step) * compose(middle, velocity)
        table.append(place)
    return np.stack(table)
