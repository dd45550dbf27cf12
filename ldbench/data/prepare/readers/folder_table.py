"""The rows of the CSV that describes anyone's own images: which image, whose, and the columns that were asked for.

A cell is text. A column is one of integers or numbers where all its known cells spell one as a program would write it,
so `007` stays text; the class is always text, since `1` and `01` are two codes. What nobody knows (blank, NA, nan,
None, null) is no value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ldbench.api import Attributes
from ldbench.data.prepare.readers.csv_text import known, no_file
from ldbench.data.prepare.readers.tables import read_cells
from ldbench.data.prepared import COLUMNS
from ldbench.errors import DataError, UsageError

IMAGE, SUBJECT, YEARS = "image", "subject", "years"
_RESERVED = tuple(name for name in COLUMNS if name != SUBJECT)
_RENAME = (
    f"in the header, call the column of paths below --root {IMAGE!r} and that of persons {SUBJECT!r}, and name the "
    "others as they are called there: the class by --class-attribute, further ones by --attributes"
)
_WHOLE = re.compile(r"[+-]?(0|[1-9]\d*)", re.ASCII)
_NUMBER = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class FolderRow:
    """A row: the line it begins on, its image, subject and `years` as text, "" where unknown, and its attributes."""

    line: int
    image: str
    subject: str
    years: str
    attributes: Attributes


def check_attributes(class_attribute: str, attributes: Sequence[str]) -> None:
    """UsageError for a column that never is an attribute: it would name the subject, or the manifest has its own."""
    for name in (class_attribute, *attributes):
        if name in (IMAGE, SUBJECT, YEARS, *_RESERVED):
            option = "--class-attribute" if name == class_attribute else "--attributes"
            raise UsageError(f"{option}: expected a further column, got {name!r}, which has a meaning of its own")


def folder_rows(path: Path, class_attribute: str, attributes: Sequence[str]) -> list[FolderRow]:
    """Every row, with the class and those `attributes` that are known of it.

    Raises DataError for what is no such table, a column that is missing or has no known cell, and damaged quoting.
    """
    names = list(dict.fromkeys((class_attribute, *attributes)))
    if not path.is_file():
        expected = f"a CSV with the columns {IMAGE}, {SUBJECT} and the class"
        raise DataError(f"{path}: expected {expected}, got {no_file(path)}; name yours by --csv")
    expected, columns = "a CSV with a header (--csv)", (IMAGE, SUBJECT, *names)
    table = read_cells(path, expected, columns, (YEARS,), remedy=_RENAME, quoted=True)
    for name in _RESERVED:
        if name in table.columns:
            raise DataError(f"{path}: the column {name!r} has a name that the manifest needs itself; rename it")
    if not len(table):
        raise DataError(f"{path}: expected rows below the header, got none")
    lines = [int(line) for line in table.index]
    used = [name for name in (IMAGE, SUBJECT, YEARS, *names) if name in table.columns]
    cells = {name: [known(cell) for cell in table[name].tolist()] for name in used}
    for name in used:
        _check(path, name, cells[name], lines)
    values = {name: cells[name] if name == class_attribute else typed(cells[name]) for name in names}
    years = cells.get(YEARS, [""] * len(lines))
    return [
        FolderRow(
            line, cells[IMAGE][row], cells[SUBJECT][row], years[row],
            {name: value for name in names if (value := values[name][row]) not in (None, "")},
        )
        for row, line in enumerate(lines)
    ]


def typed(cells: Sequence[str]) -> Sequence[str | int | float | None]:
    """A column as integers, else as numbers, if all its known cells spell one, else as text; None for the others."""
    spelt = [cell for cell in cells if cell]
    if spelt and all(_WHOLE.fullmatch(cell) for cell in spelt):
        return [int(cell) if cell else None for cell in cells]
    if spelt and all(_NUMBER.fullmatch(cell) and number(cell) is not None for cell in spelt):
        return [float(cell) if cell else None for cell in cells]
    return [cell or None for cell in cells]


def number(text: str) -> float | None:
    """A finite number that the text spells, None where it spells none."""
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    return value if math.isfinite(value) else None


def _check(path: Path, name: str, cells: Sequence[str], lines: Sequence[int]) -> None:
    if not any(cells) and name != YEARS:
        raise DataError(f"{path}: expected values in column {name!r}, got only blank or missing ones (NA, nan, ...)")
    for cell, line in zip(cells, lines, strict=True):
        if len(cell.splitlines()) > 1:  # what a mark too many or too few leaves of several rows
            got = f"several lines (line {line})"
            raise DataError(f"{path}: expected a plain cell in column {name!r}, got {got}; repair it")
