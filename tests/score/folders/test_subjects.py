"""Whose the images of two folders are: by a table, a pattern or an order; what is wrong is one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ldbench.errors import DataError, UsageError
from ldbench.score.folders.inputs import FolderInputs
from ldbench.score.folders.lines import subject_line
from ldbench.score.folders.measure import Folders
from ldbench.score.folders.subjects import pattern_of, subjects_of
from tests.score.folders.disc_folders import CONTEXT, fill, measure_alone

NAMES = {"real": ["a/sub-1_x", "a/sub-1_y", "a/sub-2_x"], "generated": ["0", "1"], "training": ["t"]}


def table(folder: Path, *rows: str, header: str = "image,subject") -> Path:
    path = folder / "table.csv"
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("pattern", "found"), [("sub-[0-9]+", ("sub-1", "sub-1", "sub-2")), ("sub-([0-9]+)_", ("1", "1", "2"))]
)
def test_a_pattern_is_searched_for_in_names(pattern: str, found: tuple[str, ...]) -> None:
    assert subjects_of(NAMES, pattern_of(pattern)) == {"real": found, "generated": ()}


def test_a_table_names_images_with_or_without_suffix_and_their_set(tmp_path: Path) -> None:
    rows = ("a/sub-1_x.png,P", "a/sub-1_y,P", "a/sub-2_x.JPG,Q", "t,R")
    found = subjects_of(NAMES, table(tmp_path, *rows))
    assert found == {"real": ("P", "P", "Q"), "generated": ()}
    alike = {"real": ["0", "1"], "generated": ["0", "1"]}
    path = table(tmp_path, "0,P", "1,P")
    assert subjects_of(alike, path) == {"real": ("P", "P"), "generated": ("P", "P")}
    path = table(tmp_path, "0,P,real", "1,P,real", header="image,subject,set")
    assert subjects_of(alike, path) == {"real": ("P", "P"), "generated": ()}


def test_the_manifest_of_prepared_data_is_a_table_whatever_else_it_names(tmp_path: Path) -> None:
    header = "image_id,subject,split,role,source,file,sha256,set"
    rows = [f"{name},{subject},train,scan,,images/{name}.png,0,film" for name, subject in (("a1", "P"), ("b2", "Q"))]
    path = table(tmp_path, *rows, "c3,Q,test,later,b2,images/b2.png,0,film", header=header)
    assert subjects_of({"real": ["a1", "b2"], "generated": ["0"]}, path) == {"real": ("P", "Q"), "generated": ()}
    with pytest.raises(UsageError, match="a subject of each of the real images, got none of d4"):
        subjects_of({"real": ["a1", "d4"], "generated": ["0"]}, path)
    with pytest.raises(UsageError, match="expected the subjects of real or of generated images, got none"):
        subjects_of({"real": ["e5"], "generated": ["0"]}, path)


def test_an_order_gives_the_subject_of_each_image() -> None:
    found = subjects_of(NAMES, {"generated": [7, 7], "real": ["P", "Q", "Q"]})
    assert found == {"real": ("P", "Q", "Q"), "generated": ("7", "7")}


def test_subjects_that_real_and_training_images_share_are_said(tmp_path: Path) -> None:
    names, header = NAMES | {"training": ["a/sub-1_x", "u", "v"]}, "image,subject,set"
    real, learnt = [f"{each},P{each[6]},real" for each in NAMES["real"]], ["a/sub-1_x,P2,training", "u,P3,training"]
    whole, plain = table(tmp_path, *real, *learnt, header=header), tmp_path / "plain.csv"
    said = list[str]()
    assert subjects_of(names, whole, said.append) == {"real": ("P1", "P1", "P2"), "generated": ()}
    assert said == [
        f"--subjects {whole}: 1 of 2 subjects of the real images are subjects of training images too: real images are "
        "then nearer to what was learnt than those of new subjects, which biases copied_share, ct, fld and what a "
        "judge says; take real images of other subjects"
    ]
    subjects_of(names, pattern_of("sub-[0-9]|u|v|[01]"), said.append)
    assert said.pop().startswith("--subject-pattern: 1 of 2 subjects of the real images are subjects of training")
    said.clear()
    subjects_of({"real": names["real"], "generated": ["0"]}, whole, said.append)
    plain.write_text("image,subject\n" + "".join(f"{each},{each}\n" for each in NAMES["real"]), encoding="utf-8")
    subjects_of(names, plain, said.append)
    assert said == []


def test_subjects_of_several_generated_sets_are_found_as_those_of_one(tmp_path: Path) -> None:
    names = NAMES | {"generated 2": ["1", "2"]}
    path = table(tmp_path, "0,P", "1,Q", "2,R")
    assert subjects_of(names, path) == {"real": (), "generated": ("P", "Q"), "generated 2": ("Q", "R")}
    path = table(tmp_path, "0,P,generated", "1,Q,generated", "2,R,generated", header="image,subject,set")
    assert subjects_of(names, path) == {"real": (), "generated": ("P", "Q"), "generated 2": ("Q", "R")}
    assert subjects_of(names, {"generated": [7, 8]})["generated 2"] == ("7", "8")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (("a/sub-1_x,P", "a/sub-1_y,P"), "a subject of each of the real images, got none of a/sub-2_x; give"),
        (("a/sub-1_x,P", "a/sub-1_y,P", "a/sub-2_x,NA"), "got none of a/sub-2_x"),
        (
            ("x,P", "y,P"),
            "expected names of real, generated, training images, got x, y; correct them: a name is the path below its "
            "folder, a/sub-1_x say",
        ),
        (("0,P", "0,Q", "1,P"), "expected one subject of 0, got two"),
        (("t,P",), "expected the subjects of real or of generated images, got none"),
    ],
)
def test_what_is_wrong_with_a_table_is_one_line(rows: tuple[str, ...], said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said) as error:
        subjects_of(NAMES, table(tmp_path, *rows))
    assert str(error.value).startswith(f"--subjects {tmp_path / 'table.csv'}: expected ")


def test_other_mistakes_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a column 'subject', got 'image', 'patient'"):
        subjects_of(NAMES, table(tmp_path, "0,P", header="image,patient"))
    with pytest.raises(UsageError, match="expected real, generated or training as set, got 'test'"):
        subjects_of(NAMES, table(tmp_path, "0,P,test", header="image,subject,set"))
    with pytest.raises(UsageError, match=r"--subject-pattern: expected a regular expression, got 'sub-\('"):
        pattern_of("sub-(")
    with pytest.raises(UsageError, match="--subject-pattern: expected a subject of each of the real images"):
        subjects_of(NAMES, pattern_of("sub-1"))
    with pytest.raises(UsageError, match="subjects: expected one of each of the 2 generated images, got 3"):
        subjects_of(NAMES, {"generated": [1, 2, 3]})
    with pytest.raises(UsageError, match="subjects: expected subjects of real or generated, got 'training'"):
        subjects_of(NAMES, {"training": [1]})


@pytest.mark.slow
@pytest.mark.parametrize(("paired", "names"), [(True, ["ssim"]), (False, ["fid", "coverage"])])
def test_subjects_are_the_units_of_intervals_and_move_no_value(paired: bool, names: list[str], tmp_path: Path) -> None:
    for seed, name in enumerate(("real", "generated")):
        fill(tmp_path / name, 24, seed)
    plain = Folders(tmp_path / "real", tmp_path / "generated", paired=paired)
    settings = {} if paired else {name: {"resize": "32"} for name in names}
    images = measure_alone(plain, CONTEXT, names, settings=settings)
    each = replace(plain, subjects=pattern_of("image-[0-9]+"))
    eights = replace(plain, subjects={name: np.repeat(range(3), 8).tolist() for name in ("real", "generated")})
    found = measure_alone(eights, CONTEXT, names, settings=settings)
    assert measure_alone(each, CONTEXT, names, settings=settings).scores == images.scores
    assert found.values == images.values
    assert all(str(score.parameters["interval"]).endswith("subjects are the units") for score in found.scores)
    assert all(
        wide.ci_high - wide.ci_low > narrow.ci_high - narrow.ci_low
        for wide, narrow in zip(found.scores, images.scores, strict=True)
    )
    assert subject_line(found) == "subjects: 3 in 24 real images, 3 in 24 generated images"
    assert subject_line(images) == ""


def test_the_real_images_are_the_test_scans() -> None:
    inputs = FolderInputs(
        device=CONTEXT.device, seed=0, images={}, whose={"real": ("P", "Q", "P"), "generated": ("P", "Q")}
    )
    for name in ("real", "test_scans"):
        assert inputs.subjects(name).tolist() == [0, 1, 0]  # type: ignore[union-attr]
    assert inputs.subjects("generated") is None
