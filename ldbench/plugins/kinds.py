"""The kinds of plug-ins that are records: metrics, feature networks, data sets, estimators."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from typing import TypeVar

from ldbench.api import DataSource, Estimator, Metric, Network
from ldbench.errors import PluginError
from ldbench.plugins.registry import PluginKind

Record = TypeVar("Record", DataSource, Estimator, Metric, Network)


def _checked_record(record: type[Record]) -> Callable[[object, str, str], Record]:
    def check(candidate: object, label: str, name: str) -> Record:
        if not isinstance(candidate, record):
            raise PluginError(f"{label}: expected an instance of ldbench.api.{record.__name__}, got {candidate!r:.80}")
        if ":" not in name and candidate.name != name:
            raise PluginError(f"{label}: it calls itself {candidate.name!r}; register it under its own name")
        return candidate

    return check


def _names(record: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(record))


METRICS: PluginKind[Metric] = PluginKind(
    "ldbench.metrics", "metric", "metric", "metrics", "Metric", _names(Metric), _checked_record(Metric), light=True,
)
NETWORKS: PluginKind[Network] = PluginKind(
    "ldbench.networks", "network", "feature network", "networks", "Network", _names(Network), _checked_record(Network)
)
DATASETS: PluginKind[DataSource] = PluginKind(
    "ldbench.datasets", "data set", "data set", "datasets", "DataSource", _names(DataSource),
    _checked_record(DataSource), light=True,
)
ESTIMATORS: PluginKind[Estimator] = PluginKind(
    "ldbench.estimators", "estimator", "estimator", "estimators", "Estimator", _names(Estimator),
    _checked_record(Estimator), light=True,
)


def metric_bounds(name: str) -> tuple[float, float]:
    """Between what a metric's true value must lie; no bounds for a metric that is not installed here."""
    return METRICS.load(name).bounds if METRICS.entry(name) else (-math.inf, math.inf)


def is_trained(name: str) -> bool:
    """Whether a metric's value hangs on a training of its own; false for one that is not installed here."""
    return METRICS.entry(name) is not None and METRICS.load(name).trained
