"""Pairs of rows as CSV, Markdown and LaTeX: what `ldbench compare` prints for other programs and for papers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields

from ldbench.board.paired_tests import Comparison
from ldbench.report.comparisons import words
from ldbench.report.tables.csv_ import csv_text
from ldbench.report.tables.latex import plain_table
from ldbench.report.tables.text_table import TextTable, escape, to_markdown

Tasks = Mapping[str, Mapping[str, Sequence[Comparison]]]
_HEADINGS = ("metric", "a", "", "b", "a - b, 95 % interval", "adjusted p", "runs")
_MEANING = (
    "a > b: a is better than b; a ~ b: no test says which is better. The interval is of this pair alone, p is adjusted "
    "for all pairs of the metric."
)


def as_csv(tasks: Tasks) -> str:
    """A line a pair with every number in full under the names of `Comparison`; an infinite bound is empty."""
    rows = [
        [task, *map(_cell, asdict(each).values())]
        for task, compared in tasks.items() for of_metric in compared.values() for each in of_metric
    ]
    return csv_text(["task", *(each.name for each in fields(Comparison))], rows)


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if isinstance(value, float) and math.isinf(value) else value


def as_markdown(tasks: Tasks) -> str:
    """A table a task, below its name."""
    return "\n\n".join(map(to_markdown, _tables(tasks))) + f"\n\n{escape(_MEANING)}\n"


def as_latex(tasks: Tasks) -> str:
    """A `table` environment a task."""
    return "% \\usepackage{booktabs}\n" + "\n".join(map(plain_table, _tables(tasks)))


def _tables(tasks: Tasks) -> list[TextTable]:
    return [
        TextTable(
            _HEADINGS, [(each.metric, *words(each)) for of_metric in compared.values() for each in of_metric],
            "lllllll", f"{task}: pairs of rows", _MEANING,
        )
        for task, compared in tasks.items()
    ]


RENDERERS: Mapping[str, Callable[[Tasks], str]] = {"csv": as_csv, "markdown": as_markdown, "latex": as_latex}
