"""Opacity where a radiologist looks: the costophrenic angles and the zones of the lungs, found in the image alone.

The mid-line, the chest wall, the apex and the dome of the diaphragm are found on each film; brightness is then
counted between the film's own dark (lung, 0) and bright (soft tissue, 1), so that exposure cancels.

No parameter of the renderer is read here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ldbench.errors import ImageError

Array = npt.NDArray[np.float64]
Images = npt.NDArray[np.floating]

BANDS, LANES = 6, 4
_STEP = 0.5  # px between samples of a profile
_REACH = 31.0
_SIGNS = (-1.0, 1.0)  # the patient's right lung is on the left of the film


@dataclass(frozen=True)
class Opacities:
    """What was measured on N films, on each film's own scale of 0 (lung) to 1 (soft tissue)."""

    angles: Array
    """(N, 2): the right and the left costophrenic angle."""
    zones: Array
    """(N, 2, 6, 4): right and left lung, bands from apex to dome, lanes from the mid-line to the wall."""

    @property
    def asymmetry(self) -> Array:
        """(N,): the largest difference between the same zone of the two lungs, the heart's lowest zones left out."""
        difference = np.abs(self.zones[:, 0] - self.zones[:, 1])
        difference[:, 3:, :2] = 0.0
        return np.asarray(difference.max(axis=(1, 2)))


def check_films(images: Images) -> None:
    """ImageError unless images are (N >= 1, 64, 64), finite and in [0, 1]."""
    if images.ndim != 3 or images.shape[1:] != (64, 64) or not len(images):
        raise ImageError(f"chest films: expected (N >= 1, 64, 64); got {images.shape}; take one grey channel")
    if not np.isfinite(images).all() or images.min() < 0.0 or images.max() > 1.0:
        raise ImageError("chest films: expected finite values in [0, 1]; got others; divide uint8 images by 255")


def opacities(images: Images) -> Opacities:
    """Measure films (N, 64, 64) in [0, 1]; ImageError for any other shape or range."""
    check_films(images)
    measured = [_measure(image) for image in images.astype(np.float64)]
    return Opacities(np.stack([angles for angles, _ in measured]), np.stack([zones for _, zones in measured]))


def _measure(image: Array) -> tuple[Array, Array]:
    film = _smooth(image)
    middle = _midline(film)
    profiles = [_profiles(film, middle, sign) for sign in _SIGNS]
    floors = [profile[:, 8:36].min(axis=1) for profile in profiles]  # nearer than the air beside the body
    dark = float(np.percentile(np.concatenate([floor[14:36] for floor in floors]), 25))
    span = max(float(np.percentile(film, 92)) - dark, 1e-3)
    reaches = [
        sign * _wall(profile, floor < dark + 0.35 * span, dark + 0.35 * span)
        for sign, profile, floor in zip(_SIGNS, profiles, floors, strict=True)
    ]
    film = (film - dark) / span
    domes = [_dome(film, middle + 0.6 * reach) for reach in reaches]
    apex = float(np.mean([_apex(film, middle + 0.4 * reach) for reach in reaches]))
    angles = [
        _mean(film, (dome + 4.0, dome + 7.0), (middle + 0.80 * reach, middle + 0.95 * reach))
        for dome, reach in zip(domes, reaches, strict=True)
    ]
    # A large heart hides the left dome at 0.6 of the way to the wall: look for it further out too.
    domes[1] = max(domes[1], min(domes[0] + 1.0, _dome(film, middle + 0.75 * reaches[1])))
    return np.array(angles), np.stack(
        [_zones(film, middle, reach, (apex, dome)) for reach, dome in zip(reaches, domes, strict=True)]
    )


def _smooth(image: Array) -> Array:
    padded = np.pad(image, 1, mode="edge")
    rows = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
    return np.asarray(0.25 * rows[:, :-2] + 0.5 * rows[:, 1:-1] + 0.25 * rows[:, 2:])


def _midline(film: Array) -> float:
    profile = film[8:30, 22:42].mean(axis=0)
    weight = np.clip(profile - np.percentile(profile, 60), 0.0, None) + 1e-6
    return float((np.arange(22, 42) * weight).sum() / weight.sum())


def _profiles(film: Array, middle: float, sign: float) -> Array:
    # Brightness outwards from the mid-line, one row per row of the film.
    at = np.clip(middle + sign * np.arange(0.0, _REACH, _STEP), 0.0, 63.0)
    left = np.minimum(at.astype(int), 62)
    share = at - left
    return np.asarray(film[:, left] * (1.0 - share) + film[:, left + 1] * share)


def _wall(profile: Array, aerated: npt.NDArray[np.bool_], level: float) -> float:
    # Distance of the chest wall from the mid-line near its widest, over the middle rows that show lung.
    walls = []
    for row in np.flatnonzero(aerated[22:44]) + 22:
        lowest = int(np.argmin(profile[row, 8:36])) + 8
        outward = profile[row, lowest:]
        half_way = outward[0] + 0.6 * (outward.max() - outward[0])  # a thin wall may stay below the level
        walls.append(_STEP * (lowest + _first_above(outward, min(level, half_way))))
    return float(np.percentile(walls, 80)) if walls else 0.75 * _REACH


def _first_above(values: Array, level: float) -> float:
    # Sub-sample position where values first exceed level; the last position where they never do.
    above = np.flatnonzero(values > level)
    if not above.size:
        return float(len(values) - 1)
    at = int(above[0])
    if at == 0:
        return 0.0
    return at - 1 + float((level - values[at - 1]) / (values[at] - values[at - 1]))


def _dome(film: Array, column: float) -> float:
    return 26.0 + _first_above(film[26:, int(np.clip(round(column), 0, 63))], 0.5)


def _apex(film: Array, column: float) -> float:
    return 26.0 - _first_above(film[26::-1, int(np.clip(round(column), 0, 63))], 0.5)


def _zones(film: Array, middle: float, reach: float, ends: tuple[float, float]) -> Array:
    # Bands overlap by 3 px, so that none falls between two ribs.
    zones = np.zeros((BANDS, LANES))
    lanes = middle + reach * np.linspace(0.3, 0.9, LANES + 1)
    rows = np.linspace(ends[0] + 1.5, max(ends[1] - 1.0, ends[0] + 7.5), BANDS + 1)
    for band in range(BANDS):
        for lane in range(LANES):
            zones[band, lane] = _mean(film, (rows[band] - 1.5, rows[band + 1] + 1.5), (lanes[lane], lanes[lane + 1]))
    return zones


def _mean(film: Array, rows: tuple[float, float], columns: tuple[float, float]) -> float:
    top, bottom = (int(np.clip(round(row), 0, 63)) for row in rows)
    left, right = (int(np.clip(round(column), 0, 63)) for column in sorted(columns))
    return float(film[top : max(bottom, top) + 1, left : right + 1].mean())
