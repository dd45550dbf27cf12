"""The ADNI-1 reader over a stand-in with one case of each kind, with either table, and over tables that are broken."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ldbench.api import Found, Reader
from ldbench.data.prepare.drawn import draw
from ldbench.data.prepare.pixels.volumes import Preprocessing
from ldbench.data.prepare.readers.adni1 import Adni1Reader
from ldbench.data.prepare.splits import Plan, hashed
from ldbench.errors import DataError, UsageError
from tests.stand_ins.adni1 import EXPECTED, SCALED, SKIPPED, volume_path, write_adni1


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_adni1(tmp_path_factory.mktemp("adni1"))


def rules(found: Found) -> dict[str, tuple[str, str]]:
    return {"I" + left.name.split("_I")[-1].removesuffix(".nii"): (left.kind, left.rule) for left in found.skipped}


def test_every_volume_is_used_as_expected_or_skipped_by_its_rule(awkward: Path) -> None:
    found = Adni1Reader().found(awkward)
    assert {image.image for image in found.images} == set(EXPECTED)
    for image in found.images:
        subject, age, sex, diagnosis, years = EXPECTED[image.image]
        assert image.subject == subject
        assert image.attributes == {"age": age, "sex": sex, "diagnosis": diagnosis}
        assert image.years == pytest.approx(70.5 + years)
        assert image.path == awkward / image.name
    assert rules(found) == SKIPPED
    assert all(left.reason and "\n" not in left.reason for left in found.skipped)


def test_the_search_table_is_joined_by_image_and_dated_by_acquisition(awkward: Path) -> None:
    found = Adni1Reader(labels="search").found(awkward)
    assert {image.image: dict(image.attributes) for image in found.images} == {
        "I101": {"age": 71, "sex": "male", "diagnosis": "CN"},
        "I104": {"age": 72, "sex": "male", "diagnosis": "CN"},
    }
    first, second = (image.years for image in found.images)
    assert first is not None
    assert second is not None
    assert second - first == pytest.approx(391 / 365.25)
    skipped = rules(found)
    assert skipped["I105"] == ("rule", "image in table")
    assert skipped["I106"] == ("fault", "subject of image")
    assert skipped["I108"] == ("fault", "sex coded")
    assert skipped["I111"] == ("rule", "class of visit")
    named = Adni1Reader(labels="search", table="ADNI1_search.csv").found(awkward)
    assert named == found


def test_window_and_preferred_steps_are_settings(awkward: Path) -> None:
    wide = Adni1Reader(window_days=950).found(awkward)
    assert {image.image for image in wide.images} - set(EXPECTED) == {"I105"}
    assert "I104" not in {image.image for image in Adni1Reader(window_days=149).found(awkward).images}
    raw = {image.image for image in Adni1Reader(steps="MP-RAGE").found(awkward).images}
    assert "I100" in raw
    assert "I101" not in raw
    assert Adni1Reader(window_days=30).settings()["window_days"] == 30
    for wrong in ({"window_days": -1}, {"diagnoses": "Dementia=Alzheimer"}):
        with pytest.raises(UsageError, match="adni1: expected"):
            Adni1Reader(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        ("ADNIMERGE.csv", ",DX,", ",DXCHANGE,", "did you mean 'DX_bl'"),
        ("ADNIMERGE.csv", "EXAMDATE", "ExamDate", "did you mean 'ExamDate'"),
        ("ADNIMERGE.csv", "2006-01-01", "1/1/2006", "expected dates as .* in 'EXAMDATE', got '1/1/2006' in line 2"),
        ("ADNIMERGE.csv", "70.5", "70,5", "expected 17 cells a row, got more"),
        ("ADNIMERGE.csv", "70.5", "old", "expected numbers in 'AGE', got 'old' in line 2"),
        ("ADNIMERGE.csv", ",m18,", ",bl,", "one visit 'bl' a subject, got two of 002_S_0901"),
    ],
)
def test_a_broken_table_is_one_line_naming_it(
    awkward: Path, tmp_path: Path, table: str, old: str, new: str, message: str
) -> None:
    shutil.copytree(awkward, tmp_path, dirs_exist_ok=True)
    (tmp_path / table).write_text((tmp_path / table).read_text().replace(old, new))
    with pytest.raises(DataError, match=message) as error:
        Adni1Reader().found(tmp_path)
    assert str(tmp_path / table) in str(error.value)
    assert "\n" not in str(error.value)


def test_adnimerge_is_read_under_the_dated_name_of_a_download(tmp_path: Path) -> None:
    root = write_adni1(tmp_path, 3, awkward=False)
    before = Adni1Reader().found(root)
    (root / "ADNIMERGE.csv").rename(root / "ADNIMERGE_04Mar2024.csv")
    assert Adni1Reader().found(root) == before
    shutil.copy(root / "ADNIMERGE_04Mar2024.csv", root / "ADNIMERGE_05Mar2024.csv")
    with pytest.raises(DataError, match=r"one ADNIMERGE\.csv, got 2: ADNIMERGE_04Mar2024\.csv and ADNIMERGE_05"):
        Adni1Reader().found(root)
    assert Adni1Reader(table="ADNIMERGE_05Mar2024.csv").found(root) == before


def test_two_visits_of_one_day_that_contradict_each_other_are_a_fault_that_names_both_rows(tmp_path: Path) -> None:
    root = write_adni1(tmp_path, 1, awkward=False)
    table = root / "ADNIMERGE.csv"
    header, first, *rest = table.read_text(encoding="utf-8").splitlines()
    opposite = first.replace(",bl,", ",sc,").replace(",CN,", ",Dementia,")
    assert opposite.count(",Dementia,") == 1
    for order in ([first, opposite], [opposite, first]):
        table.write_text("\n".join([header, *order, *rest]) + "\n", encoding="utf-8")
        (left,) = Adni1Reader().found(root).skipped
        assert (left.kind, left.rule) == ("fault", "visits of one day")
        assert "ADNIMERGE.csv line 2: " in left.reason
        assert "ADNIMERGE.csv line 3: " in left.reason


def test_a_search_table_that_is_missing_doubled_or_repeats_an_image_is_refused(awkward: Path, tmp_path: Path) -> None:
    shutil.copytree(awkward / "ADNI", tmp_path / "ADNI")
    with pytest.raises(DataError, match="expected one CSV with a column 'Image Data ID', got none"):
        Adni1Reader(labels="search").found(tmp_path)
    text = (awkward / "ADNI1_search.csv").read_text()
    (tmp_path / "a.csv").write_text(text + text.splitlines()[-1] + "\n")
    with pytest.raises(DataError, match="expected one row an image, got several of I111"):
        Adni1Reader(labels="search").found(tmp_path)
    (tmp_path / "b.csv").write_text(text)
    with pytest.raises(DataError, match=r"got a\.csv and b\.csv; name it"):
        Adni1Reader(labels="search").found(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="expected volumes as 002_S_0295"):
        Adni1Reader().found(tmp_path / "empty")


def test_clean_histories_are_all_used_and_their_pixels_read(tmp_path: Path) -> None:
    reader: Reader = Adni1Reader(preprocessing=Preprocessing(size=32))
    found = reader.found(write_adni1(tmp_path, 3, awkward=False))
    assert not found.skipped
    assert [image.attributes["diagnosis"] for image in found.images] == ["CN", "CN", "MCI", "MCI", "AD", "AD"]
    years = [image.years for image in found.images[:2]]
    assert np.diff([year for year in years if year is not None]) == pytest.approx([1100 / 365.25])
    pixels = reader.pixels(found.images[0])
    assert pixels.shape == (32, 32)
    assert pixels.std() > 0.1


@pytest.mark.parametrize("labels", ["adnimerge", "search"])
def test_a_volume_that_the_search_table_names_and_that_has_no_file_is_missing(tmp_path: Path, labels: str) -> None:
    root, reader = write_adni1(tmp_path, 3, awkward=False), Adni1Reader(labels=labels)  # type: ignore[arg-type]
    whole = reader.found(root)
    lost = whole.images[2]
    lost.path.unlink()
    found = reader.found(root)
    assert found.images == tuple(image for image in whole.images if image is not lost)
    (left,) = found.skipped
    assert (left.kind, left.rule) == ("fault", "missing")
    assert left.name == f"{lost.subject}/{SCALED}/{lost.image}"
    assert left.image == replace(lost, name=left.name, path=root / left.name)
    plan = Plan(test_per_class=1, fractions=(0.2, 0.0, 0.8), min_years=1.0)
    both = ({hashed("adni1", one.image): one for one in each} for each in (whole.images, [*found.images, left.image]))
    first, second = (draw(reader, plan, images) for images in both)
    assert first == second


def test_no_volume_on_disk_stands_for_a_day_that_another_one_of_the_search_table_has(tmp_path: Path) -> None:
    root = write_adni1(tmp_path, 1, awkward=False)
    lost, _ = Adni1Reader().found(root).images
    day = lost.path.parents[1].name
    raw = volume_path(root, lost.subject, "MP-RAGE", day, 77)
    raw.parent.mkdir(parents=True)
    raw.write_bytes(lost.path.read_bytes())
    lost.path.unlink()
    rules_of = {left.name.split("/")[-1]: left.rule for left in Adni1Reader().found(root).skipped}
    assert rules_of == {lost.image: "missing", raw.name: "same day"}


def test_rows_of_the_search_table_that_are_no_t1_volumes_or_have_no_day(tmp_path: Path) -> None:
    root = write_adni1(tmp_path, 1, awkward=False)
    table = root / "ADNI1_search.csv"
    header, first, *rest = table.read_text(encoding="utf-8").splitlines()
    image = first.partition(",")[0]
    further = [
        first.replace(image, "I901").replace("MPR; GradWarp", "Axial T2; GradWarp"),  # no T1
        first.replace(image, "I902").replace("NiFTI", "DCM"),  # of a day that has a volume
        re.sub(r"\d\d/\d\d/2006", "soon", first.replace(image, "I903")),
        re.sub(r"\d\d/\d\d/2006", "05/01/1990", first.replace(image, "I904")),  # far from any visit
    ]
    table.write_text("\n".join([header, first, *rest, *further]) + "\n", encoding="utf-8")
    (left,) = Adni1Reader().found(root).skipped
    assert left.name.endswith("/I903")
    assert left.reason.startswith("the owners' table names it without a date")
    table.write_text("\n".join([header.replace("Acq Date", "Day"), *further]) + "\n", encoding="utf-8")
    assert not Adni1Reader().found(root).skipped  # a table that does not say when lists nothing
