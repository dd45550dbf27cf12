"""Bad files among good ones, through the whole preparation: counted by rule, named, never an image, or one line."""

from __future__ import annotations

import csv
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ldbench.api import SourceImage
from ldbench.data.prepare.compose import prepare
from ldbench.data.prepare.drawn import draw
from ldbench.data.prepare.manifest import ManifestRow, PreparedImage, rows_of
from ldbench.data.prepare.pixels.volumes import Preprocessing
from ldbench.data.prepare.readers.from_folder import FolderReader
from ldbench.data.prepare.splits import Plan, hashed
from ldbench.errors import DataError
from tests.data.prepare.readers.dicom_files import dicom
from tests.stand_ins.volumes import Head, individual, template_head, turned, write_image, write_volume

from .memory_reader import MemoryReader

RULES = {
    "nan.nii": "NaN", "nan-plane.nii": "NaN", "series.nii.gz": "several volumes", "tilted.nii": "oblique",
    "nowhere.nii": "orientation unknown", "sizes.nii": "broken header", "header.nii": "unreadable",
    "flat.nii": "no contrast", "black.png": "no contrast", "compressed.dcm": "compressed", "torn.jpg": "unreadable",
    "../outside.png": "outside-root",
}


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty films, a scan, two DICOM files, and one file for each of RULES."""
    root: Path = tmp_path_factory.mktemp("owner") / "root"
    root.mkdir()
    rng, head = np.random.default_rng(0), template_head(6.0)
    for number in range(40):
        Image.fromarray(rng.integers(0, 255, (40, 40), np.uint8)).save(root / f"film{number}.jpg")
    (root / "torn.jpg").write_bytes((root / "film0.jpg").read_bytes()[:-200])
    Image.fromarray(np.zeros((40, 40), np.uint8)).save(root / "black.png")
    Image.fromarray(rng.integers(0, 255, (40, 40), np.uint8)).save(root.parent / "outside.png")
    values = np.linspace(0, 4000, 64 * 64).reshape(64, 64).astype(np.uint16)
    dicom(root / "film.dcm", values)
    dicom(root / "white-is-zero.dcm", values, "MONOCHROME1")
    dicom(root / "compressed.dcm", values, syntax="j2k")
    write_volume(root / "scan.nii.gz", head)
    _spoilt_volumes(root, head)
    names = [path.name for path in root.iterdir()] + ["../outside.png"]
    lines = [f"{name},person{number},{'AD' if number % 2 else 'CN'}" for number, name in enumerate(sorted(names))]
    (root.parent / "m.csv").write_text("image,subject,diagnosis\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return root


def _spoilt_volumes(root: Path, head: Head) -> None:
    holed = head.voxels.copy()
    holed[20] = np.nan
    write_volume(root / "nan.nii", Head(holed, head.affine), kind=np.float32)
    nib.save(nib.Nifti1Image(holed[:, :, 10], np.eye(4)), root / "nan-plane.nii")
    write_image(root / "series.nii.gz", nib.Nifti1Image(np.stack([head.voxels] * 2, -1), head.affine))
    write_volume(root / "tilted.nii", turned(head, 40))
    write_volume(root / "nowhere.nii", head, transform="none")
    write_volume(root / "sizes.nii", Head(head.voxels, np.diag([0.001, 1, 1, 1]) @ head.affine))
    write_volume(root / "flat.nii", Head(np.full_like(head.voxels, 9), head.affine), scaled=False)
    content = write_volume(root / "header.nii", head).read_bytes()
    (root / "header.nii").write_bytes(content[:70] + b"\xff\x7f" + content[72:])


def reader(owner: Path) -> FolderReader:
    return FolderReader(owner.parent / "m.csv", size=32, preprocessing=Preprocessing(size=32, oblique="refuse"))


def test_each_fault_is_counted_by_its_rule_and_named_and_none_becomes_an_image(owner: Path, tmp_path: Path) -> None:
    summary = prepare(reader(owner), owner, tmp_path)
    with (tmp_path / "skipped.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["name"]: row["rule"] for row in rows} == RULES
    assert summary.counts.skipped == {("fault", rule): n for rule, n in Counter(RULES.values()).items()}
    assert all(row["reason"] and "\n" not in row["reason"] and str(owner) not in row["reason"] for row in rows)
    made = [np.asarray(Image.open(path)) for path in (tmp_path / "images").iterdir()]
    assert len(made) == 43
    assert min(float(each.std()) for each in made) > 10


def test_a_strict_run_ends_at_one_of_them_with_one_line(owner: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^\.\./outside\.png: expected a path below --root.*leave --strict") as stop:
        prepare(reader(owner), owner, tmp_path, strict=True)
    assert "\n" not in str(stop.value)
    (owner.parent / "inside.csv").write_text(
        "\n".join(line for line in (owner.parent / "m.csv").read_text().splitlines() if ".." not in line) + "\n"
    )
    with pytest.raises(DataError, match=r"leave --strict out to skip such images$") as stop:
        prepare(FolderReader(owner.parent / "inside.csv", size=32), owner, tmp_path / "b", strict=True)
    assert str(stop.value).split(":")[0] in RULES
    assert not (tmp_path / "b" / "dataset.json").exists()


EVERYONE = MemoryReader(subjects=60).found(Path("/owner")).images
PLAN = Plan(fractions=(0.5, 0.1, 0.4), min_years=1.0)


def manifest_rows(images: Sequence[SourceImage], plan: Plan = PLAN) -> list[ManifestRow]:
    by_id = {hashed("memory", each.image, plan.salt): each for each in images}
    prepared = [PreparedImage(each, image_id, "") for image_id, each in by_id.items()]
    return rows_of(MemoryReader(), plan, prepared, draw(MemoryReader(), plan, by_id))


SPLIT_OF = {row.subject: row.split for row in manifest_rows(EVERYONE)}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, len(EVERYONE) - 1), unique=True, min_size=1), st.randoms(use_true_random=False))
def test_any_visits_of_any_people_in_any_order_are_split_as_all_are(chosen: list[int], random: object) -> None:
    images = [EVERYONE[index] for index in chosen]
    found = manifest_rows(images)
    assert {row.subject: row.split for row in found}.items() <= SPLIT_OF.items()
    random.shuffle(images)  # type: ignore[attr-defined]
    assert manifest_rows(images) == found
    by_id = {row.image_id: row for row in found}
    for row in found:
        if row.role == "later":
            assert by_id[row.source].subject == row.subject
            assert by_id[row.source].split == row.split


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, len(EVERYONE) - 1), unique=True))
def test_who_joins_the_training_split_changes_nothing_of_the_test_set(people: list[int]) -> None:
    plan = Plan(fractions=(0.5, 0.1, 0.4), test_per_class=4)
    is_test = {each.image: SPLIT_OF[hashed("memory", each.subject)] == "test" for each in EVERYONE}
    tested = [each for each in EVERYONE if is_test[each.image]]
    joined = [*tested, *(EVERYONE[index] for index in people if not is_test[EVERYONE[index].image])]
    chosen = [row for row in manifest_rows(joined, plan) if row.split == "test"]
    assert chosen == manifest_rows(tested, plan)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_volumes(tmp_path: Path) -> None:
    """Each volume is 1.5 MB as float32: six more of them, kept, would be seen."""
    head = template_head(4.0)
    lines = ["image,subject,diagnosis"]
    for number in range(9):
        write_volume(tmp_path / f"{number}.nii.gz", individual(head, number), kind=np.float32)
        lines.append(f"{number}.nii.gz,person{number},CN")
    peaks = []
    for count in (2, 3, 9):  # the first for what is imported and cached; a set has a train and a test image
        table = tmp_path / f"{count}.csv"
        table.write_text("\n".join(lines[: count + 1]) + "\n", encoding="utf-8")
        tracemalloc.start()
        prepare(FolderReader(table, size=32), tmp_path, tmp_path / f"out{count}", plan=Plan(fractions=(0.5, 0.1, 0.4)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert head.voxels.nbytes < peaks[1]
    assert abs(peaks[2] - peaks[1]) < head.voxels.nbytes / 2
