"""The command `ldbench list`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, get_args

import typer

from ldbench.errors import PluginError, UsageError
from ldbench.records.names import one_line

_FACTS = {"metrics": ("axis", "direction"), "estimators": ("unit",)}  # what a list shows beside name and summary
_WIDTHS = {"axis": 13, "direction": 8, "unit": 8}


class Catalogue(StrEnum):
    """What `ldbench list` can list."""

    tasks = "tasks"
    models = "models"
    metrics = "metrics"
    networks = "networks"
    datasets = "datasets"
    estimators = "estimators"


def list_(
    what: Annotated[Catalogue, typer.Argument(help="What to list.")],
    task: Annotated[str | None, typer.Option(help="Of the models, those that can do this task.")] = None,
) -> None:
    """List what is installed, a line each: its name, what it is for, and one sentence.

    What can't be used, such as a name that two packages register, is named on standard error; the others are listed.
    """
    if task is not None and what is not Catalogue.models:
        raise UsageError(f"--task: expected with `list models`, got it with `list {what}`; drop it")
    if what is Catalogue.tasks:
        lines = _tasks()
    elif what is Catalogue.models:
        lines = _models(task)
    else:
        lines = _records(what)
    for line in lines:
        typer.echo(line)


def _tasks() -> Iterator[str]:
    from ldbench.task import card

    for task in map(card.load, card.task_names()):
        yield f"{task.id:35} {task.kind:22} {task.title}"


def _models(task: str | None) -> Iterator[str]:
    from ldbench.plugins.generators import GENERATORS
    from ldbench.task import card

    kind = None if task is None else card.load(task).kind
    _warn(GENERATORS.clashes())
    for entry in GENERATORS.entries():
        described = GENERATORS.described(entry)
        kinds = described.kinds
        if kinds is None:  # a method decides, so the class itself is asked
            try:
                kinds = GENERATORS.load(entry.name).capabilities().kinds
            except PluginError as error:
                _warn([str(error)])
                continue
        if kind is None or kind in kinds:
            yield f"{entry.name:24} {', '.join(sorted(kinds)):29} {described.summary} [{entry.owner}]"


def _records(listing: str) -> Iterator[str]:
    """A line a record: name, the facts that readers choose by, summary, and who brings it; metrics by question."""
    from ldbench.api import MetricAxis
    from ldbench.plugins.kinds import KINDS

    kind = next(kind for kind in KINDS if kind.listing == listing)
    _warn(kind.clashes())
    records = [(entry, kind.described(entry)) for entry in kind.entries()]
    order: dict[str, int] = {axis: place for place, axis in enumerate(get_args(MetricAxis))}
    records.sort(key=lambda one: order.get(str(one[1].facts.get("axis")), len(order)))
    for entry, record in records:
        said = [f"{record.facts.get(fact, '')!s:{_WIDTHS[fact]}}" for fact in _FACTS.get(kind.listing, ())]
        yield " ".join([f"{entry.name:34}", *said, record.summary, f"[{entry.owner}]"])


def _warn(lines: Sequence[str]) -> None:
    for line in lines:
        typer.echo(f"warning: {one_line(line)}", err=True)
