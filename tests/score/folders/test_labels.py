"""Which labels each image of folders has: by a table, by a table a set, or by order; one line for each mistake."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ldbench.errors import DataError, UsageError
from ldbench.score.folders.labels import Labelled, label_counts, labels_of
from tests.score.folders.disc_folders import fill, measured

NAMES = {"real": ["0", "1", "2"], "generated": ["0", "7"], "training": ["t", "u"]}
ROWS = ("0.png,1,0,real", "1,0.0,,real", "2,-1,1,real", "0,0,1,generated", "7.png,1,NA,generated")
TAUGHT = ("t,1,1,training", "u,0,0,")
FOUND = {
    "real": {"edema": [1, 0, None], "mass": [0, None, 1]}, "generated": {"edema": [0, 1], "mass": [1, None]},
    "training": {"edema": [1, 0], "mass": [1, 0]},
}


def table(folder: Path, *rows: str, header: str = "image,edema,mass,set", name: str = "table.csv") -> Path:
    path = folder / name
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


def found(given: Any, *names: str, images: Mapping[str, list[str]] = NAMES) -> dict[str, dict[str, list[int | None]]]:
    """By set and label 1, 0 or None."""
    return {
        name: {label: [None if np.isnan(one) else int(one) for one in values] for label, values in of_set.items()}
        for name, of_set in labels_of(images, Labelled(given, names)).items()
    }


def test_a_table_tables_by_set_and_an_order_say_the_same(tmp_path: Path) -> None:
    whole = table(tmp_path, *ROWS, *TAUGHT)
    assert found(whole) == FOUND
    by_set = {
        name: table(
            tmp_path, *(row.rpartition(",")[0] for row in rows), header="image,edema,mass", name=f"{name}.csv"
        )
        for name, rows in {"real": ROWS[:3], "generated": ROWS[3:], "training": TAUGHT}.items()
    }
    assert found(by_set) == FOUND
    given = {name: dict(each) for name, each in FOUND.items()}
    assert found(given) == FOUND
    mixed = {"generated": given["generated"], "real": by_set["real"], "training": {"mass": [1, None], "edema": (1, 0)}}
    assert list(found(mixed)["training"]) == ["edema", "mass"]
    as_others_have = {"edema": np.array([True, False]), "mass": [None, -1]}
    assert found(given | {"training": as_others_have})["training"] == {"edema": [1, 0], "mass": [None, None]}


def test_rows_of_a_set_that_is_not_measured_may_stay(tmp_path: Path) -> None:
    two = {name: NAMES[name] for name in ("real", "generated")}
    whole = table(tmp_path, *ROWS, "t,1,1,training", "u,0,0,training")
    assert found(whole, images=two) == {name: FOUND[name] for name in two}


def test_a_table_of_the_whole_data_set_is_read_where_each_row_fits_one_folder(tmp_path: Path) -> None:
    """Further rows are counted, which tells of a typing error among them, too."""
    apart = {"real": ["0", "1"], "generated": ["a", "b"], "generated 2": ["a", "b"]}
    rows, said = [f"{name},1,1" for name in ("0.png", "1", "2", "3", "4", "5", "a", "b")], list[str]()
    path = table(tmp_path, *rows, "6,none of it is read,", header="image,edema,mass")
    of_sets = labels_of(apart, Labelled(path), said.append)
    assert {name: list(each["edema"]) for name, each in of_sets.items()} == {name: [1, 1] for name in apart}
    assert said == [f"--labels {path}: 5 of 9 rows are left out, whose images are in no folder: 2, 3, 4 and 2 more"]
    for further in ("t,1,1,", "t,1,1,real"):  # whose set is said of each row that fits several folders
        said.clear()
        two = {name: NAMES[name] for name in ("real", "generated")}
        labels_of(two, Labelled(path := table(tmp_path, *ROWS, further)), said.append)
        assert said == [f"--labels {path}: 1 of 6 rows are left out, whose images are in no folder: t"]


def test_a_table_of_more_than_the_folders_is_refused_where_a_row_fits_two(tmp_path: Path) -> None:
    path = table(tmp_path, "0,1,0", "1,0,1", "2,1,1", header="image,edema,mass")
    alike = {"real": ["0", "1"], "generated": ["0", "1"]}
    with pytest.raises(UsageError) as error:
        found(path, images=alike)
    assert str(error.value) == (
        f"--labels {path}: expected names of real, generated images, got 2; drop these rows, or say in a column 'set' "
        "of which set each row is, since 0 is in several folders"
    )
    assert found({"real": path, "generated": path}, images=alike)["generated"] == {"edema": [1, 0], "mass": [0, 1]}


def test_an_answer_counts_the_rows_that_were_left_out(tmp_path: Path) -> None:
    for name in ("real", "generated"):
        fill(tmp_path / name, 3, 0)
    path = table(tmp_path, *(f"image-00{number},1" for number in range(5)), header="image,a")
    labelled = Labelled({"real": path, "generated": path})
    notes = measured(tmp_path, "ms_ssim_diversity", labels=labelled).notes
    assert notes[:2] == tuple(
        f"--labels {name}={path}: 2 of 5 rows are left out, whose images are in no folder: image-003, image-004"
        for name in ("real", "generated")
    )


def test_columns_of_further_options_are_no_labels_and_names_choose_among_all(tmp_path: Path) -> None:
    header = "image,subject,class,edema,mass,age,set"
    rows = [f"{row.split(',')[0]},P1,ill,{','.join(row.split(',')[1:3])},63,{row.split(',')[3]}" for row in ROWS]
    with pytest.raises(UsageError, match="got '63' in line 2; correct it, or name the columns that are labels"):
        found(table(tmp_path, *rows, header=header))
    assert list(found(table(tmp_path, *rows, header=header), "mass", "edema")["real"]) == ["mass", "edema"]
    assert list(found(table(tmp_path, *(row.replace(",63", ",") for row in rows), header=header), "mass")["real"])
    manifest = ["image_id,edema,split", "0,1,a", "1,0,a", "2,,a", "7,1,b", "elsewhere,0,c"]
    path = table(tmp_path, *manifest[1:], header=manifest[0])
    assert found(path, "edema")["generated"] == {"edema": [1, 1]}


def test_training_images_alone_may_have_no_labels(tmp_path: Path) -> None:
    assert found(table(tmp_path, *ROWS))["training"] == {}
    assert found({name: each for name, each in FOUND.items() if name != "training"})["training"] == {}
    further = found(table(tmp_path, *ROWS, "1,1,1,generated"), images=NAMES | {"generated 2": ["1"]})
    assert further["generated 2"] == {"edema": [1], "mass": [1]}


def test_images_are_counted_by_label() -> None:
    assert label_counts({"edema": np.array([1, 0, np.nan]), "mass": np.array([0.0, 0, 0])}) == {
        "edema": {"with": 1, "known": 2}, "mass": {"with": 0, "known": 3},
    }


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (ROWS[1:], "expected a row for each of the real images, got none for 0; add theirs, with empty cells where"),
        ((*ROWS, "t,1,1,"), "expected a row for each of the training images, got none for u"),
        ((*ROWS, "u,yes,1,"), "expected 1, 0, -1 (uncertain) or nothing as edema, got 'yes' in line 7; correct it"),
        ((*ROWS, "u,1,2,"), "expected 1, 0, -1 (uncertain) or nothing as mass, got '2' in line 7"),
        ((*ROWS, "0,0,0,real"), "expected one row of 0, got two that differ; drop one of them"),
        (("3,1,0,real", "9,0,0,"), "expected names of real, generated, training images, got 3, 9; correct them: a nam"),
        ((*ROWS, "0,0,0,test"), "expected real, generated or training as set, got 'test'"),
        (
            ("0,0,0,real", "1,0,,", "2,-1,1,real", "0,0,1,generated", "7,,,"),
            "expected images that have each label, got none with edema; correct the table, or name the other labels w",
        ),
    ],
)
def test_what_is_wrong_with_a_table_is_one_line(rows: tuple[str, ...], said: str, tmp_path: Path) -> None:
    path = table(tmp_path, *rows)
    with pytest.raises(UsageError) as error:
        found(path)
    assert str(error.value).startswith(f"--labels {path}: {said}")


def test_what_is_wrong_with_the_columns_of_a_table_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a column 'image', got 'Path', 'edema'"):
        found(table(tmp_path, "0,1", header="Path,edema"))
    with pytest.raises(DataError, match=r"expected a column 'edma', got .* did you mean 'edema'"):
        found(table(tmp_path, *ROWS), "edma")
    with pytest.raises(UsageError, match="expected a column a label, got image, set alone; add the labels"):
        found(table(tmp_path, "0,real", header="image,set"))
    with pytest.raises(UsageError, match=r"--labels none\.csv: expected a CSV table, got no file of this name"):
        found(Path("none.csv"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"generated": {"edema": [0, 1]}}, "--labels: expected the same labels of all sets, got mass of the real"),
        (
            {"training": {**FOUND["training"], "Mass": [0, 1]}},
            "--labels: expected the same labels of all sets, got Mass of the training images and not of the real",
        ),
        ({"generated": {"edema": [0], "mass": [1]}}, "labels of generated: expected edema of each of the 2 gen"),
        ({"real": {"edema": [1, 0, "yes"]}}, "labels of real: expected 1, 0, -1 or None as edema, got 'yes'"),
        ({"reel": {}}, "labels: expected labels of real, generated or training, got 'reel'; name one of them"),
    ],
)
def test_what_is_wrong_with_labels_by_set_is_one_line(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as error:
        found({**FOUND, **changed})
    assert str(error.value).startswith(said)


def test_each_set_has_labels_and_those_that_are_named() -> None:
    with pytest.raises(UsageError, match="--labels: expected labels of the generated images, got none; give theirs"):
        found({"real": FOUND["real"]})
    with pytest.raises(UsageError, match="labels of real: expected the label 'nodule', got edema, mass; add it"):
        found(FOUND, "nodule")


def test_a_pair_has_the_same_labels(tmp_path: Path) -> None:
    for name in ("real", "generated"):
        fill(tmp_path / name, 3, 0)
    labels = {"real": {"a": [1, 0, None]}, "generated": {"a": [1, 1, None]}}
    with pytest.raises(UsageError, match="--paired: expected the true image of image-001 to have its labels, got an"):
        measured(tmp_path, "ssim", paired=True, labels=Labelled(labels))  # type: ignore[arg-type]
