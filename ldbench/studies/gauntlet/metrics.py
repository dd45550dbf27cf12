"""Which metrics run the gauntlet, and with which settings.

Those of the card, but for trained ones, which cost minutes for each set of images: these run when they are named or
all are asked for. A metric that is named and stands on no card, a plug-in under development say, has its defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any

from ldbench.api import Metric
from ldbench.errors import UsageError
from ldbench.plugins.kinds import METRICS
from ldbench.records.run_folder import FURTHER_PASSES
from ldbench.studies.gauntlet.claims import check_claims
from ldbench.task.card import Task


@dataclass(frozen=True)
class Contestant:
    """A metric with its settings."""

    metric: Metric
    settings: Any


def contestants(
    task: Task, named: Sequence[str] = (), everything: bool = False
) -> tuple[list[Contestant], Mapping[str, str]]:
    """The metrics in the card's order, then the named ones; and why others of the card are left out.

    Raises `UsageError` for a named metric that this task can't have or that claims what is no failure,
    `UnknownNameError` and `PluginError`.
    """
    chosen, left_out = [], {}
    for name, settings in task.metrics.items():
        metric = METRICS.load(name)
        if metric.trained and not everything and metric.name not in named:
            left_out[metric.name] = f"it is trained anew for each set of images; add --metric {metric.name} or --all"
        elif metric.needs & set(FURTHER_PASSES):
            left_out[metric.name] = "it needs further images of a generator"
        else:
            chosen.append(Contestant(metric, settings))
    on_card = {one.metric.name for one in chosen} | left_out.keys()
    for name in dict.fromkeys(named):
        metric = METRICS.load(name)
        if ":" in name and metric.name in on_card:
            raise UsageError(f"--metric {name}: expected another name than the card's {metric.name}; rename the metric")
        check_claims(metric)
        if metric.name not in on_card:
            chosen.append(Contestant(metric, _defaults(task, metric)))
    return chosen, left_out


def _defaults(task: Task, metric: Metric) -> Any:
    """The settings of a metric that the card does not name, where its defaults say all and the task has its needs."""
    lacking = sorted(metric.needs - _offered(task))
    if lacking:
        raise UsageError(f"--metric {metric.name}: expected a task with {', '.join(lacking)}, got {task.id}; drop it")
    open_ = [
        item.name for item in fields(metric.settings)
        if item.default is MISSING and item.default_factory is MISSING
    ]
    if open_:
        raise UsageError(
            f"--metric {metric.name}: expected its settings on the card, as it has no default for {', '.join(open_)}; "
            f"write [metrics.{metric.name}] on a card that extends {task.id}"
        )
    return metric.settings()


def _offered(task: Task) -> set[str]:
    """What of `Metric.needs` a task has when no generator is at hand."""
    has = {
        "viewing": task.viewing, "judge": task.judge, "scan_network": task.scan_network, "source": task.edit,
        "truth": task.edit and task.edit.role,
    }
    return {name for name, value in has.items() if value is not None}
