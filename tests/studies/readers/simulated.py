"""Readers whose skill is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

Array = npt.NDArray[np.float64]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def readers(
    count: int, trials: int, mean: float, spread: float, random: np.random.Generator, of_cases: float | None = None
) -> Array:
    """Right or wrong by a probit model: readers differ with standard deviation `spread`, and trials, or as given."""
    case_t = random.normal(0, spread if of_cases is None else of_cases, (1, trials))
    z = mean + random.normal(0, spread, (count, 1)) + case_t
    return (random.random((count, trials)) < stats.norm.cdf(z)).astype(np.float64)
