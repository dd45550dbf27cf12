"""An owners' table: its cells as text, numbers and dates in a column, and one clear line for what is wrong with them.

A row is indexed by the line of the file on which it begins. pandas is imported when a table is read: the processes that
only read pixels can do without its half second.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ldbench.data.prepare.readers.csv_text import REMEDY, known, no_file, read_csv
from ldbench.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def read_cells(
    path: Path, expected: str, columns: Sequence[str], optional: Sequence[str] = (), *, others: bool = True,
    remedy: str = REMEDY, quoted: bool = False,
) -> pd.DataFrame:
    """A CSV as text, cells as they stand, with at least `columns`; the index is each row's line.

    Without `others` the further columns are not kept, which may hold far more text than those that are needed; `quoted`
    is as `read_csv` takes it. Raises DataError for a file that isn't the `expected` table or can't be read with
    certainty, and for a missing column, naming a close one and the `remedy`.
    """
    import pandas as pd

    if not path.is_file():
        raise DataError(f"{path}: expected {expected}, got {no_file(path)}")
    table = read_csv(path, expected, columns, optional, others=others, remedy=remedy, quoted=quoted)
    return pd.DataFrame(table.columns, index=table.lines, dtype="string")


def read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """An owners' CSV as `read_cells` gives it, without the space around cells; "" is what nobody knows (NA, nan, .)."""
    table = read_cells(path, "the owners' CSV", columns)
    for name in table.columns:
        table[name] = table[name].map(known).astype("string")
    return table


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
        got = f"{str(text.iloc[at])!r} in line {text.index[at]}"
        raise DataError(f"{path}: expected {expected} in {text.name!r}, got {got}; repair the table")
    return values
