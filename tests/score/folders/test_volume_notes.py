"""What is said of volumes and of their slices, and what users say of volumes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from ldbench.board.folder_differences import differences
from ldbench.data.volumes.cut import Cut
from ldbench.report.measured_folders import parts_of
from ldbench.score.folders.labels import Labelled
from ldbench.score.folders.lines import labels_line, lines_of
from ldbench.score.folders.measure import Folders
from ldbench.score.folders.planes import measure_planes
from tests.data.volumes.small_volumes import SIDE, VOLUMES, balls, write
from tests.score.folders.disc_folders import CONTEXT
from tests.score.folders.volume_folders import ALL, measured


def test_slices_that_show_nothing_and_other_fields_of_view_are_said(volumes: Path, tmp_path: Path) -> None:
    longer = tmp_path / "longer"
    for number in range(VOLUMES):
        write(longer / f"{number}.nii", np.random.default_rng(number).integers(0, 9, (SIDE, SIDE, 2 * SIDE), np.uint8))
    write(longer / "0.nii", np.pad(np.full((SIDE, SIDE, 4), 7, np.uint8), ((0, 0), (0, 0), (20, 0))))
    found = measured(volumes / "real", longer, "frd", cut=Cut(("axial",), 4, 0, 100, "0,255"))
    said = "\n".join(found.notes)
    assert "4 of 24 generated axial slices show nothing, one level all over" in said
    assert "real volumes reach 12 mm from bottom to top, generated ones 24 mm, at the median" in said
    assert "from left to right" not in said


def test_many_slices_of_few_volumes_are_few_and_none_are_drawn(volumes: Path, tmp_path: Path) -> None:
    fewer = balls(tmp_path / "fewer", 2)
    (fewer / "sub-5.nii").unlink()
    asked = Folders(volumes / "real", volumes / "generated", further=(fewer,), volumes=ALL)
    folders = measure_planes(asked, CONTEXT, ["frd"], strict=True)
    few = [[note for note in each.notes if " are few: " in note] for each in folders]
    assert [one.partition(" depends")[0] for [one] in few] == [
        f"{count} volumes are few: the value of frd" for count in (VOLUMES, VOLUMES - 1)
    ]
    [left_out] = differences(folders).left_out
    assert left_out.reason.endswith(f"slices, {VOLUMES * SIDE} and {5 * SIDE}; give folders of as many volumes")


def test_volumes_and_slices_are_called_so(volumes: Path, tmp_path: Path) -> None:
    """In progress, in lines and in warnings; an answer still counts all that was measured as images."""
    said, classes = list[str](), tmp_path / "classes.csv"
    rows = [f"sub-{number},{'ab'[number % 2]}" for number in range(VOLUMES)]
    classes.write_text("\n".join(["image,class", *rows]), "utf-8")
    further = shutil.copytree(volumes / "real", tmp_path / "copied")
    for number in (2, 3, 4, 5):
        (further / f"sub-{number}.nii").unlink()
    context = replace(CONTEXT, progress=lambda stage, done, total, note="": said.append(f"{stage} {total}"))
    asked = Folders(volumes / "real", further, classes=classes, volumes=Cut(("axial",), 3, window="0,255"))
    [found] = measure_planes(asked, context, ["frd"], strict=True)
    assert list(dict.fromkeys(said)) == [
        "checking real volumes 6", "checking generated volumes 2", "reading real slices 18",
        "reading generated slices 6", "score 1", "features of radiomics, real slices 18",
        "features of radiomics, generated slices 6",
    ]
    assert (found.images["real"]["images"], found.images["real"]["volumes"]) == (18, 6)
    lines = list(lines_of(found))
    assert [lines[0], *lines[2:4]] == [
        "volumes: 6 real, 2 generated", "subjects: 6 in 6 real volumes, 2 in 2 generated volumes",
        "classes: a 3, b 3 (real); a 1, b 1 (generated)",
    ]
    notes = "\n".join(found.notes)
    assert "6 of 6 generated slices are, pixel by pixel, real slices too" in notes
    assert "there are 6 real volumes and 2 generated ones: the value of frd depends on both numbers" in notes
    assert "image" not in notes


def test_labels_are_said_of_volumes(volumes: Path, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    cells = [f"sub-{number}.nii,{number % 2},{'' if number else 1}" for number in range(VOLUMES + 2)]
    path.write_text("\n".join(["image,edema,mass", *cells]), "utf-8")
    labelled = Labelled({"real": path, "generated": path})
    cut, sagittal = Cut(("axial", "coronal"), 3, window="0,255"), Cut(("sagittal",), 3, window="0,255")
    found = measured(volumes / "real", volumes / "generated", "ms_ssim_diversity", cut=cut, labels=labelled)
    assert found.labels["real"] == {"edema": {"with": 18, "known": 36}, "mass": {"with": 6, "known": 6}}
    assert labels_line(found) == "labels: edema 3 of 6, mass 1 of 1 (real); edema 3 of 6, mass 1 of 1 (generated)"
    assert found.notes[0].startswith(f"--labels real={path}: 2 of 8 rows are left out")
    found = measured(
        volumes / "real", volumes / "generated", "ssim", cut=sagittal, labels=labelled, by_label=True, paired=True
    )
    assert found.by_label["edema"][0].n == 9
    assert list(parts_of(found)) == ["edema (3 real, 3 generated)", "mass (1 real, 1 generated)"]


def test_whose_volumes_are_and_their_classes_are_said_of_volumes(volumes: Path, tmp_path: Path) -> None:
    subjects, classes = tmp_path / "subjects.csv", tmp_path / "classes.csv"
    files = [f"sub-{number}.nii" for number in range(VOLUMES)]
    rows = [f"{file},{number // 2}" for number, file in enumerate(files)]
    subjects.write_text("\n".join(["image,subject", *rows]), "utf-8")
    rows = [f"{file},{'ab'[number % 2]}" for number, file in enumerate(files)]
    classes.write_text("\n".join(["image,class", *rows]), "utf-8")
    asked = Folders(
        volumes / "real", volumes / "generated", subjects=subjects, classes=classes,
        volumes=Cut(("axial", "coronal"), 3, window="0,255"),
    )
    [found] = measure_planes(asked, CONTEXT, ["ms_ssim_diversity", "intra_fid"], strict=True, network="radiomics")
    assert found.images["generated"]["subjects"] == VOLUMES // 2
    assert found.classes["real"] == {"a": VOLUMES * 3, "b": VOLUMES * 3}
    [few] = [note for note in found.notes if " few for class " in note]
    assert few.startswith("3 generated volumes are few for class a: the value of intra_fid depends on how many volumes")
