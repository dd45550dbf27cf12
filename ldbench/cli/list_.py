"""The command `ldbench list`."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer


class Catalogue(StrEnum):
    """What `ldbench list` can list."""

    tasks = "tasks"
    models = "models"
    metrics = "metrics"


def register(app: typer.Typer) -> None:
    """Add the command to the suite's command line."""
    app.command("list")(list_)


def list_(what: Annotated[Catalogue, typer.Argument(help="What to list.")]) -> None:
    """List the installed tasks, models or metrics."""
    for line in _LISTS[what]():
        typer.echo(line)


def _tasks() -> list[str]:
    from ldbench.task import card

    tasks = [card.load(name) for name in card.task_names()]
    return [f"{task.id:35} {task.kind:22} {task.title}" for task in tasks]


def _models() -> list[str]:
    from ldbench.plugins.registry import model_names

    return [f"{entry.name:24} {entry.distribution} {entry.version}" for entry in model_names()]


def _metrics() -> list[str]:
    from ldbench.score.metrics.catalogue import METRICS

    return [f"{entry.name:14} {entry.direction:8} {entry.summary}" for entry in METRICS]


_LISTS: dict[Catalogue, Callable[[], list[str]]] = {
    Catalogue.tasks: _tasks, Catalogue.models: _models, Catalogue.metrics: _metrics,
}
