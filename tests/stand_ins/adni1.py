"""A small ADNI-1: subjects, series, dates and image ids in folders, ADNIMERGE with missing visits, the search CSV.

`write_adni1` makes subjects with clean histories for whole runs and, with `awkward`, one case of each kind that the
reader has to judge; `EXPECTED` and `SKIPPED` say what it should find among those with ADNIMERGE.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import numpy as np

from tests.stand_ins.tables import write_table
from tests.stand_ins.volumes import Head, individual, template_head, write_volume

SCALED = "MPR__GradWarp__B1_Correction__N3__Scaled"
_MERGE = (
    "RID", "PTID", "VISCODE", "SITE", "COLPROT", "ORIGPROT", "EXAMDATE", "DX_bl", "AGE", "PTGENDER", "PTEDUCAT",
    "APOE4", "MMSE", "DX", "Years_bl", "Month_bl", "M",
)  # fmt: skip
_SEARCH = (
    "Image Data ID", "Subject", "Group", "Sex", "Age", "Visit", "Modality", "Description", "Type", "Acq Date",
    "Format", "Downloaded",
)  # fmt: skip
_GROUP = {"CN": "CN", "MCI": "MCI", "Dementia": "AD"}

# image id -> subject, age, sex, diagnosis, years after the subject's baseline of 2006-01-01 (AGE 70.5 there)
EXPECTED: Mapping[str, tuple[str, int, str, str, float]] = {
    "I101": ("002_S_0901", 70, "male", "CN", 9 / 365.25),
    "I104": ("002_S_0901", 71, "male", "MCI", 400 / 365.25),
    "I106": ("002_S_0902", 70, "female", "AD", 20 / 365.25),
}
# file name's image id -> kind, rule
SKIPPED: Mapping[str, tuple[Literal["fault", "rule"], str]] = {
    "I100": ("rule", "same day"),  # the raw scan
    "I102": ("rule", "same day"),  # without B1 correction
    "I103": ("rule", "T1 series"),
    "I105": ("rule", "visit in window"),
    "I107": ("rule", "subject in table"),
    "I108": ("rule", "age known"),
    "I109": ("fault", "folders"),
    "I110": ("fault", "date folder"),
    "I111": ("rule", "class of visit"),
}


def write_adni1(root: Path, subjects: int = 0, *, awkward: bool = True, voxel: float = 4.0) -> Path:
    """Write the data set below `root`, an empty folder; `subjects` are dealt CN, MCI and AD in turn, two scans each."""
    head = template_head(voxel)
    merged: list[dict[str, str]] = []
    searched: list[dict[str, str]] = []
    for number in range(subjects):
        _history(root, head, number, merged, searched)
    if awkward:
        _awkward(root, head, merged, searched)
    write_table(root / "ADNIMERGE.csv", _MERGE, merged)
    write_table(root / "ADNI1_search.csv", _SEARCH, searched)
    return root


def volume_path(root: Path, subject: str, series: str, day: date | str, image: int) -> Path:
    """Where the archive puts a volume."""
    folder = day if isinstance(day, str) else f"{day.isoformat()}_08_16_44.0"
    name = f"ADNI_{subject}_MR_{series}_Br_20070217_S13408_I{image}.nii"
    return root / "ADNI" / subject / series / folder / f"I{image}" / name


def _history(
    root: Path, head: Head, number: int, merged: list[dict[str, str]], searched: list[dict[str, str]]
) -> None:
    subject, diagnosis, sex = f"{number + 1:03d}_S_{number + 1:04d}", tuple(_GROUP)[number % 3], number // 3 % 2
    start, age = date(2006, 1, 1) + timedelta(days=7 * number), 65 + number % 15 + 0.3
    for scan, (code, days) in enumerate((("bl", 0), ("m36", 1100))):
        image, day = 40000 + 2 * number + scan, start + timedelta(days=days + 12)
        path = volume_path(root, subject, SCALED, day, image)
        shown = individual(head, 10 * number + scan)
        write_volume(path, shown, axes=("PSR", "RAS", "ASL")[number % 3], kind=np.float32, transform="both")
        gender = ("Female", "Male")[sex]
        merged.append(_visit(subject, code, start + timedelta(days=days), diagnosis, f"{age:.1f}", gender))
        years = str(int(age + days / 365.25))
        searched.append(_image(image, subject, _GROUP[diagnosis], gender[0], years, code, f"{day:%m/%d/%Y}"))
    merged.append(_visit(subject, "m12", start + timedelta(days=370), "", f"{age:.1f}", ("Female", "Male")[sex]))


def _awkward(root: Path, head: Head, merged: list[dict[str, str]], searched: list[dict[str, str]]) -> None:
    start = date(2006, 1, 1)
    first, second = start + timedelta(days=9), start + timedelta(days=400)
    places = [
        volume_path(root, "002_S_0901", "MP-RAGE", first, 100),
        volume_path(root, "002_S_0901", SCALED, first, 101),
        volume_path(root, "002_S_0901", "MPR__GradWarp__N3__Scaled", first, 102),
        volume_path(root, "002_S_0901", "Axial_PD_T2_FSE", first, 103),
        volume_path(root, "002_S_0901", SCALED, second, 104),
        volume_path(root, "002_S_0901", SCALED, start + timedelta(days=1500), 105),
        volume_path(root, "002_S_0902", "MPR-R__GradWarp__N3", start + timedelta(days=20), 106),
        volume_path(root, "002_S_0999", SCALED, first, 107),
        volume_path(root, "002_S_0903", SCALED, first, 108),
        volume_path(root, "002_S_0902", SCALED, first, 109).parents[1] / "I1090" / "ADNI_002_S_0902_MR_X_I109.nii",
        volume_path(root, "002_S_0902", SCALED, "someday", 110),
        volume_path(root, "002_S_0904", SCALED, first, 111),
    ]
    for place in places:
        write_volume(place, head)
    merged += [
        _visit("002_S_0901", "bl", start, "CN", "70.5", "Male"),
        _visit("002_S_0901", "m12", start + timedelta(days=390), "", "70.5", "Male"),  # nearer, and says nothing
        _visit("002_S_0901", "m18", start + timedelta(days=550), "MCI", "70.5", "Male"),
        _visit("002_S_0902", "bl", start, "Dementia", "70.5", "Female"),
        _visit("002_S_0903", "m06", start, "CN", "70.5", "Female"),
        _visit("002_S_0904", "bl", start, "Unsure", "70.5", "Female"),
    ]
    searched += [
        _image(101, "002_S_0901", "CN", "M", "71", "sc"),
        _image(104, "002_S_0901", "CN", "M", "72", "m12"),
        _image(106, "002_S_0901", "AD", "F", "71", "sc"),
        _image(108, "002_S_0903", "MCI", "X", "60", "sc"),
        _image(111, "002_S_0904", "Patient", "F", "60", "sc"),
    ]


def _visit(subject: str, code: str, day: date, diagnosis: str, age: str, sex: str) -> dict[str, str]:
    return {
        "RID": subject[-4:].lstrip("0"), "PTID": subject, "VISCODE": code, "COLPROT": "ADNI1", "ORIGPROT": "ADNI1",
        "EXAMDATE": day.isoformat(), "DX": diagnosis, "AGE": age, "PTGENDER": sex,
    }  # fmt: skip


def _image(
    image: int, subject: str, group: str, sex: str, age: str, visit: str, day: str = ""
) -> dict[str, str]:
    return {
        "Image Data ID": f"I{image}", "Subject": subject, "Group": group, "Sex": sex, "Age": age, "Visit": visit,
        "Modality": "MRI", "Description": "MPR; GradWarp; B1 Correction; N3; Scaled", "Type": "Processed",
        "Acq Date": day, "Format": "NiFTI",
    }  # fmt: skip
