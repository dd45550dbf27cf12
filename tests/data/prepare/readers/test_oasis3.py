"""The OASIS-3 reader over a stand-in with one case of each kind, and over tables that are broken."""

from __future__ import annotations

import csv
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ldbench.api import Reader
from ldbench.data.prepare.pixels.volumes import Preprocessing
from ldbench.data.prepare.readers.oasis3 import Diagnoses, Oasis3Reader
from ldbench.errors import DataError, UsageError
from tests.stand_ins.oasis3 import EXPECTED, SKIPPED, write_oasis3


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_oasis3(tmp_path_factory.mktemp("oasis3"))


def test_every_scan_is_used_as_expected_or_skipped_by_its_rule(awkward: Path) -> None:
    found = Oasis3Reader().found(awkward)
    assert {image.image for image in found.images} == set(EXPECTED)
    for image in found.images:
        age, sex, diagnosis, years = EXPECTED[image.image]
        assert image.attributes == {"age": age, "sex": sex, "diagnosis": diagnosis}
        assert image.years == pytest.approx(years)
        assert image.subject == image.image[:8]
        assert image.path == awkward / image.name
    assert {left.name: (left.kind, left.rule) for left in found.skipped} == SKIPPED
    assert all(left.reason and "\n" not in left.reason for left in found.skipped)
    assert [image.name for image in found.images] == sorted(image.name for image in found.images)


def test_the_scans_of_one_subject_carry_the_years_between(awkward: Path) -> None:
    years = [image.years for image in Oasis3Reader().found(awkward).images if image.subject == "OAS30901"]
    assert None not in years
    assert np.diff([year for year in years if year is not None]) == pytest.approx([1100 / 365.25, 1400 / 365.25])


def test_the_window_and_the_mapping_are_settings(awkward: Path) -> None:
    wide = {image.image for image in Oasis3Reader(window_days=800).found(awkward).images}
    assert wide - set(EXPECTED) == {"OAS30902_MR_d0800/sub-OAS30902_ses-d0800_T1w"}
    narrow = {left.name: left.rule for left in Oasis3Reader(window_days=364).found(awkward).skipped}
    assert narrow["OAS30902_MR_d0365/anat1/NIFTI/sub-OAS30902_ses-d0365_T1w.nii.gz"] == "visit in window"
    texts = Oasis3Reader(diagnoses=Diagnoses(codes=False, ad="ad dem; vascular")).found(awkward)
    assert {image.subject for image in texts.images} == {"OAS30901", "OAS30902", "OAS30903"}
    settings = Oasis3Reader(window_days=90).settings()
    assert settings["window_days"] == 90
    assert settings["diagnoses.codes"] is True
    assert settings["volume.size"] == 512
    with pytest.raises(UsageError, match="window_days from 0"):
        Oasis3Reader(window_days=-1)


@pytest.mark.parametrize(
    ("dx1", "cdr", "codes", "expected"),
    [
        ("Cognitively normal", 0, (), "CN"),
        ("Cognitively normal", 0.5, (), ""),
        ("Cognitively normal", math.nan, (), ""),
        ("AD Dementia", 0.5, (), "AD"),
        ("AD dem w/CVD not contrib", 2, (), "AD"),
        ("AD Dementia", 0, ("MCIAMEM",), ""),
        ("uncertain dementia", 0.5, (), "MCI"),
        ("uncertain dementia", 1, (), ""),
        ("DLBD- primary", 1, ("DEMENTED",), ""),
        ("", math.nan, ("NORMCOG",), "CN"),
        ("", 0.5, ("NORMCOG",), ""),
        ("", 0.5, ("MCINON1",), "MCI"),
        ("", 1, ("DEMENTED", "PROBAD"), "AD"),
    ],
)
def test_what_a_visit_says(dx1: str, cdr: float, codes: tuple[str, ...], expected: str) -> None:
    assert Diagnoses().of(dx1, cdr, dict.fromkeys(codes, 1.0)) == expected


def test_its_pixels_are_slices_of_the_size_that_is_set(awkward: Path) -> None:
    reader: Reader = Oasis3Reader(preprocessing=Preprocessing(size=32))
    pixels = reader.pixels(reader.found(awkward).images[0])
    assert pixels.shape == (32, 32)
    assert pixels.dtype == np.float32


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        ("OASIS3_demographics.csv", "AgeatEntry", "Age_at_Entry", "'AgeatEntry', got .*; did you mean 'Age_at_Entry'"),
        ("OASIS3_demographics.csv", "OAS30902", "OAS30901", "one row a subject, got several of OAS30901"),
        ("OASIS3_demographics.csv", "70.0", "seventy", "numbers in 'AgeatEntry', got 'seventy' in line 2"),
        ("OASIS3_UDSb4_cdr.csv", "days_to_visit", "days", "expected a column 'days_to_visit'"),
        ("OASIS3_UDSd1_diagnoses.csv", "NORMCOG", "NORMCG", "'NORMCOG', got .*; did you mean 'NORMCG'"),
        ("OASIS3_UDSd1_diagnoses.csv", "MCI", "M", r"expected columns MCI\*"),
    ],
)
def test_a_broken_table_is_one_line_naming_it(
    awkward: Path, tmp_path: Path, table: str, old: str, new: str, message: str
) -> None:
    for file in awkward.glob("*.csv"):
        shutil.copy(file, tmp_path)
    (tmp_path / table).write_text((tmp_path / table).read_text().replace(old, new))
    with pytest.raises(DataError, match=message) as error:
        Oasis3Reader().found(tmp_path)
    assert str(tmp_path / table) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_dot_is_a_value_that_nobody_knows(tmp_path: Path) -> None:
    root = write_oasis3(tmp_path, 6, awkward=False)
    before = [(image.image, image.attributes) for image in Oasis3Reader().found(root).images]
    with (root / "OASIS3_UDSb4_cdr.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    dotted = []
    for row in rows:  # on the day before, and on one that is nearest to no scan
        for days, cdr in ((-1, row["CDRTOT"]), (50_000, ".")):
            dotted.append({**row, "days_to_visit": str(int(row["days_to_visit"]) + days), "dx1": ".", "CDRTOT": cdr})
    with (root / "OASIS3_UDSb4_cdr.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows([*rows, *dotted])
    found = Oasis3Reader().found(root)
    assert [(image.image, image.attributes) for image in found.images] == before
    assert not found.skipped


def test_the_owners_bids_layout_gives_the_same_images(tmp_path: Path) -> None:
    root = write_oasis3(tmp_path, 6, awkward=False)
    before = {(image.image, image.subject) for image in Oasis3Reader().found(root).images}
    for file in sorted(root.rglob("*_T1w.nii.gz")):
        subject, session, _ = file.name.split("_")
        (root / subject / session / "anat").mkdir(parents=True)
        file.rename(root / subject / session / "anat" / file.name)
    found = Oasis3Reader().found(root)
    assert not found.skipped
    assert {(image.image, image.subject) for image in found.images} == before
    assert len(before) == 12
    moved = found.images[0].path
    other = moved.parents[1].with_name("ses-d9999") / "anat" / moved.name
    other.parent.mkdir(parents=True)
    moved.rename(other)
    assert [(left.kind, left.rule) for left in Oasis3Reader().found(root).skipped] == [("fault", "session folder")]


@pytest.mark.parametrize("first", [True, False])
def test_two_visits_of_one_day_that_contradict_each_other_are_a_fault_that_names_both_rows(
    first: bool, tmp_path: Path
) -> None:
    root = write_oasis3(tmp_path, 2, awkward=False)
    table = root / "OASIS3_UDSb4_cdr.csv"
    header, *rows = table.read_text(encoding="utf-8").splitlines()
    opposite = re.sub(r",0,(.*)Cognitively normal", r",1,\1AD Dementia", rows[0])
    assert opposite != rows[0]
    told = [opposite, *rows] if first else [*rows, opposite]
    table.write_text("\n".join([header, *told]) + "\n", encoding="utf-8")
    (left,) = Oasis3Reader().found(root).skipped
    assert (left.kind, left.rule) == ("fault", "visits of one day")
    for said in ("line 2: ", f"line {3 if first else len(told) + 1}: ", ": CN (", ": AD ("):
        assert said in left.reason
    table.write_text("\n".join([header, rows[0], *rows]) + "\n", encoding="utf-8")  # the same again says nothing new
    assert not Oasis3Reader().found(root).skipped


def test_a_folder_without_tables_or_scans_is_refused(awkward: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected a table OASIS3_demographics\.csv"):
        Oasis3Reader().found(tmp_path)
    for file in awkward.glob("*.csv"):
        shutil.copy(file, tmp_path)
    with pytest.raises(DataError, match="expected scans as OAS30001_MR_d0757"):
        Oasis3Reader().found(tmp_path)


@pytest.mark.slow
def test_clean_histories_are_all_used_whatever_their_headers(tmp_path: Path) -> None:
    reader = Oasis3Reader(preprocessing=Preprocessing(size=32))
    found = reader.found(write_oasis3(tmp_path, 6, awkward=False))
    assert not found.skipped
    assert [image.attributes["diagnosis"] for image in found.images] == ["CN", "CN", "MCI", "MCI", "AD", "AD"] * 2
    assert {image.attributes["sex"] for image in found.images} == {"male", "female"}
    assert all(reader.pixels(image).std() > 0.1 for image in found.images)


def _list_scans(root: Path, files: list[str]) -> None:
    """The owners' table of scans: a row a sidecar, those of other kinds too."""
    rows = [(*name.split("/")[:2], "T1w" if "T1w" in name else "bold") for name in files]
    lines = [f"{session[:8]},{session},{sidecar},{kind}" for session, sidecar, kind in rows]
    text = "\n".join(["subject_id,label,filename,scan category", *lines]) + "\n"
    (root / "OASIS3_MR_json.csv").write_text(text, encoding="utf-8")


def test_a_scan_that_the_owners_table_names_and_that_has_no_file_is_missing(tmp_path: Path) -> None:
    root, reader = write_oasis3(tmp_path, 3, awkward=False), Oasis3Reader()
    whole = reader.found(root)
    _list_scans(root, [f"{image.image}.json" for image in whole.images] + ["OAS30001_MR_d0030/sub-x_bold.json"])
    assert reader.found(root) == whole
    _list_scans(root, [f"{image.image}.json".replace("_ses-", "_sess-") for image in whole.images])
    assert reader.found(root) == whole  # the other spelling of the same scans
    _list_scans(root, [f"{image.image}.json" for image in whole.images])
    lost = whole.images[3]
    lost.path.unlink()
    found = reader.found(root)
    assert found.images == tuple(image for image in whole.images if image is not lost)
    (left,) = found.skipped
    assert (left.kind, left.rule, left.name) == ("fault", "missing", f"{lost.image}.nii.gz")
    assert left.image == replace(lost, name=left.name, path=root / left.name)
    _list_scans(root, ["OAS30001_MR_d0099/sub-OAS30001_ses-d0098_T1w.json"])
    with pytest.raises(DataError, match="expected files of OAS30001_MR_d0099 beside it, got 'sub-OAS30001_ses-d0098"):
        reader.found(root)


def test_which_scan_stands_for_a_day_depends_on_no_folder_and_no_file(tmp_path: Path) -> None:
    root = write_oasis3(tmp_path, 1, awkward=False)
    first, _ = Oasis3Reader().found(root).images
    session, stem = first.image.split("/")
    runs = [f"{session}/{stem.replace('_T1w', f'_run-0{run}_T1w')}" for run in (1, 2)]
    (root / session / "anat2").mkdir()
    first.path.rename(root / session / "anat2" / f"{runs[1].split('/')[1]}.nii.gz")
    _list_scans(root, [f"{run}.json" for run in runs])
    left = {one.rule: one for one in Oasis3Reader().found(root).skipped}
    assert left["missing"].image is not None
    assert left["missing"].image.image == runs[0]
    assert left["same day"].name == f"{session}/anat2/{runs[1].split('/')[1]}.nii.gz"
