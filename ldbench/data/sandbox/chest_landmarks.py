"""Landmarks of a frontal chest film, found in the image alone: mid-line, heart borders, chest wall, diaphragm.

Every measure is a distance in pixels or a brightness between the film's own dark (lung) and bright (soft tissue)
levels, so exposure cancels. `landmarks` names them all; `chest_estimate` turns them into attributes.

Refuses to know anything of how the film was made: no parameter of the renderer is read here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ldbench.errors import ImageError

Array = npt.NDArray[np.float64]

_STEP = 0.5  # px between samples of a profile
_REACH = 31.0
_EDGES = (0.3, 0.45, 0.6)
_PLACES = (0.45, 0.6, 0.75, 0.88)
ZONES = (2, 6, 4)
"""Right and left lung, bands from apex to dome, lanes from the mid-line to the wall."""
_SIDES = ("right", "left")


@dataclass(frozen=True)
class Landmarks:
    """What was measured on N films: `measures` by name, each (N,), and `zones` (N, 2, 6, 4)."""

    measures: dict[str, Array]
    zones: Array
    """Brightness of each lung zone, 0 as dark as the film's lung and 1 as bright as its soft tissue."""


def landmarks(images: npt.NDArray[np.floating]) -> Landmarks:
    """Measure films (N, 64, 64) in [0, 1]; ImageError for any other shape or range."""
    if images.ndim != 3 or images.shape[1:] != (64, 64) or not len(images):
        raise ImageError(f"chest films: expected (N >= 1, 64, 64); got {images.shape}; take one grey channel")
    if not np.isfinite(images).all() or images.min() < 0.0 or images.max() > 1.0:
        raise ImageError("chest films: expected finite values in [0, 1]; divide uint8 images by 255")
    measured = [_measure(image) for image in images.astype(np.float64)]
    names = measured[0][0]
    columns = {name: np.array([one[name] for one, _ in measured]) for name in names}
    return Landmarks(columns, np.stack([zones for _, zones in measured]))


def _measure(image: Array) -> tuple[dict[str, float], Array]:
    film = _smooth(image)
    middle = _midline(film)
    profiles = [_profiles(film, middle, sign) for sign in (-1.0, 1.0)]
    bright = float(np.percentile(film, 92))
    floor = [np.min(profile[:, 8:52], axis=1) for profile in profiles]
    dark = float(np.percentile(np.concatenate([lowest[14:36] for lowest in floor]), 25))
    span = max(bright - dark, 1e-3)
    found: dict[str, float] = {"dark": dark, "bright": bright}
    for side, profile, lowest in zip(_SIDES, profiles, floor, strict=True):
        aerated = lowest < dark + 0.35 * span
        found |= {f"{side}_{name}": value for name, value in _borders(profile, aerated).items()}
    width = found["right_wall"] + found["left_wall"]
    for number, side in enumerate(_SIDES):
        sign = (-1.0, 1.0)[number]
        levels = _diaphragm(film, middle, sign * found[f"{side}_wall"], dark + 0.5 * span)
        found |= {f"{side}_{name}": value for name, value in levels.items()}
    found["width"] = width
    found |= _ratios(found, width)
    found["floor"] = max(found["right_dome_60"], found["left_dome_75"])
    found |= _heart_extents((film - dark) / span, middle, found)
    found |= _fluid_signs((film - dark) / span, middle, found)
    rest = image - film
    found["grain"] = float(rest[16:40, 12:52].std() / span)
    return found, _zones((film - dark) / span, middle, found)


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


def _first_above(values: Array, level: float, start: int = 0) -> float:
    """Sub-sample position where values first exceed level from start on; the end where they never do."""
    above = np.flatnonzero(values[start:] > level)
    if not above.size:
        return float(len(values) - 1)
    at = start + int(above[0])
    if at == start:
        return float(at)
    return at - 1 + float((level - values[at - 1]) / (values[at] - values[at - 1]))


def _borders(profile: Array, aerated: npt.NDArray[np.bool_]) -> dict[str, float]:
    inner: dict[float, list[float]] = {edge: [] for edge in _EDGES}
    upper, walls = [], []
    for row in np.flatnonzero(aerated[10:56]) + 10:
        line = profile[row]
        lowest = int(np.argmin(line[8:52])) + 8
        column, lung = float(line[:4].max()), float(line[lowest])
        edges = {edge: _STEP * _first_above(-line, -(lung + edge * (column - lung))) for edge in _EDGES}
        outer = float(line[lowest : lowest + 24].max())
        walls.append(_STEP * _first_above(line, lung + 0.5 * (outer - lung), lowest))
        if row >= 28:
            for edge in _EDGES:
                inner[edge].append(edges[edge])
        else:
            upper.append(edges[0.45])
    found = {f"heart_{int(100 * edge)}": _high(inner[edge], 92) for edge in _EDGES}
    found |= {"heart_mean": float(np.mean(inner[0.45])) if inner[0.45] else 0.0, "rows": float(aerated.sum())}
    return found | {"knob": _high(upper, 90), "upper_mean": float(np.mean(upper or [0.0])), "wall": _high(walls, 92)}


def _high(values: list[float], percentile: float) -> float:
    return float(np.percentile(values, percentile)) if values else 0.0


def _diaphragm(film: Array, middle: float, reach: float, level: float) -> dict[str, float]:
    found = {}
    for place in _PLACES:
        column = film[:, int(np.clip(round(middle + place * reach), 0, 63))]
        found[f"dome_{int(100 * place)}"] = 26.0 + _first_above(column[26:], level)
    column = film[:, int(np.clip(round(middle + 0.4 * reach), 0, 63))]
    found["apex"] = 26.0 - _first_above(column[26::-1], level)
    return found


def _ratios(found: dict[str, float], width: float) -> dict[str, float]:
    result = {}
    unit = max(width, 1.0)
    for edge in _EDGES:
        name = f"heart_{int(100 * edge)}"
        result[f"{name}_ratio"] = (found[f"right_{name}"] + found[f"left_{name}"]) / unit
    result["left_ratio"] = found["left_heart_45"] / unit
    result["mean_ratio"] = (found["right_heart_mean"] + found["left_heart_mean"]) / unit
    result["knob_ratio"] = found["left_knob"] / unit
    result["height"] = 0.5 * sum(found[f"{s}_dome_60"] - found[f"{s}_apex"] for s in _SIDES)
    for name, lateral, dome in (("sulcus", "88", "60"), ("slope", "75", "45")):
        drops = [found[f"{side}_dome_{lateral}"] - found[f"{side}_dome_{dome}"] for side in _SIDES]
        result |= {f"{name}_right": drops[0], f"{name}_left": drops[1], f"{name}_least": min(drops)}
    result["floor_difference"] = abs(found["right_dome_75"] - found["left_dome_75"])
    return result


def _heart_extents(film: Array, middle: float, found: dict[str, float]) -> dict[str, float]:
    # Share of each half of the chest that is bright without a gap from the mid-line, over 12 rows above the floor.
    # Soft thresholds: a heart's edge is half a pixel wide at best, and its brightness varies with its depth.
    floor = int(np.clip(found["floor"], 26, 62))
    share = np.linspace(0.0, 0.85, 52)
    result = {}
    for sign, side in zip((-1.0, 1.0), _SIDES, strict=True):
        at = np.clip(middle + sign * share * found[f"{side}_wall"], 0.0, 62.99)
        left = at.astype(int)
        rows = film[max(floor - 12, 0) : floor]
        line = rows[:, left] * (1.0 - at + left) + rows[:, left + 1] * (at - left)
        for level in (0.2, 0.35, 0.5):
            solid = np.minimum.accumulate(np.clip((line - level) / 0.2, 0.0, 1.0), axis=1).mean(axis=1)
            result[f"extent_{side}_{int(100 * level)}"] = float(np.percentile(solid, 75))
            result[f"spread_{side}_{int(100 * level)}"] = float(solid.mean())
    return result


def _fluid_signs(film: Array, middle: float, found: dict[str, float]) -> dict[str, float]:
    # Fluid lifts the lateral floor of the lung, brightens the angle and what shines through under the dome.
    signs: dict[str, list[float]] = {"angle": [], "under": [], "tip": [], "lateral": []}
    for sign, side in zip((-1.0, 1.0), _SIDES, strict=True):
        reach = sign * found[f"{side}_wall"]
        dome = found[f"{side}_dome_60"]
        signs["angle"].append(_mean(film, dome - 1.0, dome + 4.0, middle + 0.78 * reach, middle + 0.95 * reach))
        signs["under"].append(_mean(film, dome + 1.0, dome + 4.0, middle + 0.5 * reach, middle + 0.75 * reach))
        band = slice(*sorted((int(middle + 0.80 * reach), int(middle + 0.94 * reach) + 1)))
        tip = 26.0 + _first_above(film[26:, band].mean(axis=1), 0.6)
        signs["tip"].append(tip - dome)
        signs["lateral"].append((tip - found[f"{side}_apex"]) / max(found["width"], 1.0))
    result = {f"{name}_{side}": values[n] for name, values in signs.items() for n, side in enumerate(_SIDES)}
    result |= {f"{name}_most": max(signs[name]) for name in ("angle", "under")}
    return result | {f"{name}_least": min(signs[name]) for name in ("tip", "lateral")}


def _zones(film: Array, middle: float, found: dict[str, float]) -> Array:
    # Mean brightness of each lung's zones, (2, bands, lanes): apex to dome, mid-line to wall. Bands overlap by
    # 3 px, so that none falls between two ribs. A large heart hides the left dome: the floor stands in for it.
    zones = np.zeros((2, ZONES[1], ZONES[2]))
    lanes = np.linspace(0.3, 0.9, ZONES[2] + 1)
    top = 0.5 * (found["right_apex"] + found["left_apex"]) + 1.5
    for number, side in enumerate(_SIDES):
        reach = (-1.0, 1.0)[number] * found[f"{side}_wall"]
        bottom = found[f"{side}_dome_60"] if side == "right" else found["floor"]
        rows = np.linspace(top, max(bottom - 1.0, top + 6.0), ZONES[1] + 1)
        for band in range(ZONES[1]):
            for lane in range(ZONES[2]):
                start, stop = middle + lanes[lane] * reach, middle + lanes[lane + 1] * reach
                zones[number, band, lane] = _mean(film, rows[band] - 1.5, rows[band + 1] + 1.5, start, stop)
    return zones


def _mean(film: Array, top: float, bottom: float, start: float, stop: float) -> float:
    rows = slice(int(np.clip(round(top), 0, 62)), int(np.clip(round(bottom), 1, 63)) + 1)
    low, high = sorted((start, stop))
    columns = slice(int(np.clip(round(low), 0, 62)), int(np.clip(round(high), 1, 63)) + 1)
    return float(film[rows, columns].mean()) if film[rows, columns].size else 0.0
