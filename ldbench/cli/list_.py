"""The command `ldbench list`."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from ldbench.errors import PluginError, UsageError
from ldbench.records.names import one_line

if TYPE_CHECKING:
    from ldbench.plugins.registry import PluginEntry, PluginKind

# what a list shows beside name and summary, and what it says where a record lacks it
_FACTS = {"metrics": ("axis", "direction"), "estimators": ("unit",), "networks": ("licence",)}
_WIDTHS = {"axis": 13, "direction": 8, "unit": 8, "licence": 16}
_LACKING = {"licence": "licence not said"}


@dataclass(frozen=True)
class _Listed:
    """One of a list: its line, and what JSON has of it."""

    line: str
    record: dict[str, object]


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
    format_: Annotated[Literal["terminal", "json"], typer.Option("--format", help="How to print.")] = "terminal",
) -> None:
    """List what is installed, a line each: its name, what it is for, and one sentence.

    What can't be used, such as a name that two packages register, is named on standard error; the others are listed.
    """
    if task is not None and what is not Catalogue.models:
        raise UsageError(f"--task: expected with `list models`, got it with `list {what}`; drop it")
    if what is Catalogue.tasks:
        listed = _tasks()
    elif what is Catalogue.models:
        listed = _models(task)
    else:
        listed = _records(what)
    if format_ == "json":
        typer.echo(json.dumps([each.record for each in listed], indent=1))
        return
    for each in listed:
        typer.echo(each.line)


def _tasks() -> Iterator[_Listed]:
    from ldbench.task import card

    for task in map(card.load, card.task_names()):
        yield _Listed(
            f"{task.id:35} {task.kind:22} {task.title}",
            {
                "id": task.id, "version": task.version, "kind": task.kind, "title": task.title,
                "cases": task.protocol.cases, "seeds": task.protocol.seeds,
            },
        )


def _models(task: str | None) -> Iterator[_Listed]:
    from ldbench.plugins.generators import GENERATORS
    from ldbench.task import card

    kind = None if task is None else card.load(task).kind
    _warn(GENERATORS.clashes())
    for entry in GENERATORS.entries():
        described = GENERATORS.described(entry)
        kinds, summary = described.kinds, described.summary
        if kinds is None:  # a method decides, or a function makes the preset, so the class itself is asked
            try:
                asked = GENERATORS.load(entry.name)
            except PluginError as error:
                _warn([str(error)])
                continue
            kinds, summary = asked.capabilities().kinds, summary or (inspect.getdoc(asked) or "").partition("\n")[0]
        if kind is None or kind in kinds:
            line = f"{entry.name:24} {', '.join(sorted(kinds)):29} {summary} [{entry.owner}]"
            yield _Listed(line, _record(entry, summary, kinds=sorted(kinds)))


def _record(entry: PluginEntry, summary: str, **further: object) -> dict[str, object]:
    return {
        "name": entry.name, "summary": summary, **further, "distribution": entry.distribution, "version": entry.version,
    }


def _records(listing: str) -> Iterator[_Listed]:
    """A line a record: name, the facts that readers choose by, summary, and who brings it; metrics by question."""
    from ldbench.api import MetricAxis
    from ldbench.plugins.kinds import KINDS

    kind = next(kind for kind in KINDS if kind.listing == listing)
    _warn(kind.clashes())
    shown = ("summary", *_FACTS.get(kind.listing, ()))
    asked = [(entry, _said(kind, entry, shown)) for entry in kind.entries()]
    records = [(entry, said) for entry, said in asked if said is not None]
    order: dict[str, int] = {axis: place for place, axis in enumerate(get_args(MetricAxis))}
    records.sort(key=lambda one: order.get(str(one[1].get("axis")), len(order)))
    for entry, record in records:
        facts = {fact: record.get(fact) or None for fact in shown[1:]}
        said = [f"{fact or _LACKING.get(name, '')!s:{_WIDTHS[name]}}" for name, fact in facts.items()]
        summary = str(record.get("summary", ""))
        line = " ".join([f"{entry.name:34}", *said, summary, f"[{entry.owner}]"])
        yield _Listed(line, _record(entry, summary, **facts))


def _said(kind: PluginKind[Any], entry: PluginEntry, shown: Sequence[str]) -> Mapping[str, object] | None:
    """What a record says, by field: read from its source, or asked of itself where a function makes it. None, with a
    warning, for one that then can't be loaded."""
    described = kind.described(entry)
    if described.plain and not described.unread & set(shown):
        return described.facts
    try:
        record = kind.load(entry.name)
    except PluginError as error:
        _warn([str(error)])
        return None
    return {name: getattr(record, name) for name in shown}


def _warn(lines: Sequence[str]) -> None:
    for line in lines:
        typer.echo(f"warning: {one_line(line)}", err=True)
