"""The sandbox's estimators by the names that task cards use: pixels in, one attribute out.

Gathers what `brain_estimate` and `chest_estimate` fitted on training scans. Refuses names that nobody made an
estimator for, and images that are not grey and 64 px wide (`ImageError`, from the estimators).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from ldbench.data.sandbox import brain_estimate, chest_estimate
from ldbench.errors import unknown_name


@dataclass(frozen=True)
class Estimator:
    """`read` maps grey images `(N, 64, 64) float32 in [0, 1]` to `(N,)` float64, in `unit`."""

    read: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float64]]
    unit: str


ESTIMATORS: Mapping[str, Estimator] = MappingProxyType(
    {
        "sandbox-brain-age": Estimator(brain_estimate.age_years, "years"),
        "sandbox-brain-ventricle-ratio": Estimator(brain_estimate.ventricle_ratio, "ratio"),
        "sandbox-chest-age": Estimator(chest_estimate.age, "years"),
        "sandbox-chest-cardiothoracic-ratio": Estimator(chest_estimate.cardiothoracic_ratio, "ratio"),
    }
)


def estimator(name: str) -> Estimator:
    """The estimator of that name; `UnknownNameError` with the nearest ones where there is none."""
    if name not in ESTIMATORS:
        raise unknown_name("estimator", name, ESTIMATORS, "choose one of them on the task card")
    return ESTIMATORS[name]
