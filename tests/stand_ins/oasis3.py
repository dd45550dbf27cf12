"""A small OASIS-3: sessions, both folder forms, and the three tables with the gaps that the real ones have.

`write_oasis3` makes subjects with clean histories for whole runs and, with `awkward`, one case of each kind that the
reader has to judge; `EXPECTED` and `SKIPPED` say what it should find among those.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from tests.stand_ins.tables import write_table
from tests.stand_ins.volumes import Head, Transform, individual, template_head, turned, write_volume

DX1 = {"CN": "Cognitively normal", "MCI": "uncertain dementia", "AD": "AD Dementia"}
CDR = {"CN": "0", "MCI": "0.5", "AD": "1"}
_AXES = ("RAS", "LAS", "PSR", "ASL", "LPI")
_TRANSFORMS: tuple[Transform, ...] = ("sform", "qform", "both")
_DEMOGRAPHICS = ("OASISID", "Subject_accession", "AgeatEntry", "AgeatDeath", "GENDER", "EDUC", "HAND", "APOE")
_CDR = (
    "OASISID", "OASIS_session_label", "days_to_visit", "age at visit", "MMSE", "memory", "CDRSUM", "CDRTOT",
    "dx1_code", "dx1", "dx2", "dx3", "dx4", "dx5",
)  # fmt: skip
_CODES = (
    "OASISID", "OASIS_session_label", "days_to_visit", "age at visit", "NORMCOG", "DEMENTED", "MCIAMEM", "MCIAPLUS",
    "MCINON1", "MCINON2", "IMPNOMCI", "PROBAD", "POSSAD", "DLB",
)  # fmt: skip

# image id -> age, sex, diagnosis, years at the scan; AgeatEntry is 70 for all of them
EXPECTED: Mapping[str, tuple[int, str, str, float]] = {
    "OAS30901_MR_d0100/sub-OAS30901_ses-d0100_run-01_T1w": (70, "male", "CN", 70 + 100 / 365.25),
    "OAS30901_MR_d1200/sub-OAS30901_sess-d1200_T1w": (73, "male", "MCI", 70 + 1200 / 365.25),
    "OAS30901_MR_d2600/sub-OAS30901_ses-d2600_acq-mprage_T1w": (77, "male", "AD", 70 + 2600 / 365.25),
    "OAS30902_MR_d0365/sub-OAS30902_ses-d0365_T1w": (70, "female", "CN", 70 + 365 / 365.25),
    "OAS30907_MR_d0010/sub-OAS30907_ses-d0010_T1w": (70, "female", "MCI", 70 + 10 / 365.25),
}
# file -> kind, rule
SKIPPED: Mapping[str, tuple[Literal["fault", "rule"], str]] = {
    "OAS30901_MR_d0100/anat2/NIFTI/sub-OAS30901_ses-d0100_run-02_T1w.nii.gz": ("rule", "same day"),
    "OAS30902_MR_d0800/anat1/sub-OAS30902_ses-d0800_T1w.nii.gz": ("rule", "visit in window"),
    "OAS30903_MR_d0000/anat1/sub-OAS30903_ses-d0000_T1w.nii.gz": ("rule", "class of visit"),
    "OAS30904_MR_d0000/anat1/sub-OAS30904_ses-d0000_T1w.nii.gz": ("rule", "age and sex known"),
    "OAS30905_MR_d0000/anat1/sub-OAS30905_ses-d0000_T1w.nii.gz": ("fault", "sex coded"),
    "OAS30906_MR_d0000/anat1/sub-OAS30906_ses-d0050_T1w.nii.gz": ("fault", "session folder"),
    "OAS30908_MR_d0000/anat1/sub-OAS30908_ses-d0000_T1w.nii.gz": ("rule", "age and sex known"),
    "OAS30909_MR_d0000/anat1/sub-OAS30909_ses-d0000_T1w.nii.gz": ("rule", "class of visit"),
}


def write_oasis3(root: Path, subjects: int = 0, *, awkward: bool = True, voxel: float = 4.0) -> Path:
    """Write the data set below `root`, an empty folder; `subjects` are dealt CN, MCI and AD in turn, two scans each."""
    head = template_head(voxel)
    people: list[dict[str, str]] = []
    ratings: list[dict[str, str]] = []
    codes: list[dict[str, str]] = []
    for number in range(subjects):
        _history(root, head, number, people, ratings)
    if awkward:
        _awkward(root, head, people, ratings, codes)
    write_table(root / "OASIS3_demographics.csv", _DEMOGRAPHICS, people)
    write_table(root / "OASIS3_UDSb4_cdr.csv", _CDR, ratings)
    write_table(root / "OASIS3_UDSd1_diagnoses.csv", _CODES, codes)
    return root


def _history(root: Path, head: Head, number: int, people: list[dict[str, str]], ratings: list[dict[str, str]]) -> None:
    subject, diagnosis = f"OAS3{number + 1:04d}", tuple(DX1)[number % 3]
    people.append(_person(subject, f"{62 + number % 17}.{number % 10}", str(1 + number // 3 % 2)))
    for scan, day in enumerate((30 + number, 1500 + 11 * number)):
        shown = turned(individual(head, 10 * number + scan), float(number % 4) * 2.5)
        style = number + scan
        write_volume(
            _scan_path(root, subject, day, "anat1/NIFTI" if number % 2 else "anat1"),
            shown,
            axes=_AXES[style % len(_AXES)],
            kind=(np.int16, np.float32)[style % 7 == 6],
            scaled=style % 2 == 0,
            transform=_TRANSFORMS[style % len(_TRANSFORMS)],
        )
        ratings.append(_rating(subject, day + 20 - 40 * (number % 2), DX1[diagnosis], CDR[diagnosis]))


def _awkward(
    root: Path,
    head: Head,
    people: list[dict[str, str]],
    ratings: list[dict[str, str]],
    codes: list[dict[str, str]],
) -> None:
    for name in (*SKIPPED, *_expected_files()):
        write_volume(root / name, head)
    nothing = root / "OAS30901_MR_d0100/anat3/sub-OAS30901_ses-d0100_T2w.nii.gz"
    write_volume(nothing, head)  # not T1, and no concern of the reader's
    genders = {901: "1", 902: "2", 903: "1", 904: "", 905: "3", 906: "1", 907: "2", 909: "1"}
    people += [_person(f"OAS30{number}", "70.0", gender) for number, gender in genders.items()]
    ratings += [
        _rating("OAS30901", 0, "Cognitively normal", "0"),
        _rating("OAS30901", 90, "", ""),  # nearer, and says nothing
        _rating("OAS30901", 1250, "Unc: ques. Impairment", "0.5"),
        _rating("OAS30901", 2550, "AD dem w/depresss, not contribut", "1"),
        _rating("OAS30901", 2650, "uncertain dementia", "0.5"),  # as far, and later
        _rating("OAS30902", 0, "Cognitively normal", "0"),  # the window's last day
        _rating("OAS30903", 5, "Vascular Demt- primary", "1"),
        _rating("OAS30909", 5, "Cognitively normal", "0.5"),
        *(_rating(f"OAS30{number}", 0, "Cognitively normal", "0") for number in (904, 905, 906, 908)),
    ]
    codes.append({"OASISID": "OAS30907", "days_to_visit": "0", "NORMCOG": "0", "MCIAMEM": "1"})
    codes.append({"OASISID": "OAS30902", "days_to_visit": "0000", "NORMCOG": "1", "DEMENTED": "0"})


def _expected_files() -> Iterable[str]:
    for image in EXPECTED:
        session, stem = image.split("/")
        yield f"{session}/anat1/NIFTI/{stem}.nii.gz"


def _scan_path(root: Path, subject: str, day: int, folder: str) -> Path:
    return root / f"{subject}_MR_d{day:04d}" / folder / f"sub-{subject}_ses-d{day:04d}_T1w.nii.gz"


def _person(subject: str, age: str, gender: str) -> dict[str, str]:
    return {"OASISID": subject, "AgeatEntry": age, "GENDER": gender, "EDUC": "16", "HAND": "R"}


def _rating(subject: str, day: int, dx1: str, cdr: str) -> dict[str, str]:
    label = f"{subject}_UDSb4_d{day:04d}"
    return {"OASISID": subject, "OASIS_session_label": label, "days_to_visit": str(day), "CDRTOT": cdr, "dx1": dx1}
