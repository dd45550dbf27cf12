"""Compose pictures and their phrases: still lifes, landscapes, nights, beaches, streets, signs and bare surfaces.

Each scene gives an (S, S, 3) float32 picture and the words that are true of it. The corpus adds the style.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .brush import Brush
from .captions import COUNTS, PLACES, SIZES, SURFACES, TIMES, article, counted, pick_colour, tint
from .grid import X, Y, blend, coverage, mix
from .materials import Surface, build_materials
from .objects import Drawing, build_drawings
from .patterns import Pattern, build_patterns, fallen, paint_pattern
from .textures import SIZE, NoiseBank, build_bank

Rng = np.random.Generator
Scene = Callable[["Studio", Rng], tuple[np.ndarray, str]]
_LAYOUTS = (
    ((0.0, 0.05),), ((-0.45, 0.1), (0.45, 0.1)), ((-0.52, 0.2), (0.0, -0.2), (0.52, 0.25)),
    ((-0.45, -0.35), (0.45, -0.35), (-0.45, 0.45), (0.45, 0.45)),
    ((-0.6, -0.4), (0.6, -0.4), (0.0, 0.05), (-0.6, 0.5), (0.6, 0.5)),
    ((-0.6, -0.4), (0.0, -0.4), (0.6, -0.4), (-0.6, 0.45), (0.0, 0.45), (0.6, 0.45)),
)  # fmt: skip
_SPREAD = (0.62, 0.42, 0.36, 0.38, 0.32, 0.29)
_DIGITS = {"0": "abcdef", "1": "bc", "2": "abged", "3": "abgcd", "4": "fgbc", "5": "afgcd", "6": "afgedc", "7": "abc",
           "8": "abcdefg", "9": "abcdfg"}  # fmt: skip
_BARS = {"a": (-1, -2, 1, -2), "b": (1, -2, 1, 0), "c": (1, 0, 1, 2), "d": (-1, 2, 1, 2), "e": (-1, 0, -1, 2),
         "f": (-1, -2, -1, 0), "g": (-1, 0, 1, 0)}  # fmt: skip
_GROUND = {"table": "wood", "wall": "stone", "carpet": "wool", "field": "grass", "beach": "sand",
           "wooden floor": "wood", "cloth": "fabric"}  # fmt: skip


@dataclass(frozen=True)
class Studio:
    """What scenes are made of: the noise bank and the tables of materials, patterns and drawings."""

    bank: NoiseBank
    materials: dict[str, Surface]
    patterns: dict[str, Pattern]
    drawings: dict[str, Drawing]

    def surface(self, rng: Rng, material: str, colour: str) -> np.ndarray:
        """A material in shades of one colour."""
        light = tint(rng, colour)
        return self.materials[material](self.bank, rng, light, light * rng.uniform(0.35, 0.75))

    def brush(self, rng: Rng, picture: np.ndarray, centre: tuple[float, float], scale: float) -> Brush:
        """A brush for one object, with its own roughness and direction of light."""
        rough = 1.0 + rng.uniform(0.0, 0.12) * self.bank.fractal(rng, rng.choice((0.8, 1.6)))
        angle = rng.uniform(-2.6, -0.5)
        light = (float(np.cos(angle)), float(np.sin(angle)))
        return Brush(picture, centre, scale, light, rough, bool(rng.random() < 0.5))


def build_studio(seed: int) -> Studio:
    """The studio of a seed."""
    return Studio(build_bank(seed), build_materials(), build_patterns(), build_drawings())


def still_life(studio: Studio, rng: Rng) -> tuple[np.ndarray, str]:
    """One to six things of a kind on a surface or a plain background."""
    name = str(rng.choice(list(studio.drawings)))
    colour = pick_colour(rng)
    count = int(rng.choice(len(COUNTS), p=(0.40, 0.16, 0.13, 0.11, 0.10, 0.10))) + 1
    size = str(rng.choice(list(SIZES), p=(0.2, 0.6, 0.2)))
    picture, where = _backdrop(studio, rng, colour)
    place = str(rng.choice(list(PLACES))) if count == 1 else ""
    _place(studio, rng, picture, name, colour, count, SIZES[size], PLACES[place])
    phrase = counted(name, count, f"{size} {colour}".strip())
    return picture, " ".join(part for part in (phrase, place, where) if part)


def pair(studio: Studio, rng: Rng) -> tuple[np.ndarray, str]:
    """Two different things side by side."""
    names = rng.choice(list(studio.drawings), 2, replace=False)
    first = pick_colour(rng)
    second = pick_colour(rng, avoid=first)
    picture, where = _backdrop(studio, rng, first)
    for name, colour, x in zip(names, (first, second), (-0.45, 0.45), strict=True):
        _stroke(studio, rng, picture, str(name), colour, (x + rng.normal(0, 0.04), rng.normal(0.1, 0.06)), 0.42)
    return picture, f"{counted(names[0], 1, first)} and {counted(names[1], 1, second)} {where}"


def landscape(studio: Studio, rng: Rng) -> tuple[np.ndarray, str]:
    """Sky, perhaps mountains, ground, and something standing on it."""
    time = str(rng.choice(TIMES))
    horizon = float(rng.uniform(-0.2, 0.35))
    picture = _sky(studio, rng, time, horizon)
    words = []
    if rng.random() < 0.5:
        _mountains(studio, rng, picture, horizon)
        words.append("mountains")
    ground = str(rng.choice(("field", "beach", "sea", "road")))
    _ground(studio, rng, picture, ground, horizon, time)
    if rng.random() < 0.75:
        name = "boat" if ground == "sea" else str(rng.choice(("house", "tree", "person", "dog", "car", "cat", "bird")))
        colour = pick_colour(rng)
        count = int(rng.integers(1, 4))
        for index in range(count):
            x = (index + 0.5) / count * 1.6 - 0.8 + rng.normal(0, 0.08)
            _stroke(studio, rng, picture, name, colour, (x, horizon + rng.uniform(0.1, 0.3)), rng.uniform(0.26, 0.4))
        words.insert(0, counted(name, count, colour))
    words.append({"field": "a field", "beach": "a beach", "sea": "the sea", "road": "a road"}[ground])
    dark = 0.42 if time == "at night" else 1.0
    return picture * np.float32(dark), f"{' and '.join(words)} {time}"


def street(studio: Studio, rng: Rng) -> tuple[np.ndarray, str]:
    """A row of buildings with windows under the sky, and a road with a car."""
    time = str(rng.choice(TIMES))
    night = time == "at night"
    picture = _sky(studio, rng, time, 0.5)
    edge = -1.0
    while edge < 1.0:
        width, height = rng.uniform(0.25, 0.7), rng.uniform(0.4, 1.3)
        _building(studio, rng, picture, edge, width, 0.55 - height, night)
        edge += width
    _ground(studio, rng, picture, "road", 0.55, time)
    colour = pick_colour(rng)
    _stroke(studio, rng, picture, "car", colour, (rng.uniform(-0.5, 0.5), 0.68), 0.3)
    kind = str(rng.choice(("city street", "city")))
    return picture, f"a {kind} with {counted('car', 1, colour)} {time}"


def sign(studio: Studio, rng: Rng) -> tuple[np.ndarray, str]:
    """A plate with a number in digits."""
    number = str(int(rng.integers(0, 100)))
    board = pick_colour(rng)
    ink = pick_colour(rng, avoid=board)
    picture, where = _backdrop(studio, rng, board)
    brush = studio.brush(rng, picture, (rng.normal(0, 0.05), rng.normal(0, 0.05)), float(rng.uniform(0.7, 0.95)))
    brush = Brush(picture, brush.centre, brush.scale, brush.light, brush.texture, mirror=False)
    brush.box(0, 0, 0.85, 0.6, tint(rng, ink) * 0.8)
    brush.box(0, 0, 0.78, 0.53, tint(rng, board))
    for index, digit in enumerate(number):
        middle = 0.62 * (index - (len(number) - 1) / 2)
        for x0, y0, x1, y1 in (_BARS[bar] for bar in _DIGITS[digit]):
            brush.line(middle + 0.2 * x0, 0.19 * y0, middle + 0.2 * x1, 0.19 * y1, 0.07, tint(rng, ink, 0.02))
    return picture, f"{article(board)} sign with the number {number} in {ink} {where}"


def bare_surface(studio: Studio, rng: Rng) -> tuple[np.ndarray, str]:
    """A material that fills the picture."""
    material = str(rng.choice(list(studio.materials)))
    colour = pick_colour(rng)
    return studio.surface(rng, material, colour), f"{colour} {material}"


def bare_pattern(studio: Studio, rng: Rng) -> tuple[np.ndarray, str]:
    """A pattern of two colours that fills the picture."""
    name = str(rng.choice(list(studio.patterns)))
    first = pick_colour(rng)
    second = pick_colour(rng, avoid=first)
    picture = paint_pattern(studio.patterns[name], studio.bank, rng, tint(rng, first), tint(rng, second))
    return picture, f"{name} in {first} and {second}"


def leaves_on_ground(studio: Studio, rng: Rng) -> tuple[np.ndarray, str]:
    """Fallen leaves in shades of a colour, with veins of noise: occlusion at all scales."""
    colour = pick_colour(rng)
    top, shade = fallen(rng)
    palette = np.stack([tint(rng, colour, 0.12) * rng.uniform(0.5, 1.2) for _ in range(int(top.max()) + 1)])
    rough = 1.0 + rng.uniform(0.03, 0.2) * studio.bank.fractal(rng, 1.2)
    return palette[top] * (shade * rough)[..., None], f"{colour} leaves on the road"


def _backdrop(studio: Studio, rng: Rng, avoid: str) -> tuple[np.ndarray, str]:
    colour = pick_colour(rng, avoid=avoid)
    if rng.random() < 0.5:
        kind = "black" if avoid != "black" and rng.random() < 0.25 else colour
        base = mix(tint(rng, kind), tint(rng, kind) * rng.uniform(0.7, 1.0), (Y + 1) / 2)
        return base * (1 + 0.03 * studio.bank.fractal(rng, 2.0))[..., None], f"on a {kind} background"
    surface = str(rng.choice(SURFACES))
    ground = studio.surface(rng, _GROUND[surface], colour)
    if surface in ("table", "field", "beach"):
        horizon = rng.uniform(-0.5, 0.0)
        wall = tint(rng, pick_colour(rng)) * (0.8 + 0.1 * studio.bank.fractal(rng, 2.4))[..., None]
        ground = blend(ground, wall, coverage(Y - horizon))
    word = surface if surface == "wooden floor" else f"{colour} {surface}"
    return ground, f"on {article(word)}"


def _place(
    studio: Studio, rng: Rng, picture: np.ndarray, name: str, colour: str, count: int, size: float,
    shift: tuple[float, float],
) -> None:  # fmt: skip
    for x, y in _LAYOUTS[count - 1]:
        centre = (x + shift[0] + rng.normal(0, 0.05), y + shift[1] + rng.normal(0, 0.05))
        _stroke(studio, rng, picture, name, colour, centre, _SPREAD[count - 1] * size * rng.uniform(0.9, 1.08))


def _stroke(
    studio: Studio, rng: Rng, picture: np.ndarray, name: str, colour: str, centre: tuple[float, float], scale: float
) -> None:
    brush = studio.brush(rng, picture, (float(centre[0]), float(centre[1])), float(scale))
    brush.shadow(-0.2 * brush.light[0], 0.9, 0.85, 0.22, float(rng.uniform(0.1, 0.45)))
    studio.drawings[name](brush, rng, tint(rng, colour), tint(rng, pick_colour(rng, avoid=colour)))


def _sky(studio: Studio, rng: Rng, time: str, horizon: float) -> np.ndarray:
    tops = {"at night": (0.03, 0.04, 0.12), "in the evening": (0.35, 0.25, 0.50), "in the morning": (0.55, 0.65, 0.85),
            "on a cloudy day": (0.58, 0.61, 0.66), "in winter": (0.72, 0.78, 0.86)}  # fmt: skip
    lows = {"at night": (0.10, 0.11, 0.22), "in the evening": (0.95, 0.55, 0.25), "in the morning": (0.97, 0.80, 0.66)}
    top = np.asarray(tops.get(time, (0.25, 0.48, 0.88)), np.float32)
    low = np.asarray(lows.get(time, (0.80, 0.87, 0.93)), np.float32)
    picture = mix(top, low, np.clip((Y + 1) / (horizon + 1.2), 0, 1))
    if time == "at night":
        stars = (rng.random((SIZE, SIZE)) > 0.985) * rng.random((SIZE, SIZE))
        picture = blend(picture, np.ones(3, np.float32), stars.astype(np.float32))
        Brush(picture, (rng.uniform(-0.7, 0.7), -0.6), 0.16, (0.5, -0.5), np.ones((SIZE, SIZE), np.float32)).ellipse(
            0, 0, 1, 1, np.array([0.95, 0.94, 0.85], np.float32), volume=0.1
        )
        return picture / np.float32(0.42)
    if time == "on a sunny day":
        glow = np.exp(-(((X - rng.uniform(-0.7, 0.7)) ** 2 + (Y + 0.7) ** 2) / 0.06))
        picture = blend(picture, np.array([1.0, 0.97, 0.75], np.float32), np.clip(1.6 * glow, 0, 1))
    cloud = np.clip(studio.bank.fractal(rng, 1.6) - (0.9 if time != "on a cloudy day" else 0.0), 0, 1)
    return blend(picture, np.array([0.95, 0.95, 0.96], np.float32), cloud * rng.uniform(0.2, 0.9))


def _mountains(studio: Studio, rng: Rng, picture: np.ndarray, horizon: float) -> None:
    for depth in range(int(rng.integers(1, 4))):
        profile = studio.bank.fractal(rng, 2.0)[0] * 0.16 + horizon - 0.35 + 0.13 * depth
        rock = tint(rng, str(rng.choice(("grey", "blue", "brown", "green"))), 0.04) * np.float32(0.8 - 0.12 * depth)
        shade = rock * (1.0 + 0.2 * studio.bank.fractal(rng, 1.2))[..., None]
        picture[:] = blend(picture, shade, coverage(profile[None, :] - Y))


def _ground(studio: Studio, rng: Rng, picture: np.ndarray, kind: str, horizon: float, time: str) -> None:
    material = {"field": "grass", "beach": "sand", "sea": "water", "road": "stone"}[kind]
    colour = {"field": "green", "beach": "beige", "sea": "blue", "road": "grey"}[kind]
    if time == "in winter" and kind != "sea":
        material, colour = "snow", "white"
    picture[:] = blend(picture, studio.surface(rng, material, colour), coverage(horizon - Y))


def _building(
    studio: Studio, rng: Rng, picture: np.ndarray, left: float, width: float, roof: float, night: bool
) -> None:
    wall = tint(rng, str(rng.choice(("brown", "grey", "beige", "red", "white", "blue"))), 0.06)
    wall = wall * np.float32(0.25 if night else 1.0)
    distance = np.maximum(np.abs(X - left - width / 2) - width / 2 + 0.01, roof - Y)
    u, v = (X - left) * rng.uniform(5, 9), (Y - roof) * rng.uniform(5, 9)
    window = (np.abs(u % 1 - 0.5) < 0.25) & (np.abs(v % 1 - 0.5) < 0.3)
    glass = np.array([0.95, 0.85, 0.45] if night else [0.25, 0.32, 0.42], np.float32)
    face = blend(wall * (1 + 0.06 * studio.bank.fractal(rng, 1.2))[..., None], glass, window * rng.uniform(0.5, 1.0))
    picture[:] = blend(picture, face.astype(np.float32), coverage(distance))
