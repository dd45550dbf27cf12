"""Surfaces that fill a picture: wood, marble, stone, water, fur, fog and others, each from noise of its own kind.

A material takes a bank, a generator and two colours and gives an (S, S, 3) picture, near [0, 1], not clipped.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .grid import X, Y, mix, turned
from .textures import NoiseBank

Surface = Callable[[NoiseBank, np.random.Generator, np.ndarray, np.ndarray], np.ndarray]


def _unit(field: np.ndarray, gain: float = 0.25) -> np.ndarray:
    return np.clip(0.5 + gain * field, 0.0, 1.0)


def _wood(bank: NoiseBank, rng: np.random.Generator, light: np.ndarray, dark: np.ndarray) -> np.ndarray:
    across = bool(rng.random() < 0.5)
    base = (Y if across else X) * rng.uniform(6, 22) + bank.streaks(rng, 3, across) * rng.uniform(0.6, 2.0)
    grain = 0.5 + 0.3 * np.sin(base) + 0.12 * bank.streaks(rng, int(rng.integers(3)), across)
    return mix(light, dark, np.clip(grain, 0, 1))


def _marble(bank: NoiseBank, rng: np.random.Generator, light: np.ndarray, dark: np.ndarray) -> np.ndarray:
    veins = np.exp(-((bank.fractal(rng, 1.6) / rng.uniform(0.06, 0.3)) ** 2))
    return mix(light, dark, np.clip(0.75 * veins + 0.12 * bank.fractal(rng, 1.2), 0, 1))


def _grainy(slope: float, gain: float) -> Surface:
    def paint(bank: NoiseBank, rng: np.random.Generator, light: np.ndarray, dark: np.ndarray) -> np.ndarray:
        return mix(light, dark, _unit(bank.fractal(rng, slope), gain * rng.uniform(0.6, 1.4)))

    return paint


def _sand(bank: NoiseBank, rng: np.random.Generator, light: np.ndarray, dark: np.ndarray) -> np.ndarray:
    grains = bank.band(rng, 2.6) * 0.12 + bank.fractal(rng, 1.6) * 0.14
    ripples = np.sin(Y * rng.uniform(8, 30) + 1.5 * bank.fractal(rng, 2.0)) * rng.uniform(0, 0.15)
    return mix(light, dark, np.clip(0.35 + grains + ripples, 0, 1))


def _hairy(kind_low: int, kind_high: int, gain: float, across: float) -> Surface:
    def paint(bank: NoiseBank, rng: np.random.Generator, light: np.ndarray, dark: np.ndarray) -> np.ndarray:
        turn = bool(rng.random() < across)
        first = bank.streaks(rng, int(rng.integers(kind_low, kind_high + 1)), turn)
        return mix(light, dark, _unit(first + 0.35 * bank.fractal(rng, 1.6), gain * rng.uniform(0.6, 1.4)))

    return paint


def _fabric(bank: NoiseBank, rng: np.random.Generator, light: np.ndarray, dark: np.ndarray) -> np.ndarray:
    pitch, angle = rng.uniform(25, 75), rng.uniform(0, np.pi)
    weave = np.sin(turned(angle) * pitch) * np.sin(turned(angle + np.pi / 2) * pitch)
    folds = bank.fractal(rng, 2.4) * rng.uniform(0.05, 0.25)
    return mix(light, dark, np.clip(0.4 + 0.3 * weave + folds, 0, 1))


def _rust(bank: NoiseBank, rng: np.random.Generator, light: np.ndarray, dark: np.ndarray) -> np.ndarray:
    patches = 0.5 + 0.5 * np.tanh(bank.fractal(rng, 1.6) * rng.uniform(1.5, 6.0))
    return mix(light, dark, np.clip(0.8 * patches + 0.12 * bank.fractal(rng, 0.8), 0, 1))


def _straw(bank: NoiseBank, rng: np.random.Generator, light: np.ndarray, dark: np.ndarray) -> np.ndarray:
    first, second = bank.streaks(rng, 0), bank.streaks(rng, int(rng.integers(2)), across=True)
    return mix(light, dark, _unit(np.maximum(first, second) - 0.5, 0.4))


def _pebbles(bank: NoiseBank, rng: np.random.Generator, light: np.ndarray, dark: np.ndarray) -> np.ndarray:
    field = bank.band(rng, rng.uniform(4, 10))
    stones = np.clip(0.5 + 0.6 * field, 0.0, 1.0) ** 0.7
    return mix(dark, light, np.clip(stones + 0.12 * bank.fractal(rng, 0.8), 0, 1))


def _lace(bank: NoiseBank, rng: np.random.Generator, light: np.ndarray, dark: np.ndarray) -> np.ndarray:
    threads = np.exp(-((bank.band(rng, rng.uniform(4, 10)) / rng.uniform(0.15, 0.5)) ** 2))
    return mix(dark, light, np.clip(threads * (0.8 + 0.15 * bank.fractal(rng, 1.2)), 0, 1))


def _wool(bank: NoiseBank, rng: np.random.Generator, light: np.ndarray, dark: np.ndarray) -> np.ndarray:
    phase = X * rng.uniform(18, 40) + 0.8 * np.sin(Y * rng.uniform(18, 50))
    return mix(light, dark, np.clip(0.4 + 0.3 * np.sin(phase) + 0.14 * bank.fractal(rng, 0.8), 0, 1))


def build_materials() -> dict[str, Surface]:
    """Material by name, the names of `captions.MATERIALS`."""
    return {
        "wood": _wood, "marble": _marble, "stone": _grainy(1.2, 0.28), "sand": _sand,
        "grass": _hairy(0, 1, 0.35, 0.0), "water": _hairy(1, 3, 0.3, 1.0), "clouds": _grainy(2.0, 0.38),
        "fur": _hairy(0, 2, 0.35, 0.4), "fabric": _fabric, "bark": _hairy(1, 2, 0.5, 0.2), "rust": _rust,
        "snow": _grainy(1.6, 0.12), "smoke": _grainy(2.4, 0.4), "straw": _straw, "gravel": _pebbles, "lace": _lace,
        "wool": _wool, "fog": _grainy(2.4, 0.15),
    }  # fmt: skip
