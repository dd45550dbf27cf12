"""Read attributes off chest films: cardiothoracic ratio, angle and zone opacity, finding scores, sex, age.

    from ldbench.data.sandbox.chest_estimate import estimate
    estimate(images)["cardiothoracic_ratio"]

Linear in a few landmarks of the image, fitted on the training split; estimators.json beside the data states
their errors on the test split's true films. They judge a generator's edits: was the heart made as large as asked?

Refuses to be a diagnosis, and to be used on films from anywhere but this sandbox.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ldbench.data.sandbox.chest_coefficients import coefficients, healthy_zones
from ldbench.data.sandbox.chest_landmarks import Array, landmarks
from ldbench.data.sandbox.chest_patient import FINDINGS

Images = npt.NDArray[np.floating]


def estimate(images: Images) -> dict[str, Array]:
    """All estimates of films (N, 64, 64) float in [0, 1], each (N,).

    Keys: `cardiothoracic_ratio`; the four findings (score, about 1 where present and 0 where not); `sex` (score,
    about 1 for male and 0 for female); `age` (years); `angle_right`, `angle_left` (costophrenic opacity, 0 as dark
    as lung and 1 as bright as soft tissue); `zone_asymmetry` (largest difference between the two lungs' zones).
    ImageError for another shape or range.
    """
    found = landmarks(images)
    measures = found.measures | stand_out(found.zones, *healthy_zones())
    result = {name: _apply(terms, measures) for name, terms in coefficients().items()}
    result["angle_right"], result["angle_left"] = measures["angle_right"], measures["angle_left"]
    result["zone_asymmetry"] = np.abs(found.zones[:, 0] - found.zones[:, 1]).max(axis=(1, 2))
    return result


def stand_out(zones: Array, healthy: Array, spread: Array) -> dict[str, Array]:
    """How far lung zones (N, 2, 6, 4) exceed those of healthy films, mean and spread (2, 6, 4), each measure (N,).

    Each film's own mean is taken off first, so that a thick chest wall does not count. The lower two bands touch
    the heart and the diaphragm: `upper` leaves them out.
    """
    score = (zones - np.median(zones, axis=(1, 2, 3), keepdims=True) - healthy) / spread
    spot = score - 0.25 * sum(_neighbours(score), np.zeros_like(score))
    spots = np.sort(spot.reshape(len(spot), -1), axis=1)
    side = np.abs(score[:, 0] - score[:, 1])
    ordered = np.sort(score.reshape(len(score), -1), axis=1)
    return {
        "out_1": ordered[:, -1],
        "out_3": ordered[:, -3:].mean(axis=1),
        "out_8": ordered[:, -8:].mean(axis=1),
        "out_upper": score[:, :, :4].max(axis=(1, 2, 3)),
        "out_lateral": score[:, :, 4:, 2:].max(axis=(1, 2, 3)),
        "out_medial": score[:, :, 3:, 0].mean(axis=(1, 2)),
        "spot_1": spots[:, -1],
        "spot_4": spots[:, -4:].mean(axis=1),
        "spot_upper": spot[:, :, :4].max(axis=(1, 2, 3)),
        "spot_square": (spot**2).mean(axis=(1, 2, 3)),
        "side_1": side.max(axis=(1, 2)),
        "side_mean": np.abs(score[:, 0].mean(axis=(1, 2)) - score[:, 1].mean(axis=(1, 2))),
        "side_upper": side[:, :4].max(axis=(1, 2)),
        "square": (score**2).mean(axis=(1, 2, 3)),
        "low": score[:, :, 4:].mean(axis=(1, 2, 3)),
        "high": score[:, :, :2].mean(axis=(1, 2, 3)),
    }


def _neighbours(score: Array) -> list[Array]:
    # The zones above, below, inwards and outwards in the same lung; at a border the zone itself.
    padded = np.pad(score, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    return [padded[:, :, :-2, 1:-1], padded[:, :, 2:, 1:-1], padded[:, :, 1:-1, :-2], padded[:, :, 1:-1, 2:]]


def cardiothoracic_ratio(images: Images) -> Array:
    """Width of the heart over the inner width of the thorax, (N,), of films (N, 64, 64) in [0, 1]."""
    return estimate(images)["cardiothoracic_ratio"]


def finding_scores(images: Images) -> Array:
    """Scores (N, 4) in the order of FINDINGS, about 1 where the finding is present and 0 where it is not."""
    estimated = estimate(images)
    return np.stack([estimated[finding] for finding in FINDINGS], axis=1)


def age(images: Images) -> Array:
    """Age in years, (N,)."""
    return estimate(images)["age"]


def sex_score(images: Images) -> Array:
    """About 1 for male, 0 for female, (N,)."""
    return estimate(images)["sex"]


def _apply(terms: dict[str, float], measures: dict[str, Array]) -> Array:
    size = len(next(iter(measures.values())))
    total = np.full(size, terms["intercept"])
    for name, slope in terms.items():
        if name != "intercept":
            total += slope * measures[name]
    return total
