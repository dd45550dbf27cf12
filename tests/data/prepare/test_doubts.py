"""Notes on a prepared data set: each is counted, and none where there is nothing to doubt."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ldbench.api import SourceImage
from ldbench.data.prepare.compose import prepare
from ldbench.data.prepare.doubts import notes_on
from ldbench.data.prepare.readers.from_folder import FolderReader
from ldbench.data.prepare.splits import Plan


def image(subject: str, **attributes: str | int | float) -> SourceImage:
    return SourceImage("a", Path("a"), subject, "a", attributes)


@pytest.mark.parametrize(
    ("spellings", "subjects"),
    [
        (("1000", "1000.0", "1001"), 1), (("1000", "01000", "7", "7.0"), 2), (("s1", "S1"), 1),
        (("M\u00fcller", "Mu\u0308ller"), 1), (("1000", "10000", "100.0", "s1", "s10", "0"), 0),
    ],
)
def test_subjects_in_two_spellings_are_counted(spellings: tuple[str, ...], subjects: int) -> None:
    notes = notes_on([image(name) for name in (*spellings, spellings[0])], ())
    assert len(notes) == bool(subjects)
    if subjects:
        assert notes[0].startswith(f"warning: {subjects} subjects are spelt in two ways, as ")
        assert f"{2 * subjects + 1} images in all" in notes[0]


@pytest.mark.parametrize(
    ("name", "cells", "said"),
    [
        ("age", ("60", "61.5", "90+"), "1 of 3 cells spell no number: '90+'; as text it makes no groups by decade"),
        ("Age", ("60", "060"), "1 of 2 cells spell no number: '060'; as text"),
        ("dose", ("1", "2", "?", "1", "x"), "2 of 5 cells spell no number: '?', 'x'; correct these cells"),
        ("age", ("60", "61"), "as cells of rows that are left out spell none; as text"),
        ("ward", ("01", "10"), ""), ("note", ("1", "two", "three"), ""), ("label", ("0", "1", "x"), ""),
        ("age", (60,), ""),
    ],
)
def test_a_column_of_numbers_that_a_few_cells_make_text_is_named(
    name: str, cells: tuple[str | int, ...], said: str
) -> None:
    notes = notes_on([image(str(n), **{name: cell}) for n, cell in enumerate(cells)], (), class_attribute="label")
    assert len(notes) == bool(said)
    if said:
        assert notes[0].startswith(f"warning: the column {name!r} is text and not numbers, as ")
        assert said in notes[0]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (("No finding", "no finding", "Effusion"), "'No finding' and 'no finding', 2 images in all"),
        (("Yes", "YES", "No", "no ", "no "), "'YES' and 'Yes'; 'No' and 'no ', 5 images in all"),
        (("No finding", "No findings", "1", "1.0"), ""),
    ],
)
def test_values_that_differ_in_case_or_space_alone_are_named(cells: tuple[str, ...], said: str) -> None:
    notes = notes_on([image(str(n), diagnosis=cell) for n, cell in enumerate(cells)], (), class_attribute="diagnosis")
    assert len(notes) == bool(said)
    if said:
        assert notes[0].startswith("warning: values of the column 'diagnosis' differ in case or space alone: ")
        assert said in notes[0]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (("-1.0", "0.0", "1.0"), "'-1.0', '0.0', '1.0'. CheXpert's tables write -1 for uncertain: here it is a class."),
        (("0", "1", "2", "3"), "'0', '1', '2', .... Prompts say them as they stand; write words instead"),
        (("0", "1", "none"), ""), (("AD", "CN"), ""),
    ],
)
def test_classes_that_are_numbers_are_named(cells: tuple[str, ...], said: str) -> None:
    images = [image(str(n), finding=cell, ward="7") for n, cell in enumerate(cells)]
    notes = [note for note in notes_on(images, (), class_attribute="finding") if "the classes in" in note]
    assert len(notes) == bool(said)
    if said:
        assert notes[0].startswith(f"warning: the classes in the column 'finding' are numbers: {said}")
    assert not [note for note in notes_on(images, (), (), 0, "finding", cells) if "the classes in" in note]


def test_columns_that_no_template_can_name_are_named() -> None:
    attributes = {"Pleural Effusion": "yes", "age": 60, "lung-side": "left"}
    [note] = notes_on([image("a", **attributes)], (), class_attribute="Pleural Effusion")  # type: ignore[arg-type]
    assert note.startswith("warning: no template of a card can name the columns 'Pleural Effusion', 'lung-side'; ")


def test_what_is_not_known_of_an_attribute_is_counted() -> None:
    images = [image("a", age=3, sex="f"), image("b", sex="m"), image("c", age=float("nan"), sex="f")]
    unknown, warning = notes_on(images, ())
    assert unknown.split() == ["unknown", "age", "2"]
    assert warning.startswith("warning: a card whose templates name an unknown attribute can't be run")
    assert warning.endswith("A label of a card (data.labels) may be unknown: its metrics leave such images out")
    assert notes_on(images[:1], ()) == ()


@pytest.mark.parametrize(
    ("files", "counts"),
    [
        ("a.nii b.NII.GZ c.png d.jpg e.dcm", (2, 3)), ("a.nii.gz b", (1, 1)), ("a.nii b.nii.gz", None),
        ("a.png b.dcm c", None),
    ],
)
def test_nifti_beside_pictures_and_films_is_counted(files: str, counts: tuple[int, int] | None) -> None:
    images = [SourceImage(name, Path(name), name, name, {}) for name in files.split()]
    notes = notes_on(images, ())
    assert len(notes) == (counts is not None)
    if counts:
        turned, stored = counts
        assert notes[0].startswith(f"warning: {turned} NIfTI images stand beside {stored} pictures or DICOM images.")


def doubted(folder: Path) -> dict[str, list[tuple[str, str, str]]]:
    """Name, split and class of the images of doubts.csv, by the number of their picture."""
    header, *rows = csv.reader((folder / "doubts.csv").read_text(encoding="utf-8").splitlines())
    assert header == ["picture", "name", "split", "class"]
    pictures: dict[str, list[tuple[str, str, str]]] = {}
    for number, name, split, label in rows:
        pictures.setdefault(number, []).append((name, split, label))
    return pictures


def test_identical_pictures_of_several_classes_are_named_also_within_a_split(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for n in range(20):
        Image.fromarray(rng.integers(0, 255, (12, 12), np.uint8)).save(tmp_path / f"{n:02}.png")
    (tmp_path / "07.png").write_bytes((tmp_path / "03.png").read_bytes())
    table = tmp_path / "m.csv"
    labels = {7: "AD"}
    subjects = {7: "person3"}  # so both are in one split
    rows = [f"{n:02}.png,{subjects.get(n, f'person{n}')},{labels.get(n, 'AD' if n % 2 else 'CN')}" for n in range(20)]
    rows[3] = "03.png,person3,CN"
    table.write_text("\n".join(["image,subject,diagnosis", *rows]) + "\n", encoding="utf-8")
    reader, plan = FolderReader(table, size=12), Plan(fractions=(0.5, 0.1, 0.4))
    (note,) = prepare(reader, tmp_path, tmp_path / "out", plan=plan).notes
    assert note.startswith(
        "warning: 1 identical picture stands under several classes, 2 images in all, such as 03.png (CN) and 07.png "
        "(AD): nothing that is learnt"
    )
    ((first, second),) = doubted(tmp_path / "out").values()
    assert (first[0], first[2], second[0], second[2]) == ("03.png", "CN", "07.png", "AD")
    assert first[1] == second[1]
    rows[3] = "03.png,person3,AD"
    table.write_text("\n".join(["image,subject,diagnosis", *rows]) + "\n", encoding="utf-8")
    again = prepare(reader, tmp_path, tmp_path / "out", plan=plan)
    assert not any("identical" in note for note in again.notes)
    assert doubted(tmp_path / "out") == {}


def test_identical_pictures_in_two_splits_are_counted(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = ["image,subject,diagnosis"]
    for n in range(20):
        Image.fromarray(rng.integers(0, 255, (12, 12), np.uint8)).save(tmp_path / f"{n}.png")
        lines.append(f"{n}.png,person{n},CN")
    table = tmp_path / "m.csv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    reader, plan = FolderReader(table, size=12), Plan(fractions=(0.5, 0.1, 0.4))
    assert prepare(reader, tmp_path, tmp_path / "out", plan=plan).notes == ()
    for n in range(10):
        (tmp_path / f"{n + 10}.png").write_bytes((tmp_path / f"{n}.png").read_bytes())
    summary = prepare(reader, tmp_path, tmp_path / "copies", plan=plan)
    (note,) = summary.notes
    assert "identical pictures stand in two splits" in note
    assert note in summary.lines()
    splits = doubted(tmp_path / "copies")
    first, second = splits["1"]
    assert f"such as {first[0]} ({first[1]}) and {second[0]} ({second[1]}): a test image" in note
    assert note.startswith(f"warning: {len(splits)} identical")
    assert note.endswith("; doubts.csv names all")
    assert all(len(pair) == 2 and pair[0][1] != pair[1][1] for pair in splits.values())
    assert not (tmp_path / "out" / "doubts.csv").exists()
    one_subject = [f"{n}.png,person{n % 10},CN" for n in range(20)]
    table.write_text("\n".join([lines[0], *one_subject]) + "\n", encoding="utf-8")
    assert prepare(reader, tmp_path, tmp_path / "one-subject", plan=plan).notes == ()
