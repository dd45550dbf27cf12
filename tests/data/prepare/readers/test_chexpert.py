"""CheXpert's reader: which rows become images, under which policy, and one line for each thing that can be wrong."""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ldbench.data.prepare.readers.chexpert_table import COLUMNS, FINDING_COLUMNS
from ldbench.errors import ImageError
from tests.stand_ins import chexpert as stand_in

from .chexpert_rows import SIZE, found_of, only_skipped, reader


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stand-in of 26 patients."""
    return stand_in.write_chexpert(tmp_path_factory.mktemp("chexpert"), patients=26)


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


@pytest.mark.slow
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


def test_the_full_size_release_is_read_from_its_batch_folders(root: Path, tmp_path: Path) -> None:
    full = tmp_path / "chexpertchestxrays-u20210408"
    tables = full / "CheXpert-v1.0 batch 1 (validate & csv)"
    shutil.copytree(root / "valid", tables / "valid")
    for number, patient in enumerate(sorted((root / "train").iterdir())):
        batch = number % 3 + 1
        shutil.copytree(patient, full / f"CheXpert-v1.0 batch {batch + 1} (train {batch})" / patient.name)
    for name in ("train.csv", "valid.csv"):
        text = (root / name).read_text(encoding="utf-8").replace("CheXpert-v1.0-small/", "CheXpert-v1.0/")
        (tables / name).write_text(text, encoding="utf-8")
    small = reader().found(root)
    for place in (full, tables):
        found = reader().found(place)
        assert [(image.image, image.attributes) for image in found.images] == [
            (image.image, image.attributes) for image in small.images
        ]
        assert found.skipped == small.skipped
        assert all(image.path.is_file() for image in found.images)


@pytest.mark.parametrize("head", ["", "CheXpert-v1.0/", "data/CheXpert-v1.0-small/"])
def test_copies_saved_again_or_with_other_heads_of_their_paths_give_the_same_images(
    head: str, root: Path, tmp_path: Path
) -> None:
    shutil.copytree(root, tmp_path / "archive")
    for name in ("train.csv", "valid.csv"):
        header, *lines = (root / name).read_text(encoding="utf-8").splitlines()
        rows = [f"{number},{line.replace('CheXpert-v1.0-small/', head)}" for number, line in enumerate(lines)]
        text = "\r\n".join([f",{header}", *rows]) + "\r\n"  # an index without a name, Windows' line ends, a mark
        (tmp_path / "archive" / name).write_bytes(text.encode("utf-8-sig"))
    found = reader().found(tmp_path / "archive")
    assert [image.image for image in found.images] == [image.image for image in reader().found(root).images]
    assert all(image.path.is_file() for image in found.images)


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
