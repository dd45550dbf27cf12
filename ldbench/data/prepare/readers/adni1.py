"""ADNI-1 as its archive (LONI) ships it: T1 volumes by subject and series, with diagnoses from one of two tables.

`ADNI/002_S_0295/MPR__GradWarp__B1_Correction__N3__Scaled/<date>/I45108/ADNI_002_S_0295_MR_..._S13408_I45108.nii`,
anywhere below the root; the date folder is the day of acquisition.

`labels = "adnimerge"`: `ADNIMERGE.csv` or `ADNIMERGE_<day>.csv` as the archive names it, the nearest visit with a DX
within the window. AGE there is the age at baseline, so age at the scan is AGE + the time since the subject's visit
"bl".
`labels = "search"`: the CSV of the archive's image search, by Image Data ID. Its Group is what the subject was enrolled
as, not what a clinician found on that day, and its Age is in whole years; both are taken as they stand.

A scan without a visit in the window, or in no table, is left out by name. Where the search CSV lies below the root, it
lists the scans, with either table: a T1 volume that it names as NIfTI and that has no file is missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ldbench.api import Found, ParameterValue, Skipped, SourceImage
from ldbench.data.prepare.pixels.volumes import Preprocessing, axial_slice
from ldbench.data.prepare.readers.adni1_tables import IMAGE_COLUMN, Merged, Searched, listed_images
from ldbench.data.prepare.readers.csv_text import column_names
from ldbench.data.prepare.readers.listing import files_below, find_table, found_of
from ldbench.data.prepare.readers.visits import Scan, scans_below, with_missing
from ldbench.errors import DataError, UsageError

MERGED = "ADNIMERGE.csv"
_DATED = re.compile(r"ADNIMERGE(_\d{2}[A-Za-z]{3}\d{4})?\.csv")  # ADNIMERGE_04Mar2024.csv
_VOLUME = re.compile(r"ADNI_(\d{3}_S_\d{4})_.*_I(\d+)\.nii(?:\.gz)?")
_IMAGE = re.compile(r"I\d+")
_LAYOUT = (
    "volumes as 002_S_0295/<series>/<date>/I45108/ADNI_002_S_0295_..._I45108.nii, got none; name the folder that holds "
    "the subjects"
)
# What older releases write, changes included: "MCI to Dementia" is the visit at which dementia was found.
_DIAGNOSES = (
    "CN=CN; NL=CN; MCI to NL=CN; Dementia to NL=CN; MCI=MCI; NL to MCI=MCI; Dementia to MCI=MCI; "
    "Dementia=AD; AD=AD; MCI to Dementia=AD; NL to Dementia=AD"
)


@dataclass(frozen=True)
class Adni1Reader:
    """`Reader` of an ADNI-1 folder; attributes age, sex, diagnosis.

    `diagnoses` maps DX or Group to CN, MCI, AD. `series` holds words one of which a T1 series must have, `without`
    those of derived images. Of several series on one day the one with the most wanted of `steps` is kept: a series with
    the first step goes before one without, among equals the second decides, and so on; then a first scan goes before a
    repeat, then the lowest image id. `table` names the search CSV where there are several.
    """

    labels: Literal["adnimerge", "search"] = "adnimerge"
    table: str = ""
    window_days: int = 180
    diagnoses: str = _DIAGNOSES
    series: str = "MPR; MP-RAGE; MP_RAGE; SPGR"
    without: str = "Mask; Hippocamp; Accelerated"
    steps: str = "Scaled; N3; B1_Correction; GradWarp"
    preprocessing: Preprocessing = field(default_factory=Preprocessing)

    dataset = "adni1"
    class_attribute = "diagnosis"
    classes = ("CN", "MCI", "AD")

    def __post_init__(self) -> None:
        """Raises UsageError for a setting out of range."""
        if self.window_days < 0:
            raise UsageError(f"adni1: expected window_days from 0, got {self.window_days}")
        wrong = [pair for pair in _words(self.diagnoses) if pair.partition("=")[2].strip() not in self.classes]
        if wrong:
            raise UsageError(f"adni1: expected diagnoses as 'Dementia=AD; ...' to CN, MCI or AD, got {wrong[0]!r}")

    def found(self, root: Path) -> Found:
        """The T1 volumes below the root, one a day, with a class; the others are skipped by name, missing ones too.

        Raises DataError: no such folder, no volume, a table or a column that is missing, an unreadable date or age.
        """
        files = files_below(root)
        listed, undated = self._listed(root, files)
        scans, skipped = scans_below(root, files, self._scan, _LAYOUT, listed)
        table = self._table(root, files)
        return found_of([*skipped, *undated, *(with_missing(scan, table.of(scan)) for scan in scans)])

    def pixels(self, source: SourceImage) -> NDArray[np.float32]:
        """The axial slice, `(size, size) float32 in [0, 1]`. Raises ImageError."""
        return axial_slice(source.path, self.preprocessing)

    def further_files(self, source: SourceImage) -> Sequence[Path]:
        """Where a scan's mask may lie, if masks are asked for."""
        return self.preprocessing.masks_of(source.path)

    def settings(self) -> Mapping[str, ParameterValue]:
        """The table, the window, the series, and the preprocessing."""
        own: dict[str, ParameterValue] = {
            "labels": self.labels, "table": self.table, "window_days": self.window_days,
            "nearest": "before or after; the earlier of two", "same_day": "by steps, then first",
            "diagnoses": self.diagnoses, "series": self.series, "without": self.without, "steps": self.steps,
        }
        return {**own, **{f"volume.{name}": value for name, value in self.preprocessing.settings().items()}}

    def _table(self, root: Path, files: Sequence[Path]) -> Merged | Searched:
        classes = {
            text.strip(): name.strip() for text, _, name in (pair.partition("=") for pair in _words(self.diagnoses))
        }
        if self.labels == "adnimerge":
            table = find_table(root, files, self.table) if self.table else find_table(root, files, MERGED, _DATED)
            return Merged(table, classes, self.window_days)
        if self.table:
            return Searched(find_table(root, files, self.table), classes)
        tables = _search_tables(files)
        if len(tables) != 1:
            got = " and ".join(file.relative_to(root).as_posix() for file in tables[:2]) or "none"
            raise DataError(f"{root}: expected one CSV with a column {IMAGE_COLUMN!r}, got {got}; name it as the table")
        return Searched(tables[0], classes)

    def _scan(self, inside: Path, path: Path) -> Scan | Skipped | None:
        match = _VOLUME.fullmatch(path.name)
        if match is None:
            return None
        name, (subject, image) = inside.as_posix(), match.groups()
        folders = [*inside.parts[:-1]][-4:]
        if len(folders) < 4 or folders[0] != subject or folders[3] != f"I{image}":
            reason = f"expected to lie in {subject}/<series>/<date>/I{image}, got {'/'.join(folders) or 'the root'}"
            return Skipped(name, reason, "fault", "folders")
        try:
            day = date.fromisoformat(folders[2][:10]).toordinal()
        except ValueError:
            reason = f"expected a date folder as 2006-11-02_08_16_44.0, got {folders[2]}"
            return Skipped(name, reason, "fault", "date folder")
        if not self._is_t1(folders[1]):
            return Skipped(name, f"series {folders[1]} is no T1 volume", "rule", "T1 series")
        return Scan(name, path, subject, f"I{image}", day, self._rank(folders[1], image))

    def _listed(self, root: Path, files: Sequence[Path]) -> tuple[list[Scan], list[Skipped]]:
        """The T1 volumes that a search CSV names and that have no file, and those of them that have no date."""
        here = {f"I{match[2]}" for file in files if (match := _VOLUME.fullmatch(file.name))}
        rows = {row.image: row for table in _search_tables(files) for row in listed_images(table)}
        scans, undated = list[Scan](), list[Skipped]()
        for image, row in rows.items():
            if image in here or not self._is_t1(row.series) or not _IMAGE.fullmatch(image):
                continue
            name = f"{row.subject}/{row.series}/{image}"
            if row.day is None:
                reason = "the owners' table names it without a date as 11/02/2006, and there is no such file"
                undated.append(Skipped(name, reason, "fault", "missing"))
                continue
            rank = self._rank(row.series, image.removeprefix("I"))
            scans.append(Scan(name, root / name, row.subject, image, row.day, rank, listed=True))
        return scans, undated

    def _is_t1(self, series: str) -> bool:
        return _has(series.casefold(), self.series) and not _has(series.casefold(), self.without)

    def _rank(self, series: str, image: str) -> tuple[int, ...]:
        folded = series.casefold()
        lacks = [int(step.casefold() not in folded) for step in _words(self.steps)]
        return (*lacks, int("mpr-r" in folded or "repeat" in folded), int(image))


def _search_tables(files: Sequence[Path]) -> list[Path]:
    """The search CSVs among the files, by their column of images."""
    return [file for file in files if file.suffix.lower() == ".csv" and IMAGE_COLUMN in column_names(file)]


def _words(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _has(series: str, words: str) -> bool:
    return any(word.casefold() in series for word in _words(words))

