"""What ADNI's tables say of a scan: ADNIMERGE by subject and nearest visit, or the archive's search CSV by image.

A scan that a table doesn't place is a `Skipped` with the rule that leaves it out. The search CSV also lists the images
that there are, by their `Description` and `Acq Date`.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ldbench.api import Skipped, SourceImage
from ldbench.data.prepare.readers.csv_text import column_names
from ldbench.data.prepare.readers.tables import check_unique, days, numbers, read_table
from ldbench.data.prepare.readers.visits import DAYS_A_YEAR, Scan, Visit, contradiction, nearest
from ldbench.errors import DataError

IMAGE_COLUMN = "Image Data ID"
_BASELINE = "bl"
_SEX = {"male": "male", "m": "male", "female": "female", "f": "female"}


@dataclass(frozen=True)
class ListedImage:
    """A row of the search CSV: `series` is spelt as the archive names folders, and `day` a day number or None."""

    image: str
    subject: str
    series: str
    day: int | None


def listed_images(path: Path) -> list[ListedImage]:
    """The NIfTI images of a search CSV; none where it does not say what they are and of which day."""
    columns = (IMAGE_COLUMN, "Subject", "Description", "Acq Date")
    if not set(columns) <= set(column_names(path)):
        return []
    table = read_table(path, columns)
    formats = table["Format"] if "Format" in table else [""] * len(table)
    rows = zip(*(table[name] for name in columns), formats, strict=True)
    return [
        ListedImage("I" + image.removeprefix("I"), subject, re.sub("[ ;/]", "_", description), _day(text))
        for image, subject, description, text, kind in rows if kind.casefold() in ("", "nifti")
    ]


def _day(text: str) -> int | None:
    """The day number of a date as 11/02/2006 or 2006-11-02; None for anything else."""
    for form in ("%m/%d/%Y", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form).toordinal()
        except ValueError:
            continue
    return None


@dataclass(frozen=True)
class _Person:
    """A subject of ADNIMERGE: `born` is a day number, NaN where the baseline visit or AGE is missing."""

    born: float
    sex: str
    visits: tuple[Visit, ...]


@dataclass(frozen=True)
class _SearchRow:
    subject: str
    age: float
    sex: str
    group: str


class Merged:
    """ADNIMERGE: a scan takes the DX of the nearest visit that has one, and the age at its own day.

    `classes` maps DX to the classes. Raises DataError for a missing column, an unreadable date or age, two baselines.
    """

    def __init__(self, path: Path, classes: Mapping[str, str], window_days: int) -> None:
        self._window, self._name = window_days, path.name
        self._people = _people(path, classes)

    def of(self, scan: Scan) -> SourceImage | Skipped:
        """The scan with what is known of it, or why it is left out."""
        person = self._people.get(scan.subject)
        if person is None:
            return Skipped(scan.name, f"no row for its subject in {self._name}", "rule", "subject in table")
        if math.isnan(person.born):
            reason = f"no visit {_BASELINE!r} with an AGE for its subject in {self._name}"
            return Skipped(scan.name, reason, "rule", "age known")
        if person.sex not in _SEX.values():
            return _uncoded(scan, "PTGENDER", person.sex, self._name)
        visit = nearest(scan.day, person.visits, self._window)
        if visit is None:
            reason = f"no visit with a DX within {self._window} days of the scan"
            return Skipped(scan.name, reason, "rule", "visit in window")
        conflict = contradiction(visit, person.visits)
        if conflict:
            return Skipped(scan.name, conflict, "fault", "visits of one day")
        if not visit.diagnosis:
            reason = f"DX of visit {visit.name} is none of CN, MCI, AD: {visit.reason!r}"
            return Skipped(scan.name, reason, "rule", "class of visit")
        age = (scan.day - person.born) / DAYS_A_YEAR
        return scan.source(age, person.sex, visit.diagnosis, age)


class Searched:
    """The search CSV: Group, Sex and Age of a scan's own row; its place in time is the day of acquisition.

    Raises DataError for a missing column, an age that is no number, two rows of one image.
    """

    def __init__(self, path: Path, classes: Mapping[str, str]) -> None:
        self._classes, self._name = classes, path.name
        table = read_table(path, (IMAGE_COLUMN, "Subject", "Group", "Sex", "Age"))
        images = table[IMAGE_COLUMN].str.removeprefix("I")
        check_unique(path, images, "an image", "I")
        columns = (images, table["Subject"], numbers(path, table, "Age"), table["Sex"], table["Group"])
        self._rows = {
            f"I{image}": _SearchRow(str(subject), float(age), _SEX.get(str(sex).lower(), str(sex)), str(group))
            for image, subject, age, sex, group in zip(*columns, strict=True)
        }

    def of(self, scan: Scan) -> SourceImage | Skipped:
        """The scan with what is known of it, or why it is left out."""
        row = self._rows.get(scan.image)
        if row is None:
            return Skipped(scan.name, f"no row for {scan.image} in {self._name}", "rule", "image in table")
        if row.subject != scan.subject:
            reason = f"expected subject {scan.subject} for {scan.image} in {self._name}, got {row.subject!r}"
            return Skipped(scan.name, reason, "fault", "subject of image")
        if math.isnan(row.age):
            return Skipped(scan.name, f"no Age for {scan.image} in {self._name}", "rule", "age known")
        if row.sex not in _SEX.values():
            return _uncoded(scan, "Sex", row.sex, self._name)
        diagnosis = self._classes.get(row.group, "")
        if not diagnosis:
            return Skipped(scan.name, f"Group is none of CN, MCI, AD: {row.group!r}", "rule", "class of visit")
        return scan.source(row.age, row.sex, diagnosis, scan.day / DAYS_A_YEAR)


def _people(path: Path, classes: Mapping[str, str]) -> dict[str, _Person]:
    table = read_table(path, ("PTID", "VISCODE", "EXAMDATE", "DX", "AGE", "PTGENDER"))
    dates, ages = days(path, table, "EXAMDATE"), numbers(path, table, "AGE")
    born: dict[str, float] = {}
    sexes: dict[str, str] = {}
    visits: dict[str, list[Visit]] = defaultdict(list)
    columns = (table.index, table["PTID"], table["VISCODE"], table["DX"], table["PTGENDER"], dates, ages)
    for line, subject, code, text, sex, day, age in zip(*columns, strict=True):
        sexes.setdefault(subject, _SEX.get(sex.lower(), sex))
        if code == _BASELINE:
            if subject in born:
                raise DataError(f"{path}: expected one visit {_BASELINE!r} a subject, got two of {subject}; keep one")
            born[subject] = math.nan if day is None else day - age * DAYS_A_YEAR
        if text and day is not None:
            visits[subject].append(Visit(day, code, classes.get(text, ""), text, f"{path.name} line {line}"))
    return {
        subject: _Person(born.get(subject, math.nan), sex, tuple(visits[subject])) for subject, sex in sexes.items()
    }


def _uncoded(scan: Scan, column: str, got: str, table: str) -> Skipped:
    return Skipped(scan.name, f"expected {column} Male or Female in {table}, got {got!r}", "fault", "sex coded")
