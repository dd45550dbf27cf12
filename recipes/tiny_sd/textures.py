"""Random fields with natural-image statistics: fractal noise, band-passed noise and streaks, cut from a bank.

A bank holds periodic tiles drawn once from a seed; a cut is a random window, flipped and turned, so that a field costs
microseconds. Fields are (S, S) float32 with zero mean and unit spread.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIZE = 64
_TILE = 256
_SLOPES = (0.8, 1.2, 1.6, 2.0, 2.4)
_WAVELENGTHS = (2.6, 3.4, 4.4, 5.6, 7.2, 9.5, 13.0, 18.0)
_STREAKS = ((2.5, 14.0), (3.5, 10.0), (4.5, 30.0), (8.0, 40.0))
_COPIES = 6


@dataclass(frozen=True)
class NoiseBank:
    """Tiles by kind: (copies, 320, 320) float32, periodic with 256."""

    slopes: dict[float, np.ndarray]
    bands: dict[float, np.ndarray]
    streaks_by_scale: dict[tuple[float, float], np.ndarray]

    def fractal(self, rng: np.random.Generator, slope: float | None = None) -> np.ndarray:
        """Noise of amplitude spectrum 1 / f^slope; natural images are near slope 1 (Field, JOSA A, 1987)."""
        return self._cut(rng, self.slopes[_nearest(slope, _SLOPES, rng)])

    def band(self, rng: np.random.Generator, wavelength: float | None = None) -> np.ndarray:
        """Isotropic noise about one wavelength in pixels: sinuous ridges and spots."""
        return self._cut(rng, self.bands[_nearest(wavelength, _WAVELENGTHS, rng)])

    def streaks(self, rng: np.random.Generator, kind: int, across: bool = False) -> np.ndarray:
        """Noise stretched along the vertical (or across it): hair, bark, ripples. `kind` is 0 (fine) to 3."""
        field = self._cut(rng, self.streaks_by_scale[_STREAKS[kind]], turn=False)
        return field.T if across else field

    def _cut(self, rng: np.random.Generator, tiles: np.ndarray, turn: bool = True) -> np.ndarray:
        copy, row, column = rng.integers(_COPIES), rng.integers(_TILE), rng.integers(_TILE)
        field = tiles[copy, row : row + SIZE, column : column + SIZE]
        if rng.random() < 0.5:
            field = field[:, ::-1]
        if turn and rng.random() < 0.5:
            field = field.T
        return field


def build_bank(seed: int) -> NoiseBank:
    """The bank of a seed."""
    rng = np.random.default_rng([seed, 1])
    fy = np.fft.fftfreq(_TILE)[:, None]
    fx = np.fft.rfftfreq(_TILE)[None, :]
    radius = np.hypot(fx, fy)
    safe = np.maximum(radius, 1.0 / _TILE)
    return NoiseBank(
        {slope: _tiles(rng, safe**-slope * (radius > 0)) for slope in _SLOPES},
        {w: _tiles(rng, np.exp(-(((radius * w - 1.0) / 0.28) ** 2))) for w in _WAVELENGTHS},
        {(w, e): _tiles(rng, np.exp(-(((fx * w) ** 2) + (fy * e) ** 2)) * (radius > 0)) for w, e in _STREAKS},
    )


def _tiles(rng: np.random.Generator, gain: np.ndarray) -> np.ndarray:
    spectrum = np.fft.rfft2(rng.normal(size=(_COPIES, _TILE, _TILE))) * gain
    field = np.fft.irfft2(spectrum, s=(_TILE, _TILE))
    field /= field.std(axis=(1, 2), keepdims=True)
    return np.pad(field, ((0, 0), (0, SIZE), (0, SIZE)), mode="wrap").astype(np.float32)


def _nearest(value: float | None, choices: tuple[float, ...], rng: np.random.Generator) -> float:
    if value is None:
        return choices[int(rng.integers(len(choices)))]
    return min(choices, key=lambda choice: abs(np.log(choice / value)))
