"""CheXpert Plus gives the images and classes of CheXpert where it says the same, and never a label that nobody gave."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ldbench.data.prepare.pixels.radiograph import read_jpeg, read_png
from ldbench.data.prepare.readers.chexpert_table import FINDING_COLUMNS
from ldbench.errors import DataError, ImageError
from tests.stand_ins import chexpert as stand_in

from .chexpert_rows import SIZE, reader

pytestmark = pytest.mark.slow

TABLE = "df_chexpert_plus_240401.csv"
COLUMNS = (
    "path_to_image", "path_to_dcm", "frontal_lateral", "ap_pa", "deid_patient_id", "patient_report_date_order",
    "report", "section_narrative", "section_clinical_history", "section_history", "section_comparison",
    "section_technique", "section_procedure_comments", "section_findings", "section_impression",
    "section_end_of_impression", "section_summary", "section_accession_number", "age", "sex", "race", "ethnicity",
    "interpreter_needed", "insurance_type", "recent_bmi", "deceased", "split",
)
REPORT = 'NARRATIVE:\nChest, one view, "portable".\n\nIMPRESSION:\n1. AS BEFORE, UNCHANGED.\n'
LAYOUTS: dict[str, Callable[[str, str], str]] = {
    "archive": lambda split, below: f"PNG/{split}/{below}",
    "archive in a folder of its own": lambda split, below: f"PNG/PNG/{split}/{below}",
    "single files": lambda split, below: f"PNG_{split}/{below}",
    "beside the table": lambda split, below: f"{split}/{below}",
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in of CheXpert-v1.0-small that all of these repeat."""
    return stand_in.write_chexpert(tmp_path_factory.mktemp("chexpert"), patients=14)


def plus_of(plain: Path, root: Path, layout: str = "archive") -> Path:
    """The same films and labels as CheXpert Plus ships them."""
    rows, labels = [], []
    for table in ("train", "valid"):
        with (plain / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                path = row["Path"].removeprefix("CheXpert-v1.0-small/")
                film = (root / LAYOUTS[layout](*path.split("/", 1))).with_suffix(".png")
                film.parent.mkdir(parents=True, exist_ok=True)
                with Image.open(plain / path) as image:
                    image.save(film, compress_level=1)
                rows.append({
                    "path_to_image": path, "path_to_dcm": path.replace(".jpg", ".dcm"), "ap_pa": row["AP/PA"],
                    "frontal_lateral": row["Frontal/Lateral"], "deid_patient_id": path.split("/")[1],
                    "patient_report_date_order": "1", "report": REPORT, "section_impression": "\n1. UNCHANGED.\n",
                    "age": f"{row['Age']}.0", "sex": row["Sex"], "split": table,
                })  # fmt: skip
                cells = {name: float(row[name]) if row[name] else None for name in FINDING_COLUMNS}
                labels.append({"path_to_image": path, **cells})
    write_table(root, rows)
    write_labels(root / "chexbert_labels" / "impression_fixed.json", labels)
    return root


def write_table(root: Path, rows: list[dict[str, str]]) -> None:
    with (root / TABLE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)


def write_labels(file: Path, labels: list[dict[str, object]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{json.dumps(record)}\n" for record in labels), encoding="utf-8")


def rows_of(root: Path) -> list[dict[str, str]]:
    with (root / TABLE).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def labels_of(root: Path) -> list[dict[str, object]]:
    text = (root / "chexbert_labels" / "impression_fixed.json").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_films_and_labels_give_the_same_images(layout: str, plain: Path, tmp_path: Path) -> None:
    expected = reader().found(plain)
    found = reader(labels="impression").found(plus_of(plain, tmp_path, layout))
    assert [(image.name, image.subject, image.image, image.attributes) for image in found.images] == [
        (image.name, image.subject, image.image, image.attributes) for image in expected.images
    ]
    assert [(left.name, left.rule) for left in found.skipped] == [(left.name, left.rule) for left in expected.skipped]
    for ours, theirs in zip(found.images[:3], expected.images[:3], strict=True):
        assert np.array_equal(reader(labels="impression").pixels(ours), reader().pixels(theirs))
    only = reader(labels="impression", tables="valid").found(tmp_path)
    assert [image.name for image in only.images] == [each.name for each in found.images if each.name[:5] == "valid"]


def test_all_findings_are_read_off_either_release_alike(plain: Path, tmp_path: Path) -> None:
    expected = reader(all_findings=True).found(plain)
    found = reader(all_findings=True, labels="impression").found(plus_of(plain, tmp_path))
    assert [(image.image, image.attributes) for image in found.images] == [
        (image.image, image.attributes) for image in expected.images
    ]
    assert any(" and " in str(image.attributes["findings"]) for image in found.images)
    assert [(left.name, left.rule) for left in found.skipped] == [(left.name, left.rule) for left in expected.skipped]


def test_labels_of_a_text_that_is_not_there_are_none(plain: Path, tmp_path: Path) -> None:
    root = plus_of(plain, tmp_path)
    of_nothing = dict.fromkeys(FINDING_COLUMNS) | {"No Finding": 1.0}  # what CheXbert says of an empty text
    write_labels(
        root / "chexbert_labels" / "findings_fixed.json",
        [{"path_to_image": row["path_to_image"], **of_nothing} for row in rows_of(root)],
    )
    found = reader(labels="findings").found(root)
    assert found.images == ()
    frontal = [left for left in found.skipped if left.rule not in ("frontal",)]
    assert {(left.kind, left.rule) for left in frontal} == {("rule", "no-text")}
    assert frontal[0].reason == "the report has no findings, so findings_fixed.json says nothing of the image"


def test_each_row_that_lacks_something_says_so(plain: Path, tmp_path: Path) -> None:
    root = plus_of(plain, tmp_path)
    used = [image.name for image in reader(labels="impression").found(root).images][:5]
    rows, labels = rows_of(root), labels_of(root)
    for path, change in zip(used, ({"age": ""}, {"sex": "nan"}), strict=False):
        next(row for row in rows if row["path_to_image"] == path).update(change)
    by_path = {record["path_to_image"]: record for record in labels}
    labels.append({**by_path[used[2]], "Edema": -1.0})  # a second line of it that differs
    labels.remove(by_path[used[3]])
    by_path[used[4]]["Fracture"] = 0.5
    write_table(root, rows)
    write_labels(root / "chexbert_labels" / "impression_fixed.json", labels)
    left = {each.name: (each.kind, each.rule) for each in reader(labels="impression").found(root).skipped}
    assert [left[path] for path in used] == [
        ("rule", "age"), ("rule", "sex"), ("fault", "label"), ("fault", "label"), ("fault", "label"),
    ]  # fmt: skip


def test_which_labels_is_never_guessed(plain: Path, tmp_path: Path) -> None:
    root = plus_of(plain, tmp_path)
    with pytest.raises(DataError, match=r"expected a choice of labels.*--set labels=impression"):
        reader().found(root)
    with pytest.raises(DataError, match=r"expected CheXpert Plus's table df_chexpert_plus_\*\.csv there, got none"):
        reader(labels="impression").found(plain)
    with pytest.raises(DataError, match=r"expected report_fixed\.json there or in one folder below it, got none"):
        reader(labels="report").found(root)
    assert reader(labels="impression").settings() == {**reader().settings(), "labels": "impression"}


def test_two_tables_and_two_files_of_labels_are_refused(plain: Path, tmp_path: Path) -> None:
    root = plus_of(plain, tmp_path)
    write_labels(root / "impression_fixed.json", [])
    with pytest.raises(DataError, match=r"got impression_fixed\.json and chexbert_labels/impression_fixed\.json"):
        reader(labels="impression").found(root)
    (root / "df_chexpert_plus_250101.csv").touch()
    with pytest.raises(DataError, match=r"expected one df_chexpert_plus_\*\.csv, got df_chexpert_plus_240401\.csv and"):
        reader(labels="impression").found(root)


@pytest.mark.parametrize("line", ["{", "[]", "1", '{"path_to_image": "a"}', "\udcff"])
def test_what_is_no_line_of_labels_is_named(line: str, plain: Path, tmp_path: Path) -> None:
    root = plus_of(plain, tmp_path)
    with (root / "chexbert_labels" / "impression_fixed.json").open("ab") as file:
        file.write(line.encode("utf-8", "surrogateescape"))
    with pytest.raises(DataError, match=r"impression_fixed\.json: (expected a JSON object|'utf-8' codec)") as error:
        reader(labels="impression").found(root)
    assert "\n" not in str(error.value)


def test_a_film_is_read_as_a_jpeg_of_its_pixels_and_damage_is_an_error(tmp_path: Path) -> None:
    jpeg, png = tmp_path / "a.jpg", tmp_path / "a.png"
    jpeg.write_bytes(stand_in.jpeg(stand_in.films()[0], (60, 48), np.random.default_rng(0)))
    with Image.open(jpeg) as image:
        image.save(png)
    assert np.array_equal(read_png(png, SIZE), read_jpeg(jpeg, SIZE))
    content = png.read_bytes()
    for damaged in (content[:-40], content[:200] + bytes([content[200] ^ 1]) + content[201:], jpeg.read_bytes(), b""):
        png.write_bytes(damaged)
        with pytest.raises(ImageError, match=r"a\.png"):
            read_png(png, SIZE)
    Image.fromarray(np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000).save(png)
    with pytest.raises(ImageError, match="expected a grey or RGB PNG of 8 bits, got I;16 of 16 bits"):
        read_png(png, SIZE)
