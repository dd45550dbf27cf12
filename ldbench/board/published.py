"""Rows of publications as results of origin `reported`: tables typed off cell by cell, one TOML file a publication.

Nothing is interpreted: a cell is the number that was printed, and a row names a task by id, without a card's hash, so
that it can stand beside measured rows (`ldbench.board.leaderboard`) but never say what they must have in common.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ldbench.api import Direction, ParameterValue, Score
from ldbench.errors import DataError, unknown_name
from ldbench.records.from_table import built
from ldbench.records.identity import Found
from ldbench.records.result import ModelRef, Result, TaskRef
from ldbench.task.card_file import installed_names, installed_text

FOLDER = "reported"
NO_NUMBER = "-"
PRINTED = "printed_"  # before a metric's name: the parameter of a row that holds its text, last zeros included


@dataclass(frozen=True)
class ReportedTask:
    """Kind and version of the card that a publication's experiment is nearest to."""

    kind: str
    version: int


@dataclass(frozen=True)
class Column:
    """A column of numbers as a metric; `n` counts generated images, 0 where the publication doesn't say."""

    metric: str
    direction: Direction
    n: int
    extractor: str | None = None


@dataclass(frozen=True)
class PrintedRow:
    """A row as printed: `cells` under the table's keys, `scores` under its columns; `name` is ours, unlike any other's.

    A score is a number's text, in underscores where it is underlined in print, or "-".
    """

    name: str
    cells: tuple[str, ...]
    scores: tuple[str, ...]
    note: str = ""
    reference: bool = False


@dataclass(frozen=True)
class PrintedTable:
    """A table, or the `part` of one that is about one task."""

    number: int
    task: str
    caption: str
    keys: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[PrintedRow, ...]
    part: str = ""
    note: str = ""

    @property
    def place(self) -> str:
        """Where it stands, such as "Table 1 (Brain MR)"."""
        return f"Table {self.number}{f' ({self.part})' if self.part else ''}"


@dataclass(frozen=True)
class Publication:
    """One file: what is cited, what is said of all its rows, its tables and the tasks they belong to."""

    title: str
    source: str
    note: str
    tasks: Mapping[str, ReportedTask]
    tables: tuple[PrintedTable, ...] = field(default_factory=tuple)


def task_ids() -> list[str]:
    """The ids of all tasks that a publication in the package has rows for."""
    return sorted({table.task for _, publication in _publications() for table in publication.tables})


def rows_of(tasks: Iterable[str]) -> list[Found]:
    """The rows of these tasks, as printed and in that order, with their places in the files for errors.

    A task without any adds nothing. Raises `DataError` naming file and key.
    """
    named = set(tasks)
    every = (row for where, publication in _publications() for row in rows(publication, where))
    return [row for row in every if row[1].task.id in named]


def known(tasks: Iterable[str]) -> list[str]:
    """The ids as a list; `UnknownNameError` for one that no publication has rows for."""
    listed, ids = list(tasks), task_ids()
    for name in listed:
        if name not in ids:
            raise unknown_name("task with reported rows", name, ids, "`ldbench report RUNS` needs no such name")
    return listed


def parse(text: str, where: str) -> Publication:
    """A publication from its file's text; raises `DataError`, one line that names file and key."""
    try:
        publication = built(Publication, tomllib.loads(text), where, DataError)
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{where}: expected TOML, got {error}") from error
    for index, table in enumerate(publication.tables):
        if table.task not in publication.tasks:
            raise DataError(f"{where}:tables[{index}].task: expected a key of [tasks], got {table.task!r}")
    return publication


def rows(publication: Publication, where: str) -> list[Found]:
    """Every row of the publication as a result.

    Its model's parameters are table, row (from 1), the cells under the table's keys, and the numbers' text.
    """
    return [
        (f"{where}: {table.place}, row {index + 1}",
         _result(publication, table, index, f"{where}:tables[{number}].rows[{index}]"))
        for number, table in enumerate(publication.tables) for index in range(len(table.rows))
    ]


def _publications() -> list[tuple[str, Publication]]:
    texts = {f"{FOLDER}/{name}.toml": installed_text(name, FOLDER) for name in installed_names(FOLDER)}
    return [(where, parse(text, where)) for where, text in texts.items()]


def _result(publication: Publication, table: PrintedTable, index: int, key: str) -> Result:
    row, task = table.rows[index], publication.tasks[table.task]
    for name, texts, heads in (("cells", row.cells, table.keys), ("scores", row.scores, table.columns)):
        if len(texts) != len(heads):
            raise DataError(f"{key}.{name}: expected one for each of {len(heads)} columns, got {len(texts)}")
    columns = zip(table.columns, row.scores, strict=True)
    scores = [_score(column, text, f"{key}.scores") for column, text in columns if text != NO_NUMBER]
    parameters: dict[str, ParameterValue] = {"table": table.number, "row": index + 1}
    parameters |= dict(zip(table.keys, row.cells, strict=True))
    parameters |= {f"{PRINTED}{score.metric}": score.parameters["printed"] for score in scores}
    return Result(
        task=TaskRef(table.task, task.version, task.kind, card_hash=""),
        model=ModelRef(row.name, None, None, parameters, reference=row.reference),
        origin="reported",
        scores=scores,
        source=f"{publication.source}, {table.place}",
        note="; ".join(filter(None, (row.note, table.note, publication.note))),
    )


def _score(column: Column, text: str, key: str) -> Score:
    """The number with itself for an interval, which is how `ldbench.report.tables.content` knows that none was
    printed."""
    underlined = len(text) > 2 and text[0] == text[-1] == "_"
    digits = text[1:-1] if underlined else text
    try:
        value = float(digits)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in digits:
        raise DataError(f"{key}: expected a number as printed, such as 0.609, _0.609_ or -, got {text!r}")
    parameters: dict[str, ParameterValue] = {"interval": "not printed", "printed": digits, "underlined": underlined}
    return Score(column.metric, value, value, value, column.n, column.direction, column.extractor, parameters)
