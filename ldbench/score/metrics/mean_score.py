"""A metric that is a mean of one value a case, as a `Score`.

What the paired metrics share: Student's t interval. `ldbench.score.scorer` cuts it at the metric's bounds.
"""

from __future__ import annotations

from collections.abc import Mapping

from ldbench.api import Direction, Measured, Metric, ParameterValue
from ldbench.records.units import MEAN_OVER_CASES
from ldbench.score.metrics.intervals import Array, mean_interval, of_mean


def mean_score(
    metric: str, values: Array, direction: Direction, parameters: Mapping[str, ParameterValue],
    extractor: str | None = None,
) -> Measured:
    """The mean of `values (N,)` with its 95 % interval; raises `MetricError` for fewer than two or not finite ones."""
    interval = mean_interval(values, metric)
    return Measured(
        metric=metric, value=interval.value, ci_low=interval.low, ci_high=interval.high, n=len(values),
        direction=direction, extractor=extractor, contributions={"cases": of_mean(values)}, mean=True,
        parameters={**parameters, "interval": MEAN_OVER_CASES},
    )


def mean_of(metric: Metric, values_n: Array, settings: Mapping[str, object]) -> Measured:
    """The score of a metric that gave one value a case, `(N,)`; `settings` stand in its parameters."""
    plain = {key: value for key, value in settings.items() if isinstance(value, ParameterValue | None)}
    extractor = settings.get("extractor")
    return mean_score(metric.name, values_n, metric.direction, plain, str(extractor) if extractor else None)
