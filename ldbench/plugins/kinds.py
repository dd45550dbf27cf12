"""The kinds of plug-ins that are records: metrics, feature networks, data sets, estimators."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any, TypeVar

from ldbench.api import DataSource, Estimator, Metric, Network, Score
from ldbench.errors import PluginError
from ldbench.plugins.record_fields import first_misfit
from ldbench.plugins.registry import PluginKind, what_it_is

Record = TypeVar("Record", DataSource, Estimator, Metric, Network)


def _checked_record(record: type[Record]) -> Callable[[object, str, str], Record]:
    def check(candidate: object, label: str, name: str) -> Record:
        if not isinstance(candidate, record):
            got = what_it_is(candidate)
            raise PluginError(f"{label}: expected an instance of ldbench.api.{record.__name__}, got {got}")
        if ":" not in name and candidate.name != name:
            raise PluginError(f"{label}: it calls itself {candidate.name!r}; register it under its own name")
        if misfit := first_misfit(candidate):
            raise PluginError(f"{label}: {record.__name__}.{misfit}")
        return candidate

    return check


def _records(
    group: str, noun: str, listing: str, record: type[Record], *, asked: str = "", light: bool = True
) -> PluginKind[Record]:
    names = tuple(field.name for field in fields(record))
    return PluginKind(group, noun, asked or noun, listing, record.__name__, names, _checked_record(record), light)


METRICS = _records("ldbench.metrics", "metric", "metrics", Metric)
NETWORKS = _records("ldbench.networks", "network", "networks", Network, asked="feature network", light=False)
DATASETS = _records("ldbench.datasets", "data set", "datasets", DataSource)
ESTIMATORS = _records("ldbench.estimators", "estimator", "estimators", Estimator)
KINDS: tuple[PluginKind[Any], ...] = (METRICS, NETWORKS, DATASETS, ESTIMATORS)


def metric_bounds(name: str) -> tuple[float, float]:
    """Between what a metric's true value must lie; no bounds for a metric that is not installed here."""
    metric = METRICS.installed(name)
    return (-math.inf, math.inf) if metric is None else metric.bounds


def depends_on_number(metric: Metric | None) -> bool:
    """Whether a metric's value depends on the number of images; false for None, of one that is not installed here."""
    return metric is not None and metric.groups in ("equal", "excess")


def is_trained(name: str) -> bool:
    """Whether a metric's value depends on a training of its own; false for one that is not installed here."""
    metric = METRICS.installed(name)
    return metric is not None and metric.trained


def unranking(scores: Iterable[Score]) -> str:
    """The first metric whose score takes its row out of the ranking, as copies of training images do; "" if none."""
    for score in scores:
        metric = METRICS.installed(score.metric)
        if metric is not None and metric.unranks is not None and metric.unranks(score):
            return score.metric
    return ""
