"""A metric that is a mean of one value a case, as a `Score`.

What the paired metrics share: Student's t interval, cut at the metric's bounds. Refuses too few and not finite values.
"""

from __future__ import annotations

from collections.abc import Mapping

from ldbench.api import ParameterValue
from ldbench.records.score import Direction, bounds
from ldbench.score.metrics.intervals import Array, mean_interval
from ldbench.score.metrics.measured import Measured, of_mean


def mean_score(
    metric: str, values: Array, direction: Direction, parameters: Mapping[str, ParameterValue],
    extractor: str | None = None,
) -> Measured:
    """The mean of `values (N,)` with its 95 % interval; raises `MetricError` for fewer than two or not finite ones."""
    interval, (lowest, highest) = mean_interval(values, metric), bounds(metric)
    return Measured(
        metric=metric,
        value=interval.value,
        ci_low=max(interval.low, lowest),
        ci_high=min(interval.high, highest),
        n=len(values),
        direction=direction,
        extractor=extractor,
        parameters={**parameters, "interval": "95 % Student's t over cases"},
        contributions={"cases": of_mean(values)},
    )
