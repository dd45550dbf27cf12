"""What every metric returns: a value with its interval, sample size, direction and provenance.

Refuses values that are not finite numbers, or too large to square: a metric that can't be computed raises `MetricError`
instead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ldbench.api import ParameterValue
from ldbench.errors import MetricError

Direction = Literal["lower", "higher"]
LARGEST = 1e60  # squares of squares of numbers up to here are finite, which comparisons take
_SHARE, _DISTANCE = (0.0, 1.0), (0.0, math.inf)
_BOUNDS: Mapping[str, tuple[float, float]] = {
    "fid": _DISTANCE, "ssim": (-1.0, 1.0), "psnr": _DISTANCE, "lpips": _DISTANCE, "auc": _SHARE, "target_auc": _SHARE,
    "flip_rate": _SHARE, "age_error": _DISTANCE, "ratio_error": _DISTANCE, "source_ssim": (-1.0, 1.0),
    "identity_ssim": (-1.0, 1.0), "identity_lpips": _DISTANCE, "minimality": _SHARE, "composition": _SHARE,
    "reversibility": _SHARE, "error_inside": _SHARE, "error_outside": _SHARE,
}


def bounds(metric: str) -> tuple[float, float]:
    """Between what a metric's true value must lie; no bounds where none are known (KID's estimate is unbiased)."""
    return _BOUNDS.get(metric, (-math.inf, math.inf))


@dataclass(frozen=True)
class Score:
    """One metric of one run.

    `ci_low` and `ci_high` bound a 95 % interval whose method stands in `parameters["interval"]`. `n` counts the
    generated images it was computed from. `direction` says which way is better. `extractor` names the network
    that was really used, or None.
    """

    metric: str
    value: float
    ci_low: float
    ci_high: float
    n: int
    direction: Direction
    extractor: str | None = None
    parameters: dict[str, ParameterValue] = field(default_factory=dict)

    def __post_init__(self) -> None:
        numbers = (self.value, self.ci_low, self.ci_high)
        if not all(abs(number) <= LARGEST for number in numbers) or self.ci_low > self.ci_high:  # false for NaN
            raise MetricError(
                f"{self.metric}: expected finite value and ordered interval, got {self.value} "
                f"[{self.ci_low}, {self.ci_high}] from n = {self.n}; check the images for constant content"
            )
