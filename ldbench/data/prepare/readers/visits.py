"""Scans and clinical visits of one subject: which visit a scan belongs to, and which scan stands for a day.

The rules, all of them choices: a scan takes the visit nearest in time, before or after it; of two equally near the
earlier, of two on one day the first by name. A nearest visit outside the window is none. Of two scans on one day the
first by rank and then by name is kept.

Refuses nothing by itself: a table that isn't as its owners ship it is a `DataError`, all else is for the readers to
skip by name.
"""

from __future__ import annotations

import difflib
import os
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ldbench.api import Skipped
from ldbench.errors import DataError

_PARSER = (pd.errors.ParserError, pd.errors.EmptyDataError, pd.errors.ParserWarning)


@dataclass(frozen=True)
class Visit:
    """A clinical visit: `day` on the subject's calendar, its `name`, its class ("" for none of ours), and why."""

    day: int
    name: str
    diagnosis: str
    reason: str = ""


@dataclass(frozen=True)
class Scan:
    """A volume on disk: whose, on which day of the same calendar as the visits, and what comes first on one day."""

    name: str
    path: Path
    subject: str
    image: str
    day: int
    rank: tuple[int, ...] = ()


def nearest(scan_day: int, visits: Iterable[Visit], window_days: int) -> Visit | None:
    """The visit nearest to the scan's day, None where none is within `window_days` (the last day counts)."""
    near = [visit for visit in visits if abs(visit.day - scan_day) <= window_days]
    return min(near, key=lambda visit: (abs(visit.day - scan_day), visit.day, visit.name), default=None)


def one_a_day(scans: Iterable[Scan]) -> tuple[list[Scan], list[Skipped]]:
    """The first scan of each subject's day, and the others as skipped."""
    days: dict[tuple[str, int], list[Scan]] = defaultdict(list)
    for scan in scans:
        days[scan.subject, scan.day].append(scan)
    kept: list[Scan] = []
    skipped: list[Skipped] = []
    for same in days.values():
        first, *others = sorted(same, key=lambda scan: (scan.rank, scan.name))
        kept.append(first)
        reason = f"expected one scan a day, got {len(same)}; {first.name} is kept"
        skipped += [Skipped(other.name, reason, "rule", "same day") for other in others]
    return kept, skipped


def files_below(root: Path) -> list[Path]:
    """Every file below the root that isn't hidden, sorted; links are followed, but no folder is entered twice.

    Raises DataError for a root that is no folder and for a folder that can't be read.
    """
    if not root.is_dir():
        raise DataError(f"{root}: expected the folder of a data set, got none; name it with --root")
    seen: set[str] = set()
    files: list[Path] = []
    for folder, below, names in os.walk(root, followlinks=True, onerror=_unreadable):
        place = os.path.realpath(folder)
        if place in seen:
            below.clear()
            continue
        seen.add(place)
        below.sort()
        files += [Path(folder, name) for name in names if not name.startswith(".")]
    return sorted(files)


def find_table(root: Path, files: Iterable[Path], name: str) -> Path:
    """The one file of a name among those below the root. Raises DataError for none, naming a close one, or several."""
    tables = [file for file in files if file.suffix.lower() == ".csv"]
    found = [file for file in tables if file.name == name]
    if len(found) > 1:
        places = " and ".join(file.relative_to(root).as_posix() for file in found[:2])
        raise DataError(f"{root}: expected one {name}, got {len(found)}: {places}; keep one")
    if not found:
        near = difflib.get_close_matches(name, sorted({file.name for file in tables}), n=1)
        got = near[0] if near else "none"
        raise DataError(f"{root}: expected a table {name} below it, got {got}; put the owners' file there by that name")
    return found[0]


def read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """A CSV as text, blanks as "", with at least `columns`. DataError names a missing column and a close one."""
    try:
        with warnings.catch_warnings():
            # rows longer than the header: without index_col, pandas would shift every column by one
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(path, dtype="string", keep_default_na=False, encoding="utf-8-sig", index_col=False)
    except (OSError, UnicodeError, *_PARSER) as error:
        text = " ".join(str(error).split())
        raise DataError(f"can't read {path}: {text}; expected the owners' CSV") from error
    table.columns = table.columns.str.strip()
    for column in columns:
        if column not in table.columns:
            folded = {str(name).casefold(): str(name) for name in table.columns}
            near = difflib.get_close_matches(column.casefold(), list(folded), n=1, cutoff=0.5)
            got = repr(folded[near[0]]) if near else ", ".join(map(repr, list(table.columns)[:6]))
            raise DataError(f"{path}: expected a column {column!r}, got {got}; rename it or fetch the table again")
    return table.fillna("").apply(lambda values: values.str.strip())


def numbers(path: Path, table: pd.DataFrame, column: str) -> pd.Series[float]:
    """A column as float64, blanks as NaN. Raises DataError naming the line of anything else."""
    text = table[column]
    values = pd.to_numeric(text.where(text != "", None), errors="coerce").astype("Float64").astype("float64")
    wrong = values.isna() & (text != "")
    if wrong.any():
        at = int(wrong.to_numpy().argmax())
        line, cell = at + 2, str(text.iloc[at])
        raise DataError(f"{path}: expected numbers in {column!r}, got {cell!r} in line {line}; repair the table")
    return values


def _unreadable(error: OSError) -> None:
    raise DataError(f"can't read {error.filename}: {error.strerror}; expected a folder that may be read") from error
