"""Scans and clinical visits of one subject: which visit a scan belongs to, and which scan stands for a day.

The rules, all of them choices: a scan takes the visit nearest in time, before or after it; of two equally near the
earlier, of two on one day the first by name. A nearest visit outside the window is none. Where another visit of its day
has another class, nobody can say which holds, and the scan is left out. Of two scans on one day the first by rank and
then by image id is kept.

Where a table of the owners lists the scans, one without a file takes part in all of this, and is then missing: which
files a copy has must not decide which scan stands for a day, or which are drawn for the test set.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ldbench.api import Skipped, SourceImage
from ldbench.errors import DataError

DAYS_A_YEAR = 365.25


@dataclass(frozen=True)
class Visit:
    """A clinical visit: `day` on the subject's calendar, its `name`, its class ("" for none of ours), and why.

    `row` is where the table says so.
    """

    day: int
    name: str
    diagnosis: str
    reason: str = ""
    row: str = ""


@dataclass(frozen=True)
class Scan:
    """A volume: whose, on which day of the same calendar as the visits, and what comes first on one day.

    `listed`: only a table of the owners names it, and there is no such file.
    """

    name: str
    path: Path
    subject: str
    image: str
    day: int
    rank: tuple[int, ...] = ()
    listed: bool = False

    def source(self, age: float, sex: str, diagnosis: str, years: float) -> SourceImage:
        """The scan with what is known of it; `age` in years, and `years` its place in time."""
        attributes: dict[str, str | int | float] = {"age": math.floor(age), "sex": sex, "diagnosis": diagnosis}
        return SourceImage(self.name, self.path, self.subject, self.image, attributes, years)


def nearest(scan_day: int, visits: Iterable[Visit], window_days: int) -> Visit | None:
    """The visit nearest to the scan's day, None where none is within `window_days` (the last day counts)."""
    near = [visit for visit in visits if abs(visit.day - scan_day) <= window_days]
    return min(near, key=lambda visit: (abs(visit.day - scan_day), visit.day, visit.name), default=None)


def contradiction(visit: Visit, visits: Iterable[Visit]) -> str:
    """What two visits of one day say of different classes, with both rows; "" where none contradicts this one."""
    others = (other for other in visits if other.day == visit.day and other.diagnosis != visit.diagnosis)
    other = min(others, key=lambda other: (other.row, other.name), default=None)
    if other is None:
        return ""
    said = sorted(f"{one.row}: {one.diagnosis or 'none of the classes'} ({one.reason})" for one in (visit, other))
    return f"visits of one day contradict each other, {' and '.join(said)}; keep the right one"


def scans_below(
    root: Path, files: Iterable[Path], scan_of: Callable[[Path, Path], Scan | Skipped | None], layout: str,
    listed: Iterable[Scan] = (),
) -> tuple[list[Scan], list[Skipped]]:
    """The scans among the files and those `listed` without one, one a day, and what is left out.

    `scan_of` takes a file's path below the root and the path itself, and gives None for what is no scan. Raises
    DataError where all are none; `layout` is what it says of the names that scans have.
    """
    seen = [scan for file in files if (scan := scan_of(file.relative_to(root), file)) is not None]
    if not seen:
        raise DataError(f"{root}: expected {layout}")
    kept, doubles = one_a_day([*(scan for scan in seen if isinstance(scan, Scan)), *listed])
    return kept, [*(scan for scan in seen if isinstance(scan, Skipped)), *doubles]


def one_a_day(scans: Iterable[Scan]) -> tuple[list[Scan], list[Skipped]]:
    """The first scan of each subject's day, and the others as skipped; of those without a file nothing is said."""
    days: dict[tuple[str, int], list[Scan]] = defaultdict(list)
    for scan in scans:
        days[scan.subject, scan.day].append(scan)
    kept: list[Scan] = []
    skipped: list[Skipped] = []
    for same in days.values():
        first, *others = sorted(same, key=lambda scan: (scan.rank, scan.image, scan.name))
        kept.append(first)
        reason = f"expected one scan a day, got {len(same)}; {first.name} is kept"
        skipped += [Skipped(other.name, reason, "rule", "same day") for other in others if not other.listed]
    return kept, skipped


def with_missing(scan: Scan, found: SourceImage | Skipped) -> SourceImage | Skipped | None:
    """What was `found` of a scan. Of one without a file: that it is missing, or None where it would be left out."""
    if not scan.listed:
        return found
    if isinstance(found, Skipped):
        return None
    return Skipped(scan.name, "the owners' table names it, but there is no such file", "fault", "missing", found)
