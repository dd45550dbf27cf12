"""The scores by group of a board's rows in every printed form.

CSV and JSON have every number in full; `compared` is what groups are compared by: the value without what chance alone
gives. The terminal shows one metric for each question, if it isn't asked for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from ldbench.board.folded_groups import RowGroups
from ldbench.records.files import json_text
from ldbench.records.names import slug
from ldbench.records.own_files import write_own
from ldbench.report.by_group import TaskGroups
from ldbench.report.tables.content import FURTHER
from ldbench.report.tables.csv_ import csv_text
from ldbench.report.tables.formats import RENDERERS
from ldbench.report.tables.group_tables import group_notes, group_table
from ldbench.report.tables.headline import headline
from ldbench.report.tables.plain_formats import PLAIN, terminal, to_text
from ldbench.report.tables.terminal import DEFAULT_WIDTH
from ldbench.report.tables.text_table import TextTable

COLUMNS = (
    "task", "attribute", "metric", "direction", "model", "group", "n", "with_it", "value", "ci_low", "ci_high",
    "spread", "runs", "chance", "compared", "worst", "best", "gap", "gap_low", "gap_high", "gap_spread", "gap_runs",
)
Tasks = Mapping[str, TaskGroups]


def report_groups(
    tasks: Tasks, format: str, out: Path | None, all_metrics: bool = False, width: int = DEFAULT_WIDTH
) -> str:
    """What to print: the tables in a format of `ldbench report` or, with `out`, the files that were written there.

    Without `all_metrics` the terminal has one metric an axis. Its tables have cells of several lines where they would
    be wider than `width`; a file is as wide whatever terminal it is written from.
    """
    if out is None:
        return _text(tasks, format, all_metrics, width)
    files = {
        out / f"{slug(task)}-groups.{RENDERERS[format][0]}": _text({task: groups}, format, all_metrics)
        for task, groups in tasks.items()
    }
    return "".join(f"{path}\n" for path in write_own(files, "ldbench report"))


def _text(tasks: Tasks, format: str, all_metrics: bool, width: int = DEFAULT_WIDTH) -> str:
    if format == "terminal":
        return "\n".join(_terminal(groups, all_metrics, width) for groups in tasks.values())
    if format in PLAIN:
        return to_text([_content(groups) for groups in tasks.values()], format)
    return _csv(tasks) if format == "csv" else _json(tasks)


def _terminal(groups: TaskGroups, all_metrics: bool, width: int) -> str:
    metrics = dict.fromkeys(metric for by_metric in groups.by_attribute.values() for metric in by_metric)
    first = list(metrics) if all_metrics else headline(list(metrics))
    tables, notes = _content(groups.with_metrics(first))
    further = [metric for metric in metrics if metric not in first]
    notes += [f"{FURTHER}, shown by --all-metrics: {', '.join(further)}."] if further else []
    return terminal(tables, notes, width)


def _content(groups: TaskGroups) -> tuple[list[TextTable], list[str]]:
    """A table an attribute and metric, and the notes on all of them."""
    by_attribute = groups.by_attribute
    tables = [group_table(groups.task, of_rows) for by in by_attribute.values() for of_rows in by.values()]
    notes = group_notes(by_attribute, groups.without, groups.unmeasured, groups.uncompared, groups.edits)
    return tables, [*notes, *groups.names]


def _csv(tasks: Tasks) -> str:
    """A line a row, metric and group, its gap repeated in each; None is empty."""
    lines: list[list[object]] = []
    for task, attribute, label, row in _rows(tasks):
        one = row.breakdown
        gap = [one.worst, one.best, one.gap, one.gap_low, one.gap_high, row.gap.spread, row.gap.runs]
        for group in one.groups:
            over, place = row.groups[group.name], [task, attribute, row.metric, row.direction, label, group.name]
            size, value = [group.n, group.with_it], [group.value, group.ci_low, group.ci_high]
            seeded = [over.spread, over.runs, group.chance, group.compared]
            lines.append([*place, *size, *value, *seeded, *(gap if one.worst else [None] * len(gap))])
    return csv_text(COLUMNS, lines)


def _rows(tasks: Tasks) -> Iterator[tuple[str, str, str, RowGroups]]:
    for task, groups in tasks.items():
        for attribute, by_metric in groups.by_attribute.items():
            for of_rows in by_metric.values():
                yield from ((task, attribute, label, row) for label, row in of_rows.items())


def _json(tasks: Tasks) -> str:
    """By task, attribute and metric a list of rows, keys sorted."""
    record: dict[str, dict[str, dict[str, list[object]]]] = {}
    for task, attribute, label, row in _rows(tasks):
        groups = [
            {**asdict(group), "compared": group.compared, **row.groups[group.name]._asdict()}
            for group in row.breakdown.groups
        ]
        told = {"model": label, "direction": row.direction, "gap_spread": row.gap.spread, "gap_runs": row.gap.runs}
        rows = record.setdefault(task, {}).setdefault(attribute, {}).setdefault(row.metric, [])
        rows.append({**asdict(row.breakdown), **told, "groups": groups})
    return json_text(record)
