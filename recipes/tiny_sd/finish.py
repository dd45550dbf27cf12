"""The last step of a picture: light, grain, and the styles that a caption names (grey, pencil, painting, blurred).

Takes and gives (S, S, 3) float32 in [0, 1]. Nothing is moved, so that places in captions stay true.
"""

from __future__ import annotations

import numpy as np

from .grid import turned
from .textures import NoiseBank

_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


def apply_style(picture: np.ndarray, style: str, bank: NoiseBank, rng: np.random.Generator) -> np.ndarray:
    """The picture in one of `captions.STYLES`, clipped to [0, 1]."""
    if style == "pencil":
        return _pencil(picture, bank, rng)
    if style == "painting":
        return _painting(picture, bank, rng)
    picture = _lit(picture, rng)
    if style == "blurred":
        picture = _soft(_soft(_soft(picture)))
    if style == "grey":
        picture = _grey(picture, rng)
    grain = rng.uniform(0.0, 0.03) if rng.random() < 0.7 else rng.uniform(0.03, 0.07)
    noise = (bank.fractal(rng, 0.8) * grain)[..., None]
    return np.clip(picture + noise, 0.0, 1.0)


def _lit(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    light = 1.0 + rng.uniform(0.0, 0.25) * turned(rng.uniform(0, 2 * np.pi))
    return np.clip(picture * light[..., None], 0.0, 1.0) ** np.float32(np.exp(rng.normal(0.0, 0.15)))


def _grey(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    grey = picture @ _LUMINANCE
    low, high = np.percentile(grey, (1, 99))
    stretch = (grey - low) / max(float(high - low), 0.1)
    grey = grey + (stretch - grey) * rng.uniform(0.0, 1.0)
    tone = np.asarray([1.0, 1.0, 1.0]) if rng.random() < 0.8 else np.asarray([1.0, 0.95, 0.86])
    return np.clip(grey, 0.0, 1.0)[..., None] * tone.astype(np.float32)


def _pencil(picture: np.ndarray, bank: NoiseBank, rng: np.random.Generator) -> np.ndarray:
    grey = picture @ _LUMINANCE
    slope_y, slope_x = np.gradient(grey)
    line = np.clip(np.hypot(slope_x, slope_y) * rng.uniform(4, 8), 0.0, 1.0)
    hatch = (0.8 - grey) * np.clip(0.3 + 0.25 * bank.streaks(rng, 0), 0.0, 1.0) * rng.uniform(0.2, 0.8)
    paper = 0.95 + 0.015 * bank.fractal(rng, 0.8)
    return np.repeat(np.clip(paper - 0.85 * line - np.maximum(hatch, 0.0), 0.0, 1.0)[..., None], 3, axis=2)


def _painting(picture: np.ndarray, bank: NoiseBank, rng: np.random.Generator) -> np.ndarray:
    reach = rng.uniform(0.3, 0.8)
    size = picture.shape[0]
    rows = np.arange(size)[:, None] + np.rint(bank.band(rng, 7.2) * reach).astype(int)
    columns = np.arange(size)[None, :] + np.rint(bank.band(rng, 7.2) * reach).astype(int)
    picture = picture[np.clip(rows, 0, size - 1), np.clip(columns, 0, size - 1)]
    grey = (picture @ _LUMINANCE)[..., None]
    stroke = 1.0 + 0.06 * bank.streaks(rng, 1, bool(rng.random() < 0.5))[..., None]
    return np.clip((grey + (picture - grey) * 1.3) * stroke, 0.0, 1.0)


def _soft(picture: np.ndarray) -> np.ndarray:
    padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4
