"""What is wrong with a CheXpert table or a row of it: one line each, and no image."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ldbench.data.prepare.readers.chexpert_table import COLUMNS
from ldbench.errors import DataError

from .chexpert_rows import CELLS, FILM, LATERAL, found_of, only_skipped, reader, write_rows

BAD_ROWS = {
    "lateral": ({"Path": LATERAL, "Frontal/Lateral": "Lateral"}, "rule", "frontal", "lateral"),
    "lateral by name only": ({"Path": LATERAL}, "fault", "view", "called lateral"),
    "view": ({"Frontal/Lateral": "Oblique"}, "fault", "view", "'Oblique'"),
    "upwards": ({"Path": "CheXpert-v1.0-small/../../etc/passwd"}, "fault", "path", "leaves the root"),
    "absolute": ({"Path": "/etc/passwd"}, "fault", "path", "leaves the root"),
    "drive": ({"Path": "C:\\films\\a.jpg"}, "fault", "path", "leaves the root"),
    "inside upwards": ({"Path": FILM.replace("study1", "..")}, "fault", "path", "leaves the root"),
    "other path": ({"Path": "patient00001.jpg"}, "fault", "path", "expected a path such as"),
    "empty path": ({"Path": ""}, "fault", "path", "expected a path such as"),
    "two lines": ({"Path": f"{FILM}\nx"}, "fault", "path", "expected a path such as"),
    "age unknown": ({"Age": "0"}, "rule", "age", "unknown"),
    "age blank": ({"Age": ""}, "fault", "age", "got ''"),
    "age words": ({"Age": "sixty\none"}, "fault", "age", "sixty"),
    "age negative": ({"Age": "-1"}, "fault", "age", "'-1'"),
    "age nan": ({"Age": "nan"}, "fault", "age", "'nan'"),
    "age too high": ({"Age": "613"}, "fault", "age", "'613'"),
    "sex unknown": ({"Sex": "Unknown"}, "rule", "sex", "Unknown"),
    "sex": ({"Sex": "F"}, "fault", "sex", "got 'F'"),
    "label": ({"Pneumonia": "2.0"}, "fault", "label", "Pneumonia: .*'2.0'"),
    "label nan": ({"Edema": "NaN"}, "fault", "label", "Edema: .*'NaN'"),
    "label words": ({"Edema": "yes"}, "fault", "label", "'yes'"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_row_that_can_not_be_used_says_why_in_one_line(tmp_path: Path, name: str) -> None:
    change, kind, rule, reason = BAD_ROWS[name]
    left = only_skipped(found_of(tmp_path, {"Cardiomegaly": "1.0", **change}))
    assert (left.kind, left.rule) == (kind, rule)
    assert re.search(reason, left.reason)
    assert left.name == ("train.csv line 2" if rule == "path" else change.get("Path", FILM).split("/", 1)[1])


def test_ages_and_labels_may_be_spelt_as_other_programs_do(tmp_path: Path) -> None:
    (image,) = found_of(tmp_path, {"Age": "61.0", "Pneumonia": "1", "Edema": "-1", "Cardiomegaly": "0"}).images
    assert (image.attributes["age"], image.attributes["finding"]) == (61, "pneumonia")


def test_an_image_in_two_rows_is_left_out_twice(tmp_path: Path) -> None:
    other = {"Path": FILM.replace("patient00001", "patient00002"), "Pneumonia": "1.0"}
    found = found_of(tmp_path, {"Pneumonia": "1.0"}, {"Cardiomegaly": "1.0"}, other)
    assert [image.subject for image in found.images] == ["patient00002"]
    assert [(left.kind, left.rule) for left in found.skipped] == [("fault", "duplicate")] * 2


def test_a_missing_file_costs_its_own_image_only(tmp_path: Path) -> None:
    second = {"Path": FILM.replace("study1", "study2"), "Pneumonia": "1.0"}
    write_rows(tmp_path, [CELLS | {"Pneumonia": "1.0"}, CELLS | second])
    (tmp_path / "train/patient00001/study1/view1_frontal.jpg").unlink()
    found = reader(tables="train").found(tmp_path)
    assert found.images == ()  # not the second study's: the choice doesn't depend on damage
    assert {(left.kind, left.rule) for left in found.skipped} == {("fault", "missing"), ("rule", "per-patient")}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    write_rows(tmp_path, [dict(CELLS)], tuple(name for name in COLUMNS if name != column))
    with pytest.raises(DataError, match=f"train.csv: expected a column '{column}', got") as error:
        reader(tables="train").found(tmp_path)
    assert "\n" not in str(error.value)


def test_a_renamed_column_is_shown_beside_the_expected_one(tmp_path: Path) -> None:
    write_rows(tmp_path, [dict(CELLS)], tuple(name.replace("Pleural Effusion", "pleural_effusion") for name in COLUMNS))
    with pytest.raises(DataError, match=r"'Pleural Effusion', got .*; did you mean 'pleural_effusion'"):
        reader(tables="train").found(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00\x01Path,Sex", b"Path,Sex\n1,2,3\n1\n\"", b"\x89PNG\r\n\x1a\n"]
)
def test_what_is_no_table_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "train.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"train\.csv: expected") as error:
        reader(tables="train").found(tmp_path)
    assert "\n" not in str(error.value)


def test_rows_longer_than_the_header_are_refused(tmp_path: Path) -> None:
    text = ",".join(COLUMNS) + "\n" + f"{FILM},Female,61,Frontal,AP" + ",1.0" * 15 + "\n"
    (tmp_path / "train.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="expected 19 cells a row, got more"):
        reader(tables="train").found(tmp_path)


def test_a_byte_order_mark_is_no_part_of_a_column(tmp_path: Path) -> None:
    write_rows(tmp_path, [CELLS | {"Pneumonia": "1.0"}])
    (tmp_path / "train.csv").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "train.csv").read_bytes())
    assert len(reader(tables="train").found(tmp_path).images) == 1


def test_missing_tables_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected train\.csv and valid\.csv there or in CheXpert-v1\.0-small/"):
        reader().found(tmp_path)
    write_rows(tmp_path, [CELLS | {"Pneumonia": "1.0"}])
    with pytest.raises(DataError, match=r"got no valid\.csv; copy it, or set tables"):
        reader().found(tmp_path)
    assert len(reader(tables="train").found(tmp_path).images) == 1
