"""Notes on a prepared data set: each is counted, and none where there is nothing to doubt."""

from __future__ import annotations

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


def test_what_is_not_known_of_an_attribute_is_counted() -> None:
    images = [image("a", age=3, sex="f"), image("b", sex="m"), image("c", age=float("nan"), sex="f")]
    unknown, warning = notes_on(images, ())
    assert unknown.split() == ["unknown", "age", "2"]
    assert warning.startswith("warning: a card whose templates name an unknown attribute can't be run")
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
    one_subject = [f"{n}.png,person{n % 10},CN" for n in range(20)]
    table.write_text("\n".join([lines[0], *one_subject]) + "\n", encoding="utf-8")
    assert prepare(reader, tmp_path, tmp_path / "one-subject", plan=plan).notes == ()
