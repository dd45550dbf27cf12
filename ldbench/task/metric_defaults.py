"""A metric that a card does not name, with its defaults as its settings, where the task has what it needs."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from ldbench.api import Metric
from ldbench.errors import UsageError
from ldbench.records.run_folder import FURTHER_PASSES
from ldbench.task.card import Task


def default_settings(task: Task, metric: Metric) -> Any:
    """The settings of a metric whose defaults say all; raises `UsageError` for another, and where the task lacks what
    it needs."""
    lacking = sorted(metric.needs - offered(task))
    if lacking:
        wanted = f"expected a task with {', '.join(lacking)}, got {task.id}; take another task"
        raise UsageError(f"--metric {metric.name}: {wanted}")
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


def offered(task: Task) -> set[str]:
    """What of `Metric.needs` a task has; for further passes, a generator must be at hand too."""
    has = {
        "training": task.data, "viewing": task.viewing, "judge": task.judge, "scan_network": task.scan_network,
        "source": task.edit, "truth": task.edit and task.edit.role, "labels": task.data.labels or None,
        **dict.fromkeys(FURTHER_PASSES, task.edit),
    }
    return {name for name, value in has.items() if value is not None}
