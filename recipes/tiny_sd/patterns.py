"""Regular and irregular patterns of two colours: checkerboards, stripes, mazes, branches, fallen leaves and others.

A pattern gives the (S, S) share of its second colour in [0, 1]; `paint_pattern` colours it. The thin and sinuous
ones (maze, zebra stripes, threads, branches) are what teaches the autoencoder to carry fine luminance detail.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .grid import X, Y, coverage, mix, segments, turned
from .textures import SIZE, NoiseBank

Pattern = Callable[[NoiseBank, np.random.Generator], np.ndarray]


def _edge(wave: np.ndarray, sharpness: float) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(wave * sharpness)


def _checkerboard(bank: NoiseBank, rng: np.random.Generator) -> np.ndarray:
    pitch, angle = rng.uniform(4, 26), rng.choice([0.0, rng.uniform(0, np.pi)])
    return _edge(np.sin(turned(angle) * pitch + 0.4) * np.sin(turned(angle + np.pi / 2) * pitch), 6.0)


def _stripes(bank: NoiseBank, rng: np.random.Generator) -> np.ndarray:
    return _edge(np.sin(turned(rng.uniform(0, np.pi)) * rng.uniform(6, 60) + rng.uniform(0, 6)), rng.uniform(1, 6))


def _dots(bank: NoiseBank, rng: np.random.Generator) -> np.ndarray:
    pitch, angle = rng.uniform(7, 30), rng.uniform(0, np.pi)
    wave = np.cos(turned(angle) * pitch) + np.cos(turned(angle + np.pi / 2) * pitch)
    return _edge(wave - rng.uniform(0.2, 1.2), 4.0)


def _bricks(bank: NoiseBank, rng: np.random.Generator) -> np.ndarray:
    rows = (Y + 1) * rng.uniform(2, 7)
    columns = (X + 1) * rng.uniform(1.2, 4) + 0.5 * (np.floor(rows) % 2)
    gap = np.minimum(np.abs(rows % 1 - 0.5), 0.5) > 0.42
    return np.maximum(gap, np.abs(columns % 1 - 0.5) > 0.45).astype(np.float32)


def _tiles(bank: NoiseBank, rng: np.random.Generator) -> np.ndarray:
    count, angle = rng.uniform(1.5, 6), rng.choice([0.0, np.pi / 4])
    u, v = (turned(angle) + 2) * count, (turned(angle + np.pi / 2) + 2) * count
    return ((np.abs(u % 1 - 0.5) > 0.45) | (np.abs(v % 1 - 0.5) > 0.45)).astype(np.float32)


def _zebra(bank: NoiseBank, rng: np.random.Generator) -> np.ndarray:
    warp = bank.fractal(rng, 2.4) * rng.uniform(0.8, 2.5)
    return _edge(np.sin(turned(rng.uniform(0, np.pi)) * rng.uniform(10, 45) + warp), rng.uniform(1, 5))


def _maze(bank: NoiseBank, rng: np.random.Generator) -> np.ndarray:
    return _edge(bank.band(rng, rng.uniform(3.2, 12)), rng.uniform(0.5, 4))


def _spots(bank: NoiseBank, rng: np.random.Generator) -> np.ndarray:
    return _edge(bank.band(rng, rng.uniform(5, 20)) - rng.uniform(0.4, 1.2), rng.uniform(1, 6))


def _waves(bank: NoiseBank, rng: np.random.Generator) -> np.ndarray:
    phase = Y * rng.uniform(10, 45) + rng.uniform(0.5, 3) * np.sin(X * rng.uniform(2, 9) + rng.uniform(0, 6))
    return 0.5 + 0.5 * np.sin(phase)


def _rings(bank: NoiseBank, rng: np.random.Generator) -> np.ndarray:
    x, y = rng.uniform(-0.6, 0.6, 2)
    radius = np.hypot(X - x, (Y - y) * rng.uniform(0.8, 1.3)) + 0.02 * bank.fractal(rng, 2.0)
    return _edge(np.sin(radius * rng.uniform(12, 60)), rng.uniform(1, 4))


def _threads(bank: NoiseBank, rng: np.random.Generator) -> np.ndarray:
    first = np.abs(bank.fractal(rng, 2.0) * rng.uniform(2, 5) % 1 - 0.5) * 2
    second = np.abs(bank.fractal(rng, 2.0) * rng.uniform(2, 5) % 1 - 0.5) * 2
    return np.clip(np.maximum(first, second) * 4 - 3, 0, 1)


def _branches(bank: NoiseBank, rng: np.random.Generator) -> np.ndarray:
    tips = [(rng.uniform(-0.4, 0.4), 1.1, -np.pi / 2, rng.uniform(0.35, 0.6), rng.uniform(0.04, 0.1))]
    ends, widths = [], []
    for _ in range(31):
        x, y, angle, length, width = tips.pop(0)
        x2, y2 = x + length * np.cos(angle), y + length * np.sin(angle)
        ends.append((x, y, x2, y2))
        widths.append(width)
        for side in (-1, 1):
            bend = side * rng.uniform(0.2, 0.7)
            tips.append((x2, y2, angle + bend, length * rng.uniform(0.65, 0.9), width * 0.68))
    return coverage(segments(np.asarray(ends), np.asarray(widths)))


def _blocks(bank: NoiseBank, rng: np.random.Generator) -> np.ndarray:
    share = np.full((SIZE, SIZE), rng.random(), np.float32)
    for _ in range(int(rng.integers(6, 24))):
        row, column = rng.integers(0, SIZE - 4, 2)
        height, width = rng.integers(3, 34, 2)
        share[row : row + height, column : column + width] = rng.random()
    return share


def fallen(rng: np.random.Generator, count: int = 90) -> tuple[np.ndarray, np.ndarray]:
    """Dead leaves (Lee, Mumford and Huang, IJCV 2001): which of `count` ellipses is on top, and its shading.

    Radii follow a power law, so that occlusion has no scale of its own. Returns (S, S) int and (S, S) float32.
    """
    radius = (0.07 / np.sqrt(rng.uniform(0.006, 1.0, count))).astype(np.float32)[:, None, None]
    x, y = rng.uniform(-1.1, 1.1, (2, count, 1, 1)).astype(np.float32)
    angle = rng.uniform(0, np.pi, (count, 1, 1)).astype(np.float32)
    squeeze = rng.uniform(1.0, 2.6, (count, 1, 1)).astype(np.float32)
    u = (X - x) * np.cos(angle) + (Y - y) * np.sin(angle)
    v = ((Y - y) * np.cos(angle) - (X - x) * np.sin(angle)) * squeeze
    reach = (u * u + v * v) / (radius * radius)
    inside = reach < 1.0
    top = np.where(inside.any(axis=0), inside.argmax(axis=0), count)
    near = np.take_along_axis(np.concatenate([reach, reach[:1] * 0]), top[None], axis=0)[0]
    return top, 1.0 - 0.35 * np.clip(near, 0, 1)


def _leaves(bank: NoiseBank, rng: np.random.Generator) -> np.ndarray:
    top, shade = fallen(rng)
    return np.clip(rng.random(int(top.max()) + 1).astype(np.float32)[top] * shade, 0, 1)


def _net(bank: NoiseBank, rng: np.random.Generator) -> np.ndarray:
    pitch, angle, thin = rng.uniform(8, 30), rng.uniform(0, np.pi), rng.uniform(4, 14)
    warp = 0.5 * bank.fractal(rng, 2.4)
    first = np.abs(np.sin(turned(angle) * pitch + warp))
    second = np.abs(np.sin(turned(angle + np.pi / 2) * pitch + warp))
    return np.exp(-((np.minimum(first, second) * thin / 3) ** 2))


def build_patterns() -> dict[str, Pattern]:
    """Pattern by name, the names of `captions.PATTERNS`."""
    return {
        "checkerboard": _checkerboard, "stripes": _stripes, "dots": _dots, "bricks": _bricks, "tiles": _tiles,
        "zebra stripes": _zebra, "maze": _maze, "spots": _spots, "waves": _waves, "rings": _rings,
        "threads": _threads, "branches": _branches, "leaves": _leaves, "blocks": _blocks, "net": _net,
    }  # fmt: skip


def paint_pattern(
    pattern: Pattern, bank: NoiseBank, rng: np.random.Generator, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """(S, S, 3) picture of a pattern with a little unevenness in both colours."""
    picture = mix(first, second, pattern(bank, rng))
    return picture * (1.0 + 0.05 * bank.fractal(rng, 1.2) + 0.06 * bank.fractal(rng, 2.4))[..., None]
