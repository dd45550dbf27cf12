"""Which class each image of folders is to show: each has one, and the sets have the same ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ldbench.errors import DataError, UsageError
from ldbench.score.folders.classes import class_names, classes_of
from ldbench.score.folders.sets import FolderSet, drawn
from tests.score.folders.disc_folders import fill, measured
from tests.score.folders.test_sets import set_of

NAMES = {"real": ["a/0", "a/deep/1", "b/0"], "generated": ["a/7", "b/7"], "training": ["b/t", "a/t"]}
FOUND = {"real": ("a", "a", "b"), "generated": ("a", "b"), "training": ("b", "a")}
FLAT = {"real": ["0", "1", "2"], "generated": ["0", "1"], "training": ["t", "u"]}


def table(folder: Path, *rows: str, header: str = "image,class,set") -> Path:
    path = folder / "table.csv"
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


def test_the_first_subfolder_is_the_class() -> None:
    assert classes_of(NAMES, "folders") == FOUND
    assert class_names(FOUND["training"]) == ("a", "b")
    further = classes_of(NAMES | {"generated 2": ["b/1", "a/1"]}, "folders")
    assert further["generated 2"] == ("b", "a")


def test_a_table_an_order_and_both_together_say_the_same(tmp_path: Path) -> None:
    rows = ["0,a,real", "1,a,real", "2,b,real", "0.png,a,generated", "1,b,generated", "t,b,training", "u,a,training"]
    assert classes_of(FLAT, table(tmp_path, *rows)) == FOUND
    assert classes_of(FLAT, {name: list(each) for name, each in FOUND.items()}) == FOUND
    mixed = {"real": NAMES["real"], "generated": FLAT["generated"], "training": NAMES["training"]}
    assert classes_of(mixed, {"real": "folders", "generated": ["a", "b"], "training": "folders"}) == FOUND
    assert classes_of(FLAT, {"real": [0, 0, 1], "generated": [1, 0]})["real"] == ("0", "0", "1")


def test_training_images_alone_may_have_no_classes() -> None:
    assert classes_of(NAMES | {"training": ["t", "u"]}, "folders")["training"] == ()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"real": ["0", "1"]}, "a class of each of the real images, got none of 0, 1; put each image in a subfolder"),
        ({"generated": ["a/0", "1"]}, "a class of each of the generated images, got none of 1; put each"),
        ({"training": ["a/0", "b/0", "1"]}, "a class of each of the training images, got none of 1; put each"),
        ({"generated": ["a/0", "c/0"]}, "got b among the real images and not among the generated ones; give both sets"),
        ({"generated 2": ["a/0", "b/0", "c/0"]}, "got c among the generated 2 images and not among the real ones"),
        ({"generated": ["a/0", "B/0"]}, "among the generated ones; B is another class than b: write its name alike"),
        ({"training": ["b/0", "c/0"]}, "got a among the real images and not among the training ones"),
        ({"real": ["a/b/0", "a/c/1"]}, "expected two or more classes of the real images, got a alone; name the folder"),
    ],
)
def test_what_is_wrong_with_folders_is_one_line(changed: dict[str, list[str]], said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        classes_of(NAMES | changed, "folders")
    assert str(error.value).startswith("--classes folders: expected ")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"real": "folder", "generated": "folders"}, "classes: expected 'folders' or the class of each image of a set"),
        ({"reel": ["a"]}, "classes: expected classes of real, generated or training, got 'reel'"),
        ({"real": ["a", "b"], "generated": ["a", "b"]}, "classes: expected one of each of the 3 real images, got 2"),
        ({"real": ["a", "a", "b"]}, "classes: expected a class of each of the generated images, got none of 0, 1"),
    ],
)
def test_what_is_wrong_with_classes_by_set_is_one_line(given: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        classes_of(FLAT, given)


def test_what_is_wrong_with_a_table_is_one_line(tmp_path: Path) -> None:
    rows = ["0,a,real", "1,a,real", "2,b,real", "0,a,generated"]
    with pytest.raises(UsageError, match=r"--classes .*table.csv: expected a class of each .*, got none of 1;"):
        classes_of(FLAT, table(tmp_path, *rows))
    with pytest.raises(UsageError, match="expected one class of 0, got two; drop a row"):
        classes_of(FLAT, table(tmp_path, *rows, "0,b,generated"))
    with pytest.raises(UsageError, match="expected real, generated or training as set, got 'test'"):
        classes_of(FLAT, table(tmp_path, *rows, "1,a,test"))
    with pytest.raises(UsageError, match="--classes Folders: expected folders, or a CSV table, got no file of"):
        classes_of(FLAT, Path("Folders"))
    with pytest.raises(DataError, match="expected a column 'class', got 'image', 'subject'"):
        classes_of(FLAT, table(tmp_path, "0,a", header="image,subject"))


def test_a_pair_is_of_one_class(tmp_path: Path) -> None:
    for name in ("real", "generated"):
        fill(tmp_path / name, 4, 0)
    labels = {"real": ["a", "a", "b", "b"], "generated": ["a", "b", "b", "b"]}
    with pytest.raises(UsageError, match="--paired: expected the true image of image-001 to be of its class, b, got o"):
        measured(tmp_path, "ssim", paired=True, classes=labels)


def of_classes(**counts: int) -> FolderSet:
    return set_of(*(f"{label}/{index:02}" for label, count in counts.items() for index in range(count)), classed=True)


def test_a_draw_keeps_the_shares_of_classes_and_a_smaller_one_is_within_a_larger() -> None:
    sets = {"real": of_classes(a=60, b=30, c=10), "generated": of_classes(a=20, b=20, c=20)}
    small, large = (drawn(sets, count, 0, paired=False) for count in (10, 50))
    assert small["real"].class_counts == {"a": 6, "b": 3, "c": 1}
    assert large["real"].class_counts == {"a": 30, "b": 15, "c": 5}
    assert small["generated"].class_counts == {"a": 4, "b": 3, "c": 3}
    for name in sets:
        assert set(small[name].images) < set(large[name].images)
        assert small[name].classes == tuple(image[0] for image in small[name].images)
    with pytest.raises(UsageError, match="--images 4: expected real images of each class, got none of c; raise it"):
        drawn(sets, 4, 0, paired=False)
