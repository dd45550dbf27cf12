"""The everyday objects of the corpus, each a few strokes of a brush in its own frame.

Every object stands on y = 0.9 or so and fits -1 to 1. Names are those of `captions.OBJECTS`; the colour that a
caption names is the first colour, the second is a companion.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from .brush import Brush, Colour

Drawing = Callable[[Brush, np.random.Generator, Colour, Colour], None]
_DARK = np.array([0.08, 0.07, 0.07], np.float32)
_PALE = np.array([0.93, 0.92, 0.88], np.float32)
_WOODEN = np.array([0.40, 0.26, 0.14], np.float32)
_LEAFY = np.array([0.22, 0.50, 0.20], np.float32)
_SKIN = np.array([0.80, 0.60, 0.47], np.float32)


def _ball(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    b.ellipse(0, 0.1, 0.8, 0.8, c, volume=0.6)
    if rng.random() < 0.4:
        b.ellipse(0, 0.1, 0.8, 0.22, d, rng.uniform(-0.5, 0.5), volume=0.5)
    b.ellipse(0.3 * b.light[0], 0.1 + 0.35 * b.light[1], 0.14, 0.1, _PALE, volume=0.0)


def _apple(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    b.ellipse(-0.22, 0.2, 0.55, 0.68, c, volume=0.5)
    b.ellipse(0.22, 0.2, 0.55, 0.68, c, volume=0.5)
    b.line(0, -0.4, 0.08, -0.8, 0.05, _WOODEN)
    b.ellipse(0.3, -0.7, 0.24, 0.1, _LEAFY, -0.5)


def _pear(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    b.ellipse(0, -0.25, 0.34, 0.5, c, volume=0.4)
    b.ellipse(0, 0.35, 0.6, 0.55, c, volume=0.45)
    b.line(0, -0.7, 0.1, -0.95, 0.05, _WOODEN)


def _cup(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    b.ellipse(0.6, 0.1, 0.34, 0.36, c)
    b.ellipse(0.6, 0.1, 0.2, 0.22, d * 0.6)
    b.polygon([(-0.6, -0.5), (0.6, -0.5), (0.45, 0.85), (-0.45, 0.85)], c)
    b.ellipse(0, -0.5, 0.6, 0.17, c * 0.75, volume=0.1)
    b.ellipse(0, -0.48, 0.5, 0.11, _WOODEN * 0.7, volume=0.1)


def _bottle(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    b.box(0, -0.62, 0.13, 0.35, c)
    b.ellipse(0, -0.05, 0.36, 0.32, c, volume=0.3)
    b.box(0, 0.4, 0.36, 0.5, c)
    b.box(0, 0.4, 0.36, 0.2, d)
    b.box(-0.2, 0.3, 0.04, 0.4, np.minimum(c + 0.3, 1.0))


def _flower(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    b.line(0, -0.2, 0.05, 0.9, 0.05, _LEAFY)
    b.ellipse(0.25, 0.5, 0.26, 0.1, _LEAFY, -0.5)
    count = int(rng.integers(5, 9))
    for turn in np.arange(count) * (2 * np.pi / count) + rng.uniform(0, 1):
        b.ellipse(0.38 * np.cos(turn), -0.3 + 0.38 * np.sin(turn), 0.3, 0.17, c, float(turn), 0.25)
    b.ellipse(0, -0.3, 0.2, 0.2, d, volume=0.4)


def _house(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    b.box(0.4, -0.65, 0.1, 0.28, d * 0.6)
    b.box(0, 0.35, 0.75, 0.55, c)
    b.polygon([(-0.95, -0.18), (0, -0.85), (0.95, -0.18)], d)
    b.box(0, 0.55, 0.16, 0.35, _WOODEN)
    for x in (-0.45, 0.45):
        b.box(x, 0.2, 0.17, 0.17, _PALE)
        b.box(x, 0.2, 0.12, 0.12, _DARK + np.float32(0.2))


def _tree(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    b.line(0, 0.0, 0, 0.85, 0.11, _WOODEN)
    if rng.random() < 0.35:
        for step in range(3):
            y, half = -0.95 + 0.4 * step, 0.4 + 0.16 * step
            b.polygon([(-half, y + 0.7), (0, y), (half, y + 0.7)], c * (0.85 + 0.08 * step))
        return
    for _ in range(7):
        x, y = rng.normal(0, 0.28), -0.3 + rng.normal(0, 0.22)
        b.ellipse(x, y, rng.uniform(0.3, 0.45), rng.uniform(0.28, 0.4), c * rng.uniform(0.8, 1.15), volume=0.4)


def _car(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    b.polygon([(-0.6, 0.15), (-0.35, -0.3), (0.35, -0.3), (0.65, 0.15)], c)
    b.polygon([(-0.45, 0.1), (-0.28, -0.2), (-0.03, -0.2), (-0.03, 0.1)], _DARK + np.float32(0.3))
    b.polygon([(0.05, 0.1), (0.05, -0.2), (0.28, -0.2), (0.48, 0.1)], _DARK + np.float32(0.3))
    b.box(0, 0.32, 0.98, 0.22, c)
    b.box(0.93, 0.25, 0.06, 0.07, _PALE)
    for x in (-0.55, 0.55):
        b.ellipse(x, 0.55, 0.22, 0.22, _DARK)
        b.ellipse(x, 0.55, 0.1, 0.1, _PALE * 0.7)


def _boat(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    b.line(0, -0.9, 0, 0.4, 0.03, _WOODEN)
    b.polygon([(0.06, 0.25), (0.06, -0.85), (0.7, 0.25)], _PALE)
    b.polygon([(-0.06, 0.25), (-0.55, 0.25), (-0.06, -0.7)], _PALE * 0.9)
    b.polygon([(-0.9, 0.35), (0.9, 0.35), (0.6, 0.8), (-0.6, 0.8)], c)


def _cat(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    b.line(0.45, 0.75, 0.9, 0.1, 0.08, c * 0.9)
    b.ellipse(0.1, 0.45, 0.45, 0.5, c)
    for x in (-0.42, 0.02):
        b.polygon([(x - 0.16, -0.45), (x + 0.02 * np.sign(x), -0.95), (x + 0.16, -0.45)], c * 0.85)
    b.ellipse(-0.2, -0.3, 0.42, 0.36, c)
    for x in (-0.36, -0.04):
        b.ellipse(x, -0.36, 0.075, 0.085, np.array([0.75, 0.8, 0.3], np.float32), volume=0)
        b.ellipse(x, -0.36, 0.03, 0.08, _DARK, volume=0)
    b.ellipse(-0.2, -0.2, 0.05, 0.04, _DARK, volume=0)
    for x in (-0.1, 0.25):
        b.line(x, 0.55, x, 0.88, 0.08, c * 0.95)


def _dog(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    for x in (-0.4, -0.22, 0.4, 0.56):
        b.line(x, 0.3, x, 0.85, 0.085, c * 0.85)
    b.line(0.65, 0.1, 0.92, -0.3, 0.06, c)
    b.ellipse(0.1, 0.2, 0.62, 0.32, c)
    b.ellipse(-0.55, -0.28, 0.32, 0.3, c)
    b.ellipse(-0.82, -0.18, 0.2, 0.14, c * 0.95)
    b.ellipse(-0.98, -0.22, 0.06, 0.05, _DARK, volume=0)
    b.ellipse(-0.38, -0.25, 0.12, 0.3, c * 0.7, 0.2)
    b.ellipse(-0.65, -0.36, 0.045, 0.045, _DARK, volume=0)


def _fish(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    b.polygon([(0.45, 0.05), (0.95, -0.35), (0.95, 0.45)], d)
    b.polygon([(-0.2, -0.3), (0.1, -0.65), (0.35, -0.2)], d)
    b.ellipse(-0.1, 0.05, 0.7, 0.42, c, volume=0.4)
    for x in (-0.1, 0.15, 0.38):
        b.line(x, -0.2, x, 0.3, 0.03, d * 0.85)
    b.ellipse(-0.5, -0.05, 0.09, 0.09, _PALE, volume=0)
    b.ellipse(-0.5, -0.05, 0.045, 0.045, _DARK, volume=0)


def _bird(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    b.polygon([(0.4, 0.1), (0.98, -0.1), (0.95, 0.2), (0.45, 0.35)], c * 0.8)
    for x in (-0.05, 0.15):
        b.line(x, 0.45, x, 0.9, 0.03, _WOODEN)
    b.ellipse(0.05, 0.15, 0.55, 0.38, c, 0.2)
    b.ellipse(-0.42, -0.3, 0.28, 0.26, c)
    b.polygon([(-0.65, -0.38), (-0.62, -0.2), (-0.98, -0.24)], np.array([0.9, 0.6, 0.1], np.float32))
    b.ellipse(0.15, 0.1, 0.36, 0.2, d, 0.35)
    b.ellipse(-0.48, -0.36, 0.045, 0.045, _DARK, volume=0)


def _person(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    skin = _SKIN * rng.uniform(0.45, 1.12)
    for x in (-0.13, 0.13):
        b.line(x, 0.3, x * 1.3, 0.9, 0.1, d * 0.8)
    swing = rng.uniform(-0.3, 0.3)
    b.line(-0.25, -0.25, -0.45 + swing, 0.2, 0.08, c * 0.9)
    b.line(0.25, -0.25, 0.45 + swing, 0.2, 0.08, c * 0.9)
    b.polygon([(-0.3, -0.35), (0.3, -0.35), (0.26, 0.4), (-0.26, 0.4)], c)
    b.ellipse(0, -0.62, 0.2, 0.25, skin)
    b.ellipse(0, -0.78, 0.22, 0.13, _WOODEN * rng.uniform(0.3, 1.6))


def _star(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    for turn in np.arange(5) * (2 * np.pi / 5):
        s, k = np.sin(turn), np.cos(turn)
        b.polygon([(0.36 * k, 0.36 * s), (-0.36 * k, -0.36 * s), (0.9 * s, -0.9 * k)], c)
    b.ellipse(0, 0, 0.38, 0.38, c, volume=0.05)


def _butterfly(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    for side in (-1, 1):
        b.ellipse(0.45 * side, -0.3, 0.5, 0.34, c, -0.6 * side)
        b.ellipse(0.36 * side, 0.35, 0.36, 0.3, c * 0.85, 0.6 * side)
        b.ellipse(0.5 * side, -0.34, 0.2, 0.14, d, -0.6 * side)
        b.line(0, -0.5, 0.2 * side, -0.9, 0.025, _DARK)
    b.ellipse(0, 0, 0.09, 0.6, _DARK)


def _lamp(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    b.line(0, -0.2, 0, 0.8, 0.05, d * 0.7)
    b.ellipse(0, 0.85, 0.42, 0.1, d * 0.7)
    b.polygon([(-0.35, -0.85), (0.35, -0.85), (0.7, -0.1), (-0.7, -0.1)], np.minimum(c * 1.1, 1.0))


def _box(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    b.polygon([(-0.8, -0.2), (-0.4, -0.6), (0.9, -0.6), (0.5, -0.2)], np.minimum(c * 1.2, 1.0))
    b.polygon([(0.5, -0.2), (0.9, -0.6), (0.9, 0.45), (0.5, 0.85)], c * 0.6)
    b.box(-0.15, 0.325, 0.65, 0.525, c)
    b.box(-0.15, 0.325, 0.08, 0.525, d)


def _umbrella(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    b.line(0, -0.2, 0, 0.8, 0.04, _WOODEN)
    b.line(0, 0.8, 0.18, 0.85, 0.05, _WOODEN)
    corners = [(0.95 * np.cos(a), 0.1 - 0.85 * np.sin(a)) for a in np.linspace(np.pi, 0, 8)]
    b.polygon(corners, c)
    b.polygon([(0.0, -0.75), (0.3, 0.1), (-0.3, 0.1)], d)


def _chair(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    for x in (-0.45, 0.45):
        b.line(x, 0.2, x, 0.88, 0.06, c * 0.7)
        b.line(x, -0.85, x, 0.2, 0.06, c * 0.85)
    for y in (-0.75, -0.45, -0.15):
        b.box(0, y, 0.45, 0.07, c)
    b.polygon([(-0.5, 0.12), (0.5, 0.12), (0.62, 0.34), (-0.62, 0.34)], c)


def _mushroom(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    b.polygon([(-0.17, -0.1), (0.17, -0.1), (0.26, 0.88), (-0.26, 0.88)], _PALE)
    b.polygon([(0.85 * np.cos(a), 0.05 - 0.8 * np.sin(a)) for a in np.linspace(np.pi, 0, 9)], c)
    for _ in range(5):
        b.ellipse(rng.uniform(-0.5, 0.5), rng.uniform(-0.5, -0.1), 0.1, 0.08, _PALE, volume=0.1)


def _plate(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    b.ellipse(0, 0.2, 0.95, 0.55, c, volume=0.15)
    b.ellipse(0, 0.2, 0.65, 0.36, c * 0.85, volume=0.1)
    b.ellipse(0, 0.2, 0.55, 0.3, d, volume=0.2)


def _ring(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    width = rng.uniform(0.06, 0.16)
    corners = [(0.75 * np.cos(a), 0.1 + 0.75 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 25)]
    for (x0, y0), (x1, y1) in pairwise(corners):
        b.line(x0, y0, x1, y1, width, c * (1.0 + 0.3 * (x0 * b.light[0] + y0 * b.light[1])))


def _leaf(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    b.ellipse(0, 0, 0.85, 0.42, c, -0.7, volume=0.3)
    b.line(-0.8, 0.7, 0.6, -0.5, 0.035, c * 0.6)
    for t in (-0.3, 0.0, 0.3):
        b.line(t, -0.86 * t, t + 0.32, -0.86 * t + 0.05, 0.02, c * 0.6)
        b.line(t, -0.86 * t, t - 0.02, -0.86 * t - 0.32, 0.02, c * 0.6)


def _clock(b: Brush, rng: np.random.Generator, c: Colour, d: Colour) -> None:
    b.ellipse(0, 0, 0.85, 0.85, c, volume=0.3)
    b.ellipse(0, 0, 0.7, 0.7, _PALE, volume=0.1)
    for turn in np.arange(12) * (np.pi / 6):
        b.ellipse(0.58 * np.cos(turn), 0.58 * np.sin(turn), 0.05, 0.05, _DARK, volume=0)
    for reach in (0.32, 0.5):
        turn = rng.uniform(0, 2 * np.pi)
        b.line(0, 0, reach * np.cos(turn), reach * np.sin(turn), 0.04, _DARK)


def build_drawings() -> dict[str, Drawing]:
    """Drawing by name, the names of `captions.OBJECTS`."""
    drawings = (
        _ball, _apple, _pear, _cup, _bottle, _flower, _house, _tree, _car, _boat, _cat, _dog, _fish, _bird, _person,
        _star, _butterfly, _lamp, _box, _umbrella, _chair, _mushroom, _plate, _ring, _leaf, _clock,
    )  # fmt: skip
    return {drawing.__name__.lstrip("_"): drawing for drawing in drawings}
