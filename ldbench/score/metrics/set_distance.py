"""A metric that is a distance of two sets of samples, as a score with the jackknife's interval.

What FID and its like share. No distance is below 0, and neither is a bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy.typing as npt

from ldbench.api import Measured, ParameterValue
from ldbench.score.metrics.intervals import GROUPS, group_jackknife

_SETS = "both sets, for the expected value at these sample sizes"


def set_distance_score(
    metric: str, distance: Callable[..., float], real: npt.NDArray[Any], generated: npt.NDArray[Any], *,
    extractor: str, parameters: Mapping[str, ParameterValue], seed: int, groups: int = GROUPS, over: str = _SETS,
    classes: Sequence[npt.NDArray[Any]] | None = None,
) -> Measured:
    """`distance(real, generated)`, a sample a row, with `group_jackknife`'s interval over what `over` says."""
    interval, contributions = group_jackknife(
        distance, real, generated, groups=groups, seed=seed, classes=classes
    )
    return Measured(
        metric=metric, value=interval.value, ci_low=max(interval.low, 0.0), ci_high=interval.high, n=len(generated),
        direction="lower", extractor=extractor, contributions={"groups": contributions},
        parameters={
            **parameters, "n_real": len(real), "interval": f"95 % delete-a-group jackknife over {over}",
            "interval_groups": len(contributions), "interval_seed": seed,
        },
    )
