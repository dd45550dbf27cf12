"""CheXpert's reader: which rows become images, under which policy, and one line for each thing that can be wrong."""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ldbench.data.prepare.chexpert import CheXpertReader
from ldbench.data.prepare.chexpert_table import COLUMNS, FINDING_COLUMNS
from ldbench.data.prepare.source import Found, Skipped
from ldbench.errors import DataError, ImageError, UsageError
from tests.stand_ins import chexpert as stand_in

SIZE = 32
FILM = "CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg"
LATERAL = FILM.replace("frontal", "lateral")
CELLS = {"Path": FILM, "Sex": "Female", "Age": "61", "Frontal/Lateral": "Frontal", "AP/PA": "AP"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stand-in of 26 patients."""
    return stand_in.write_chexpert(tmp_path_factory.mktemp("chexpert"), patients=26)


def reader(**settings: object) -> CheXpertReader:
    return CheXpertReader(size=SIZE, **settings)  # type: ignore[arg-type]


def write_rows(folder: Path, rows: list[dict[str, str]], columns: tuple[str, ...] = COLUMNS) -> None:
    """A `train.csv` of these rows (absent findings blank), and an empty file for each image they name."""
    with (folder / "train.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        inside = Path(*Path(row["Path"]).parts[1:])
        if row["Path"].startswith("CheXpert-v1.0-small/train/") and ".." not in inside.parts:
            (folder / inside).parent.mkdir(parents=True, exist_ok=True)
            (folder / inside).touch()


def found_of(folder: Path, *rows: dict[str, str], **settings: object) -> Found:
    """What the reader says of a table of these rows alone."""
    write_rows(folder, [CELLS | row for row in rows])
    return reader(tables="train", **settings).found(folder)


def only_skipped(found: Found) -> Skipped:
    assert found.images == ()
    (left,) = found.skipped
    assert "\n" not in left.reason
    return left


# -- the stand-in has the owners' format -----------------------------------------------------------------------------


def test_the_stand_in_has_every_column_and_kind_of_cell(root: Path) -> None:
    rows = {}
    for table in ("train", "valid"):
        with (root / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            content = csv.DictReader(file)
            rows[table] = list(content)
            assert tuple(content.fieldnames or ()) == COLUMNS == stand_in.COLUMNS
    labels = {row[name] for row in rows["train"] for name in FINDING_COLUMNS}
    assert labels == {"", "0.0", "1.0", "-1.0"}
    assert {row[name] for row in rows["valid"] for name in FINDING_COLUMNS} == {"0.0", "1.0"}
    assert {row["No Finding"] for row in rows["train"]} == {"", "1.0"}
    assert {row["Frontal/Lateral"] for row in rows["train"]} == {"Frontal", "Lateral"}
    assert {"0"} < {row["Age"] for row in rows["train"]}
    assert {row["Sex"] for row in rows["train"]} == {"Male", "Female", "Unknown"}
    studies = Counter(Path(row["Path"]).parts[2] for row in rows["train"] if row["Path"].endswith("view1_frontal.jpg"))
    assert max(studies.values()) > 1
    for row in rows["train"] + rows["valid"]:
        with Image.open(root.parent / row["Path"]) as image:
            assert (image.format, image.mode, min(image.size)) == ("JPEG", "L", 320)


def test_the_stand_in_is_the_same_each_time(tmp_path: Path) -> None:
    digests = []
    for name in ("a", "b"):
        files = sorted(path for path in stand_in.write_chexpert(tmp_path / name, 3).rglob("*") if path.is_file())
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in files])
    assert digests[0] == digests[1]
    assert len(digests[0]) > 3


# -- what is used ----------------------------------------------------------------------------------------------------


def test_one_frontal_a_patient_with_one_class_and_nothing_lost(root: Path) -> None:
    found = reader().found(root)
    subjects = [image.subject for image in found.images]
    assert len(subjects) == len(set(subjects)) >= 15
    assert {image.attributes["finding"] for image in found.images} == set(reader().classes)
    assert all(set(image.attributes) == {"finding", "age", "sex"} for image in found.images)
    assert all("frontal" in image.name and image.path == root / image.name for image in found.images)
    assert [image.name for image in found.images] == sorted(image.name for image in found.images)
    assert [left.name for left in found.skipped] == sorted(left.name for left in found.skipped)
    rows = sum(len((root / name).read_text(encoding="utf-8").splitlines()) - 1 for name in ("train.csv", "valid.csv"))
    assert len(found.images) + len(found.skipped) == rows
    rules = Counter(left.rule for left in found.skipped)
    assert set(rules) == {"frontal", "one-class", "uncertain", "per-patient", "age", "sex"}
    assert {left.kind for left in found.skipped} == {"rule"}


def test_the_first_usable_images_by_study_and_view_whatever_their_order(tmp_path: Path) -> None:
    views = ["study10/view1", "study2/view2", "study2/view1", "study1/view1"]
    rows = [
        {"Path": f"CheXpert-v1.0-small/train/patient00007/{view}_frontal.jpg", "Pneumonia": "1.0"} for view in views[:3]
    ]
    rows.append({"Path": f"CheXpert-v1.0-small/train/patient00007/{views[3]}_frontal.jpg", "Edema": "1.0"})
    for count, expected in ((1, views[2:3]), (2, views[1:3]), (0, views[:3])):
        for order in (rows, rows[::-1]):
            found = found_of(tmp_path, *order, per_patient=count)
            assert {image.image for image in found.images} == {f"patient00007/{view}" for view in expected}
            assert {image.subject for image in found.images} == {"patient00007"}
    assert Counter(left.rule for left in found_of(tmp_path, *rows).skipped) == {"per-patient": 2, "one-class": 1}


def test_the_parent_folder_serves_as_root_and_names_stay_relative_to_it(root: Path) -> None:
    inside, outside = reader().found(root), reader().found(root.parent)
    assert [image.image for image in inside.images] == [image.image for image in outside.images]
    assert [f"{root.name}/{image.name}" for image in inside.images] == [image.name for image in outside.images]
    renamed = root.parent / "anything"
    renamed.symlink_to(root)
    assert [image.image for image in reader().found(renamed).images] == [image.image for image in inside.images]


def test_a_label_reads_as_the_class_and_the_attributes_as_words(tmp_path: Path) -> None:
    found = found_of(tmp_path, {"Pleural Effusion": "1.0", "Edema": "1.0", "Pneumonia": "0.0"})
    (image,) = found.images
    assert image.attributes == {"finding": "pleural effusion", "age": 61, "sex": "female"}
    assert (image.subject, image.image, image.years) == ("patient00001", "patient00001/study1/view1", None)
    assert image.name == "train/patient00001/study1/view1_frontal.jpg"


# -- the policy table ------------------------------------------------------------------------------------------------

POLICIES = [(uncertain, blank) for uncertain in ("skip", "negative", "positive") for blank in ("negative", "skip")]
# cells of (No Finding, Cardiomegaly, Pleural Effusion, Pneumonia), then for each of POLICIES what becomes of the row
TABLE = [
    ("1   . . .", "no finding", "blank", "no finding", "blank", "no finding", "blank"),
    ("1   0 0 0", *["no finding"] * 6),
    (".   1 0 0", *["cardiomegaly"] * 6),
    ("0   0 1 0", *["pleural effusion"] * 6),
    (".   0 0 1", *["pneumonia"] * 6),
    (".   1 . .", "cardiomegaly", "blank", "cardiomegaly", "blank", "cardiomegaly", "blank"),
    (".   ? 0 0", "uncertain", "uncertain", "one-class", "one-class", "cardiomegaly", "cardiomegaly"),
    (".   ? . .", "uncertain", "uncertain", "one-class", "blank", "cardiomegaly", "blank"),
    (".   ? 1 0", "uncertain", "uncertain", "pleural effusion", "pleural effusion", "one-class", "one-class"),
    (".   ? ? 0", "uncertain", "uncertain", "one-class", "one-class", "one-class", "one-class"),
    ("1   0 0 ?", "uncertain", "uncertain", "no finding", "no finding", "one-class", "one-class"),
    ("?   0 0 0", "uncertain", "uncertain", "one-class", "one-class", "no finding", "no finding"),
    (".   1 1 0", *["one-class"] * 6),
    ("1   1 0 0", *["one-class"] * 6),
    (".   0 0 0", *["one-class"] * 6),
    (".   . . .", "one-class", "blank", "one-class", "blank", "one-class", "blank"),
]
SPELT = {"1": "1.0", "0": "0.0", "?": "-1.0", ".": ""}


@pytest.mark.parametrize(
    ("cells", "policy", "expected"),
    [(row[0], policy, expected) for row in TABLE for policy, expected in zip(POLICIES, row[1:], strict=True)],
)
def test_policy(tmp_path: Path, cells: str, policy: tuple[str, str], expected: str) -> None:
    names = ("No Finding", "Cardiomegaly", "Pleural Effusion", "Pneumonia")
    row = dict(zip(names, (SPELT[cell] for cell in cells.split()), strict=True))
    found = found_of(tmp_path, row, uncertain=policy[0], blank=policy[1])
    if expected in reader().classes:
        assert [image.attributes["finding"] for image in found.images] == [expected]
        assert found.skipped == ()
    else:
        assert (only_skipped(found).kind, only_skipped(found).rule) == ("rule", expected)


@pytest.mark.parametrize(
    ("other", "cell", "uncertain", "used"),
    [
        ("Support Devices", "1.0", "skip", True), ("Edema", "1.0", "skip", False), ("Edema", "0.0", "skip", True),
        ("Fracture", "-1.0", "skip", False), ("Fracture", "-1.0", "negative", True),
        ("Lung Opacity", "-1.0", "positive", False), ("Lung Opacity", "1.0", "negative", False),
    ],
)
def test_no_finding_stands_beside_no_other_finding(
    tmp_path: Path, other: str, cell: str, uncertain: str, used: bool
) -> None:
    found = found_of(tmp_path, {"No Finding": "1.0", other: cell}, uncertain=uncertain)
    assert len(found.images) == used
    if not used:
        assert only_skipped(found).rule == "one-class"
        assert other in only_skipped(found).reason


# -- bad input -------------------------------------------------------------------------------------------------------

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
    with pytest.raises(DataError, match=f"train.csv: expected the columns {column}, got") as error:
        reader(tables="train").found(tmp_path)
    assert "\n" not in str(error.value)


def test_a_renamed_column_is_shown_beside_the_expected_one(tmp_path: Path) -> None:
    write_rows(tmp_path, [dict(CELLS)], tuple(name.replace("Pleural Effusion", "pleural_effusion") for name in COLUMNS))
    with pytest.raises(DataError, match="Pleural Effusion, got 'pleural_effusion'"):
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


@pytest.mark.parametrize(
    "settings",
    [{"uncertain": "maybe"}, {"blank": "positive"}, {"per_patient": -1}, {"tables": "test"}, {"square": "stretch"},
     {"resample": "nearest"}],
)
def test_an_unknown_setting_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=next(iter(settings))):
        reader(**settings)


# -- pixels and the record -------------------------------------------------------------------------------------------


def test_pixels_are_the_prepared_square_and_damage_is_an_error(root: Path, tmp_path: Path) -> None:
    (first, *_) = reader().found(root).images
    got = reader().pixels(first)
    assert (got.shape, got.dtype) == ((SIZE, SIZE), np.float32)
    assert 0 <= got.min() < got.max() <= 1
    assert not np.array_equal(got, reader(square="crop").pixels(first))
    (image,) = found_of(tmp_path, {"Pneumonia": "1.0"}).images
    with pytest.raises(ImageError, match=r"^train/patient00001/study1/view1_frontal\.jpg: expected a JPEG"):
        reader().pixels(image)


def test_every_choice_is_recorded(root: Path) -> None:
    plain = dict(reader().settings())
    for change in (
        {"uncertain": "positive"}, {"blank": "skip"}, {"per_patient": 0}, {"tables": "train"}, {"square": "crop"},
        {"resample": "lanczos"},
    ):
        assert {key for key, value in reader(**change).settings().items() if value != plain[key]} == set(change)
    assert plain["size"] == SIZE
