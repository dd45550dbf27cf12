"""Tables as CSV files: their cells as text, numbers in a column, and one clear line for what is wrong with them.

pandas is imported when a table is read: the processes that only read pixels can do without its half second.
"""

from __future__ import annotations

import csv
import difflib
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ldbench.data.decoding import one_line
from ldbench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def read_cells(path: Path, expected: str, columns: Sequence[str]) -> pd.DataFrame:
    """A CSV as text, blanks as "", with at least `columns`; a byte order mark is no part of it.

    Raises DataError for a file that isn't the `expected` table, for rows longer than the header, and for a missing
    column, naming a close one.
    """
    import pandas as pd

    if not path.is_file():
        raise DataError(f"{path}: expected {expected}, got no such file")
    try:
        with warnings.catch_warnings():
            # rows longer than the header: without index_col, pandas would shift every column by one
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(path, dtype="string", na_filter=False, encoding="utf-8-sig", index_col=False)
    except pd.errors.ParserWarning as error:
        with path.open(encoding="utf-8-sig", newline="") as file:
            width = len(next(csv.reader(file)))
        raise DataError(f"{path}: expected {width} cells a row, got more; copy the table again") from error
    except (OSError, ValueError) as error:  # pandas' own errors and bad UTF-8 are ValueErrors
        raise DataError(f"{path}: expected {expected}, got: {one_line(error)}") from error
    _check_columns(path, [str(name) for name in table.columns], columns)
    return table


def read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """An owners' CSV as `read_cells` gives it, without the space around names and cells."""
    table = read_cells(path, "the owners' CSV", ())
    table.columns = table.columns.str.strip()
    _check_columns(path, list(table.columns), columns)
    return table.apply(lambda values: values.str.strip())


def check_unique(path: Path, ids: pd.Series[Any], what: str, prefix: str = "") -> None:
    """DataError where an id stands in two rows; `what` has one row, and `prefix` goes before the id."""
    doubles = ids[ids.duplicated()]
    if len(doubles):
        raise DataError(f"{path}: expected one row {what}, got several of {prefix}{doubles.iloc[0]}; keep one")


def numbers(path: Path, table: pd.DataFrame, column: str) -> pd.Series[float]:
    """A column as float64, blanks as NaN. Raises DataError naming the line of anything else."""
    import pandas as pd

    values = pd.to_numeric(_known(table[column]), errors="coerce").astype("Float64").astype("float64")
    return _checked(path, table[column], values, "numbers")


def days(path: Path, table: pd.DataFrame, column: str) -> list[int | None]:
    """A column of dates as day numbers, None where blank. Raises DataError naming the line of anything else."""
    import pandas as pd

    dates = pd.to_datetime(_known(table[column]), format="%Y-%m-%d", errors="coerce")
    dates = _checked(path, table[column], dates, "dates as 2006-05-31")
    return [None if pd.isna(day) else int(day.toordinal()) for day in dates]


def _known(text: pd.Series[Any]) -> Any:
    return text.where(text != "", None)


def _checked(path: Path, text: pd.Series[Any], values: Any, expected: str) -> Any:
    wrong = values.isna() & (text != "")
    if wrong.any():
        at = int(wrong.to_numpy().argmax())
        got = f"{str(text.iloc[at])!r} in line {at + 2}"
        raise DataError(f"{path}: expected {expected} in {text.name!r}, got {got}; repair the table")
    return values


def _check_columns(path: Path, names: Sequence[str], columns: Sequence[str]) -> None:
    missing = [column for column in columns if column not in names]
    if missing:
        expected = f"a column {missing[0]!r}" if len(missing) == 1 else f"columns {', '.join(map(repr, missing))}"
        folded = {name.casefold(): name for name in names}
        near = difflib.get_close_matches(missing[0].casefold(), list(folded), n=1, cutoff=0.5)
        got = repr(folded[near[0]]) if near else ", ".join(map(repr, names[:6]))
        raise DataError(f"{path}: expected {expected}, got {got}; rename it, or take the table that has it")
