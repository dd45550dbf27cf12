"""Read attributes off chest films: cardiothoracic ratio, finding scores, sex, age.

    from .chest import estimate
    estimate(images)["cardiothoracic_ratio"]

Kernel ridge regression (Saunders et al., ICML 1998) on the film averaged over 4 x 4 pixels, with a wide Gaussian
kernel; its supports and weights are frozen in estimator.npz beside the data, fitted on the training split by
`recipes.sandbox.chest_estimator`, and estimators.json states the errors on the test split's true films. They judge a
generator's edits: was the heart made as large as was asked? Opacities that need no fit are in `chest_landmarks`.

They are no diagnosis, and are of use on this sandbox's films alone.
"""

from __future__ import annotations

import importlib.resources
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..chest.patient import FINDINGS
from .chest_landmarks import Array, Images, check_films, opacities

ATTRIBUTES = ("cardiothoracic_ratio", "age", "sex", *FINDINGS)
_BLOCK = 4


@dataclass(frozen=True)
class KernelRidge:
    """A fitted estimator of ATTRIBUTES: supports S films of 256 blocks, dual weights (S, 7)."""

    support: npt.NDArray[np.uint8]
    """(S, 256): the training films' blocks, 0 to 255."""
    weights: npt.NDArray[np.float32]
    offset: npt.NDArray[np.float32]
    """(7,): the training means of the attributes."""
    scale: float
    """Mean squared distance between a support film and the mean film, by which distances are counted."""
    gamma: float

    def predict(self, blocks: Array) -> Array:
        """Attributes (N, 7) of block films (N, 256) in [0, 1]."""
        return np.asarray(self.offset + kernel(blocks, self.support / 255.0, self.scale, self.gamma) @ self.weights)


def kernel(blocks: Array, support: Array, scale: float, gamma: float) -> Array:
    """exp(-gamma d^2 / scale) between films (N, 256) and (S, 256), (N, S)."""
    squared = (blocks**2).sum(axis=1)[:, None] + (support**2).sum(axis=1) - 2.0 * blocks @ support.T
    return np.asarray(np.exp(-gamma * np.clip(squared, 0.0, None) / scale))


def block_means(images: Images | npt.NDArray[np.uint8]) -> Array:
    """Films (N, 64, 64) averaged over 4 x 4 pixels, (N, 256)."""
    size = 64 // _BLOCK
    return np.asarray(
        images.astype(np.float64).reshape(-1, size, _BLOCK, size, _BLOCK).mean(axis=(2, 4)).reshape(-1, size**2)
    )


def frozen() -> KernelRidge:
    """The estimator that ships with the data."""
    file = importlib.resources.files("ldbench_tasks") / "sandbox_chest" / "estimator.npz"
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
        return KernelRidge(
            support=stored["support"], weights=stored["weights"], offset=stored["offset"], scale=float(stored["scale"]),
            gamma=float(stored["gamma"]),
        )


def estimate(images: Images, ridge: KernelRidge | None = None) -> dict[str, Array]:
    """All estimates of films (N, 64, 64) float in [0, 1], each (N,); `ridge` is the frozen one unless given.

    Keys: `cardiothoracic_ratio`; `age` in years; `sex`, about 1 for male and 0 for female; the four findings, a
    score of about 1 where present and 0 where not; `angle_right`, `angle_left`, the opacity of the costophrenic
    angles, and `zone_asymmetry` between the lungs, where 0 is as dark as lung and 1 as bright as soft tissue.
    ImageError for another shape or range.
    """
    check_films(images)
    predicted = (ridge or frozen()).predict(block_means(images))
    result = {name: predicted[:, column] for column, name in enumerate(ATTRIBUTES)}
    seen = opacities(images)
    return result | {
        "angle_right": seen.angles[:, 0], "angle_left": seen.angles[:, 1], "zone_asymmetry": seen.asymmetry,
    }


def cardiothoracic_ratio(images: Images) -> Array:
    """Width of the heart over the inner width of the thorax, (N,), of films (N, 64, 64) in [0, 1]."""
    return estimate(images)["cardiothoracic_ratio"]


def age(images: Images) -> Array:
    """Age in years, (N,)."""
    return estimate(images)["age"]
