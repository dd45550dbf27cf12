"""OASIS-3 as NITRC and XNAT ship it: T1 scans by session, each joined to the nearest clinical visit.

`OAS30001_MR_d0757/anat1/[NIFTI/]sub-OAS30001_ses-d0757[_run-01]_T1w.nii.gz`, `ses-` or `sess-`, or the owners' BIDS
layout `sub-OAS30001/ses-d0757/anat/sub-...`, anywhere below the root; the number is days since entry. Beside them
`OASIS3_demographics.csv`, `OASIS3_UDSb4_cdr.csv` and `OASIS3_UDSd1_diagnoses.csv`. Age at the scan is AgeatEntry + days
/ 365.25 (LaMontagne et al. 2019, doi:10.1101/2019.12.13.19014902). Where `OASIS3_MR_json.csv` lies there, it lists the
scans: a T1 scan that it names and that has no file is missing.

No single column of the tables says CN, MCI or AD: `Diagnoses` is our reading of them, and a setting. A scan whose visit
fits no class is left out by name.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ldbench.api import Found, ParameterValue, Skipped, SourceImage
from ldbench.data.prepare.pixels.volumes import Preprocessing, axial_slice
from ldbench.data.prepare.readers.listing import files_below, find_table, found_of
from ldbench.data.prepare.readers.tables import check_unique, numbers, read_table
from ldbench.data.prepare.readers.visits import (
    DAYS_A_YEAR,
    Scan,
    Visit,
    contradiction,
    nearest,
    scans_below,
    with_missing,
)
from ldbench.errors import DataError, UsageError

SCANS = "OASIS3_MR_json.csv"
DEMOGRAPHICS, CDR, CODES = "OASIS3_demographics.csv", "OASIS3_UDSb4_cdr.csv", "OASIS3_UDSd1_diagnoses.csv"
_SESSION = re.compile(r"(OAS3\d{4})_MR_d(\d{4,5})")
_BIDS_SESSION = re.compile(r"sub-(OAS3\d{4})/sess?-d(\d{4,5})")
_T1 = re.compile(r"sub-(OAS3\d{4})_sess?-d(\d{4,5})((?:_[a-z]+-[0-9A-Za-z]+)*)_T1w\.nii(?:\.gz)?")
_SEX = {1.0: "male", 2.0: "female"}
_LAYOUT = (
    "scans as OAS30001_MR_d0757/anat1/sub-OAS30001_ses-d0757_T1w.nii.gz or sub-OAS30001/ses-d0757/anat/sub-..., got "
    "none; name the folder that holds the sessions"
)


@dataclass(frozen=True)
class Diagnoses:
    """CN, MCI or AD of a visit, from `dx1` and `CDRTOT` of the CDR table and, if `codes`, from the d1 table's codes.

    Starts of `dx1` are compared without case. In this order:
    CN: dx1 starts with one of `cn` and CDRTOT is 0.
    AD: dx1 starts with one of `ad` and CDRTOT is 0.5 or more.
    MCI: dx1 starts with one of `mci` and CDRTOT is 0.5.
    Where dx1 is blank or starts with none of these, and `codes`: NORMCOG = 1 is CN (CDRTOT 0 or not known), one of MCI*
    = 1 is MCI, DEMENTED = 1 with PROBAD = 1 is AD.
    All else (other dementias, a text that the CDR contradicts) is none of the three. Several starts: separated by ";".
    """

    cn: str = "cognitively normal"
    mci: str = "uncertain dementia; unc: ques. impairment; 0.5 in memory only; incipient demt ptp"
    ad: str = "ad dem"
    codes: bool = True

    def of(self, dx1: str, cdr: float, codes: Mapping[str, float]) -> str:
        """"CN", "MCI", "AD" or ""; `cdr` is NaN where it isn't known, `codes` empty where there are none."""
        if _starts(dx1, self.cn):
            return "CN" if cdr == 0 else ""
        if _starts(dx1, self.ad):
            return "AD" if cdr >= 0.5 else ""
        if _starts(dx1, self.mci):
            return "MCI" if cdr == 0.5 else ""
        if not self.codes:
            return ""
        if codes.get("NORMCOG") == 1:
            return "CN" if cdr == 0 or math.isnan(cdr) else ""
        if any(value == 1 for name, value in codes.items() if name.startswith("MCI")):
            return "MCI"
        return "AD" if codes.get("DEMENTED") == 1 and codes.get("PROBAD") == 1 else ""


@dataclass(frozen=True)
class Person:
    """Age at entry in years and GENDER as coded, NaN where blank."""

    age: float
    sex: float


@dataclass(frozen=True)
class _Rating:
    """A row of the CDR table: dx1, CDRTOT (NaN where blank), and where it stands."""

    text: str
    cdr: float
    row: str


@dataclass(frozen=True)
class _Codes:
    """A row of the d1 table: the codes that are set, and where it stands."""

    set: Mapping[str, float]
    row: str


@dataclass(frozen=True)
class Oasis3Reader:
    """`Reader` of an OASIS-3 folder: the nearest visit within `window_days`; attributes age, sex, diagnosis."""

    window_days: int = 365
    diagnoses: Diagnoses = field(default_factory=Diagnoses)
    preprocessing: Preprocessing = field(default_factory=Preprocessing)

    dataset = "oasis3"
    class_attribute = "diagnosis"
    classes = ("CN", "MCI", "AD")

    def __post_init__(self) -> None:
        """Raises UsageError for a window that isn't 0 days or more."""
        if self.window_days < 0:
            raise UsageError(f"oasis3: expected window_days from 0, got {self.window_days}")

    def found(self, root: Path) -> Found:
        """The T1 scans below the root, one a day, with a class; the others are skipped by name, missing ones too.

        Raises DataError: no such folder, no T1 scan, a table or a column that is missing, text for a number.
        """
        files = files_below(root)
        people = _people(find_table(root, files, DEMOGRAPHICS))
        visits = self._visits(root, files)
        scans, skipped = scans_below(root, files, _scan, _LAYOUT, _listed(root, files))
        sources = (with_missing(scan, self._source(scan, people, visits.get(scan.subject, []))) for scan in scans)
        return found_of([*skipped, *sources])

    def pixels(self, source: SourceImage) -> NDArray[np.float32]:
        """The axial slice, `(size, size) float32 in [0, 1]`. Raises ImageError."""
        return axial_slice(source.path, self.preprocessing)

    def further_files(self, source: SourceImage) -> Sequence[Path]:
        """Where a scan's mask may lie, if masks are asked for."""
        return self.preprocessing.masks_of(source.path)

    def settings(self) -> Mapping[str, ParameterValue]:
        """The window, the reading of diagnoses, and the preprocessing."""
        own = {"window_days": self.window_days, "nearest": "before or after; the earlier of two", "same_day": "first"}
        codes = {f"diagnoses.{name}": value for name, value in asdict(self.diagnoses).items()}
        return {**own, **codes, **{f"volume.{name}": value for name, value in self.preprocessing.settings().items()}}

    def _visits(self, root: Path, files: Sequence[Path]) -> dict[str, list[Visit]]:
        """Visits by subject. One that says nothing (dx1 blank, no code set) is no visit."""
        told = _ratings(find_table(root, files, CDR))
        codes = _codes(find_table(root, files, CODES)) if self.diagnoses.codes else {}
        visits: dict[str, list[Visit]] = defaultdict(list)
        for subject, day in sorted(told.keys() | codes.keys()):
            ratings, coded = told.get((subject, day), []), codes.get((subject, day), [])
            # a row without dx1 says something only where no other of its day has one
            ratings = [rating for rating in ratings if rating.text] or ratings or [_Rating("", math.nan, "")]
            visits[subject] += self._of_day(day, ratings, coded or [_Codes({}, "")])
        return visits

    def _of_day(self, day: int, ratings: Sequence[_Rating], coded: Sequence[_Codes]) -> Iterator[Visit]:
        """A visit for each row of a day, and each pair of rows of the two tables."""
        for rating in ratings:
            for codes in coded:
                if rating.text or codes.set:
                    reason = ", ".join([f"dx1 {rating.text!r}", f"CDRTOT {rating.cdr:g}", *sorted(codes.set)])
                    row = " with ".join(row for row in (rating.row, codes.row) if row)
                    yield Visit(day, "", self.diagnoses.of(rating.text, rating.cdr, codes.set), reason, row)

    def _source(self, scan: Scan, people: Mapping[str, Person], visits: Sequence[Visit]) -> SourceImage | Skipped:
        person = people.get(scan.subject)
        if person is None or math.isnan(person.age) or math.isnan(person.sex):
            missing = "row" if person is None else "AgeatEntry" if math.isnan(person.age) else "GENDER"
            return Skipped(scan.name, f"no {missing} for its subject in {DEMOGRAPHICS}", "rule", "age and sex known")
        sex, age = _SEX.get(person.sex), person.age + scan.day / DAYS_A_YEAR
        if sex is None:
            reason = f"expected GENDER 1 (M) or 2 (F) in {DEMOGRAPHICS}, got {person.sex:g}"
            return Skipped(scan.name, reason, "fault", "sex coded")
        visit = nearest(scan.day, visits, self.window_days)
        if visit is None:
            reason = f"no clinical visit within {self.window_days} days of day {scan.day}"
            return Skipped(scan.name, reason, "rule", "visit in window")
        conflict = contradiction(visit, visits)
        if conflict:
            return Skipped(scan.name, conflict, "fault", "visits of one day")
        if not visit.diagnosis:
            reason = f"visit of day {visit.day} is none of CN, MCI, AD: {visit.reason}"
            return Skipped(scan.name, reason, "rule", "class of visit")
        return scan.source(age, sex, visit.diagnosis, age)


def _people(path: Path) -> dict[str, Person]:
    table = read_table(path, ("OASISID", "AgeatEntry", "GENDER"))
    check_unique(path, table["OASISID"], "a subject")
    ages, sexes = numbers(path, table, "AgeatEntry"), numbers(path, table, "GENDER")
    rows = zip(table["OASISID"], ages, sexes, strict=True)
    return {subject: Person(float(age), float(sex)) for subject, age, sex in rows}


def _ratings(path: Path) -> dict[tuple[str, int], list[_Rating]]:
    """The rows of the CDR table by subject and day."""
    table = read_table(path, ("OASISID", "days_to_visit", "CDRTOT", "dx1"))
    days, ratings = numbers(path, table, "days_to_visit"), numbers(path, table, "CDRTOT")
    of_visit: dict[tuple[str, int], list[_Rating]] = defaultdict(list)
    rows = zip(table.index, table["OASISID"], days, table["dx1"], ratings, strict=True)
    for line, subject, day, text, rating in rows:
        if not math.isnan(day):
            of_visit[subject, int(day)].append(_Rating(text, float(rating), f"{path.name} line {line}"))
    return of_visit


def _codes(path: Path) -> dict[tuple[str, int], list[_Codes]]:
    """The rows of the d1 table that set a code (1), by subject and day."""
    table = read_table(path, ("OASISID", "days_to_visit", "NORMCOG", "DEMENTED", "PROBAD"))
    names = ["NORMCOG", "DEMENTED", "PROBAD", *(name for name in table.columns if str(name).startswith("MCI"))]
    if len(names) == 3:
        raise DataError(f"{path}: expected columns MCI* (MCIAMEM, MCINON1, ...), got none; fetch the table again")
    values = {name: numbers(path, table, name) == 1 for name in names}
    days = numbers(path, table, "days_to_visit")
    of_visit: dict[tuple[str, int], list[_Codes]] = defaultdict(list)
    for row, (line, subject, day) in enumerate(zip(table.index, table["OASISID"], days, strict=True)):
        codes = {name: 1.0 for name in names if values[name].iloc[row]}
        if codes and not math.isnan(day):
            of_visit[subject, int(day)].append(_Codes(codes, f"{path.name} line {line}"))
    return of_visit


def _scan(inside: Path, path: Path) -> Scan | Skipped | None:
    """A T1 scan in its session; Skipped for what looks like one and contradicts its folder; None for other files."""
    t1 = _T1.fullmatch(path.name)
    if t1 is None:
        return None
    folders = inside.parts[:-1]
    sessions = (_SESSION.fullmatch(part) for part in folders)
    pairs = (_BIDS_SESSION.fullmatch("/".join(pair)) for pair in pairwise(folders))
    session = next((match for match in (*sessions, *pairs) if match), None)
    if session is None or (session[1], int(session[2])) != (t1[1], int(t1[2])):
        reason = (
            f"expected to lie in {t1[1]}_MR_d{t1[2]} or sub-{t1[1]}/ses-d{t1[2]}, got "
            f"{session[0] if session else 'no such folder'}"
        )
        return Skipped(inside.as_posix(), reason, "fault", "session folder")
    # the same id in both layouts
    return Scan(inside.as_posix(), path, t1[1], f"{session[1]}_MR_d{session[2]}/{_stem(path.name)}", int(t1[2]))


def _listed(root: Path, files: Sequence[Path]) -> list[Scan]:
    """The T1 scans that the owners' table of scans names by their sidecars and that have no file; none without it."""
    if not any(file.name == SCANS for file in files):
        return []
    here = {_either(_stem(file.name)) for file in files if _T1.fullmatch(file.name)}
    path = find_table(root, files, SCANS)
    table = read_table(path, ("label", "filename"))
    listed: dict[str, Scan] = {}
    for label, sidecar in zip(table["label"], table["filename"], strict=True):
        session, stem = _SESSION.fullmatch(label), _stem(sidecar.removesuffix(".json"))
        t1 = _T1.fullmatch(f"{stem}.nii.gz")
        if session is None or t1 is None or _either(stem) in here:
            continue
        if (session[1], int(session[2])) != (t1[1], int(t1[2])):
            raise DataError(f"{path}: expected files of {label} beside it, got {sidecar!r}; repair the table")
        name = f"{label}/{stem}.nii.gz"
        listed[_either(stem)] = Scan(name, root / name, t1[1], f"{label}/{stem}", int(t1[2]), listed=True)
    return list(listed.values())


def _stem(name: str) -> str:
    return name.removesuffix(".gz").removesuffix(".nii")


def _either(stem: str) -> str:
    """The stem of a scan as both spellings of `ses-` have it."""
    return stem.replace("_sess-", "_ses-")


def _starts(text: str, starts: str) -> bool:
    return any(text.casefold().startswith(start.strip().casefold()) for start in starts.split(";") if start.strip())
