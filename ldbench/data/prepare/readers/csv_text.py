"""A CSV file as rows of text: encoding, separator and quoting are read off the file where they are certain.

UTF-8 with or without a byte order mark, and UTF-16 and UTF-32 with one. Comma, semicolon or tab, whichever gives the
header the columns that are needed; Excel's first line `sep=;` decides where there is one. Every row has as many cells
as the header: a longer or shorter one would put each cell after the damage under another name. Anything else is refused
with one line that says which, as a table that is read wrongly looks like any other.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ldbench.data.decoding import one_line
from ldbench.errors import DataError

SEPARATORS = (",", ";", "\t")
# how tables, R, pandas, SAS and Stata (".") spell a value that nobody knows
MISSING = frozenset(("", ".", "na", "n/a", "#n/a", "<na>", "nan", "none", "null"))
_MARKS = (  # UTF-32's before UTF-16's: they begin alike
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)
_EXCEL = re.compile(r'"?sep=([^\r\n" ])"?(\r\n|\r|\n)', re.IGNORECASE)

_CLOSE = 0.8  # of difflib's ratio: below it stand pairs such as image and age

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
REMEDY = "rename it, name another, or take the table that has it"
_NO_RECORD: tuple[int, list[str], list[str]] = (0, [], [])


@dataclass(frozen=True)
class CsvTable:
    """Cells as text by column, and the line of the file on which each row begins."""

    columns: dict[str, list[str]]
    lines: list[int]


@dataclass(frozen=True)
class _Text:
    """A decoded file; `certain` is False where only its ASCII characters are."""

    path: Path
    text: str
    certain: bool
    first: int
    separator: str | None


def known(cell: str) -> str:
    """A cell without the space around it; "" for every spelling of a value that nobody knows."""
    text = cell.strip()
    return "" if text.casefold() in MISSING else text


def folded(text: str) -> str:
    """What texts share that differ in case or space alone, or in how accents are encoded."""
    return unicodedata.normalize("NFC", "".join(text.split())).casefold()


def no_file(path: Path) -> str:
    """What stands in the place of a file that a table was expected to be."""
    return "a folder" if path.is_dir() else "no such file"


def read_csv(
    path: Path, expected: str, columns: Sequence[str], optional: Sequence[str] = (), *, others: bool = True,
    remedy: str = REMEDY, quoted: bool = False,
) -> CsvTable:
    """The table of a file, with at least `columns` and those `optional` ones that it has; unnamed ones are left out.

    Without `others` only these are kept; `quoted` refuses a quotation mark inside a cell of theirs that is not quoted
    itself: it may be left of a cell that was. Raises DataError for a file that isn't the `expected` table, for what
    can't be read with certainty, and for a missing column, naming a close one and the `remedy`.
    """
    text = _text(path, expected)
    separator = _separator(text, columns)
    lines, values, bare = list[int](), dict[str, list[list[str]]](), list[tuple[str, int]]()
    try:
        records = _records(text, separator)
        names = _names(next(records, _NO_RECORD)[1])
        check_columns(path, names, columns, remedy)
        kept = [place for place, name in enumerate(names) if name and (others or name in (*columns, *optional))]
        cells_of = {place: list[str]() for place in kept}
        for line, cells, raw in records:
            _check_row(text, separator, len(names), (line, cells, raw))
            lines.append(line)
            bare += [(names[place], line) for place in _bare(cells, raw) if names[place] in (*columns, *optional)]
            for place in kept:
                cells_of[place].append(cells[place])
    except csv.Error as error:
        raise DataError(f"{path}: expected {expected}, got: {one_line(error)}; check the quotation marks") from error
    if quoted and bare:
        raise DataError(
            f"{path}: expected quoted cells, with each mark inside doubled, got a quotation mark inside {len(bare)} "
            f"unquoted cell{'s' * (len(bare) > 1)}, the first in column {bare[0][0]!r}, line {bare[0][1]}; repair the "
            "table, or write it by a program that quotes"
        )
    for place in kept:
        values.setdefault(names[place], []).append(cells_of[place])
    used = [name for name in (*columns, *optional) if name in names]
    table = CsvTable(_single(path, values, used), lines)
    if not text.certain:
        _check_ascii(path, table, used)
    return table


def column_names(path: Path) -> list[str]:
    """The names in a CSV's header, none where it has no header. Raises DataError for what is no text."""
    text = _text(path, "a CSV")
    try:
        return _header(text, _separator(text, ()))
    except csv.Error:
        return []


def check_columns(path: Path, names: Sequence[str], columns: Sequence[str], remedy: str = REMEDY) -> None:
    """DataError for a column that isn't among the names: all of these, and a close one."""
    missing = [column for column in columns if column not in names]
    if missing:
        expected = f"a column {missing[0]!r}" if len(missing) == 1 else f"columns {', '.join(map(repr, missing))}"
        got = ", ".join(repr(name) for name in names if name)
        hint = f"did you mean {near!r}? " if (near := _near(missing[0], names)) else ""
        raise DataError(f"{path}: expected {expected}, got {got}; {hint}{remedy}")


def _near(wanted: str, names: Sequence[str]) -> str:
    """The name that the wanted one abbreviates or misspells, "" for none."""
    folded = {name.casefold(): name for name in names}
    wanted = wanted.casefold()
    spelt = difflib.get_close_matches(wanted, list(folded), n=1, cutoff=_CLOSE)
    cut = [name for name in folded if name and (name.startswith(wanted) or wanted.startswith(name))]
    return next((folded[name] for name in (*spelt, *cut)), "")


def _text(path: Path, expected: str) -> _Text:
    try:
        content = path.read_bytes()
        encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
        text, certain = content.decode(encoding), True
    except OSError as error:
        raise DataError(f"{path}: expected {expected}, got: {one_line(error)}") from error
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise DataError(f"{path}: expected {expected}, got damaged {encoding.upper()}; save it anew") from error
        # a code page of Windows or a Mac: they share ASCII, and nothing in the file says which of them it is
        text, certain = content.decode("latin-1"), False
    if "\0" in text:
        raise DataError(f"{path}: expected {expected}, got NUL characters (UTF-16 without its mark?); save as UTF-8")
    excel = _EXCEL.match(text)
    text = text[excel.end():] if excel else text
    if not text.strip():
        raise DataError(f"{path}: expected {expected}, got an empty file")
    return _Text(path, text, certain, 2 if excel else 1, excel[1] if excel else None)


def _separator(text: _Text, columns: Sequence[str]) -> str:
    """The separator that gives the header its columns; where none does, the one that gives it most."""
    if text.separator is not None:
        return text.separator
    headers: dict[str, list[str]] = {}
    for separator in SEPARATORS:
        try:
            headers[separator] = _header(text, separator)
        except csv.Error:
            continue
    fitting = [separator for separator, names in headers.items() if set(columns) <= set(names)]
    several = [separator for separator in fitting if len(headers[separator]) > 1]
    if columns and len(several) > 1:
        raise DataError(f"{text.path}: expected one separator, got a header that {several!r} fit; save it with commas")
    return max(fitting or headers or SEPARATORS[:1], key=lambda separator: len(headers.get(separator, ())))


def _header(text: _Text, separator: str) -> list[str]:
    return _names(next(_records(text, separator), _NO_RECORD)[1])


def _names(header: Sequence[str]) -> list[str]:
    return [unicodedata.normalize("NFC", name.strip()) for name in header]


def _records(text: _Text, separator: str) -> Iterator[tuple[int, list[str], list[str]]]:
    """The rows that aren't blank lines: first line, cells, and the lines of the file as they stand."""
    raw: list[str] = []

    def fed() -> Iterator[str]:
        for match in _LINE.finditer(text.text):
            raw.append(match[0])
            yield match[0]

    before = text.first - 1
    for cells in csv.reader(fed(), delimiter=separator, strict=True, skipinitialspace=True):
        first, before = before + 1, before + len(raw)
        if len(cells) > 1 or (cells and cells[0].strip()):
            yield first, cells, list(raw)
        raw.clear()


def _check_row(text: _Text, separator: str, width: int, row: tuple[int, list[str], list[str]]) -> None:
    line, cells, raw = row
    if len(cells) != width:
        got = f"{'more' if len(cells) > width else 'fewer'} ({len(cells)}) in line {line}"
        cause = "a separator too many or too few, or a cell that needs quotation marks"
        if len(cells) == width + 1 and not cells[-1].strip():
            cause += " (if each row ends in a separator, let the header end in one too)"
        raise DataError(f"{text.path}: expected {width} cells a row, got {got}: {cause}; repair the table")
    if len(raw) > 1 and all(part.count(separator) >= width - 1 for part in raw):
        last = line + len(raw) - 1
        raise DataError(
            f"{text.path}: expected a row a line, got a quoted cell over lines {line} to {last}, each of them a row: "
            "a quotation mark too many or too few; repair it"
        )


def _bare(cells: Sequence[str], raw: Sequence[str]) -> list[int]:
    """The places of cells with a quotation mark inside that the file does not hold as quoted ones."""
    text = "".join(raw)
    doubled = {place: cell.replace('"', '""') for place, cell in enumerate(cells) if '"' in cell}
    return [place for place, cell in doubled.items() if f'"{cell}"' not in text]


def _single(path: Path, values: dict[str, list[list[str]]], columns: Sequence[str]) -> dict[str, list[str]]:
    """The columns by name; one that stands twice is left out where nobody needs it and its cells differ."""
    single: dict[str, list[str]] = {}
    for name, (first, *others) in values.items():
        if all(other == first for other in others):
            single[name] = first
        elif name in columns:
            raise DataError(f"{path}: expected one column {name!r}, got {1 + len(others)} that differ; drop the others")
    return single


def _check_ascii(path: Path, table: CsvTable, columns: Sequence[str]) -> None:
    for name in columns:
        for line, cell in zip(table.lines, table.columns[name], strict=True):
            if not (name + cell).isascii():
                raise DataError(
                    f"{path}: expected UTF-8, got another encoding (Windows-1252?) in column {name!r}, line {line}; "
                    "save it as UTF-8 (in Excel: CSV UTF-8)"
                )
