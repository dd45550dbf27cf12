"""Folders of volumes: their names, and that each volume is read once."""

from __future__ import annotations

import random
import sys
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
import torch

from ldbench.data import volumes
from ldbench.data.preparation import Preparation
from ldbench.data.volumes import folder as folder_of_volumes
from ldbench.data.volumes import kept, slices
from ldbench.data.volumes.cut import Cut
from ldbench.data.volumes.folder import VolumeFolder
from ldbench.data.volumes.kept import KeptSlices
from ldbench.errors import ImageError, UsageError
from tests.data.volumes.small_volumes import write

CUT = Cut(("axial", "sagittal"), 3, 0, 100, "0,255")
NAMES = ("a", "a-b", "a/c")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for place, name in enumerate(NAMES):
        voxels = np.random.default_rng(place).integers(0, 255, (6, 7, 8), np.uint8)
        write(tmp_path / f"{name}.nii{'.gz' if place else ''}", voxels)
    (tmp_path / "notes.txt").touch()
    return tmp_path


def unfitted(path: Path | str, levels: torch.Tensor) -> torch.Tensor:
    return levels


def test_each_volume_is_read_once_whatever_is_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, original = list[str](), slices.slices_of

    def counted(path: Path, cut: Cut) -> object:
        asked.append(path.name)
        return original(path, cut)

    monkeypatch.setattr(slices, "slices_of", counted)
    opened = VolumeFolder(folder, CUT, None)
    prepared = Preparation()
    planes = [opened.plane(plane).images(unfitted, prepared) for plane in CUT.planes]
    wanted = [(images, image_id) for images in planes for image_id in images] * 2
    random.Random(0).shuffle(wanted)
    for images, image_id in wanted:
        volume, _, of_plane = image_id.rpartition("/")
        plane, _, number = of_plane.partition("-")
        path = next(each for each in folder.rglob("*.nii*") if each.as_posix().startswith(f"{folder}/{volume}."))
        expected = original(path, CUT)[1][plane][int(number) - 1]  # type: ignore[index]
        assert np.array_equal((images[image_id][0] * 255).round().byte(), expected)
    assert sorted(asked) == ["a-b.nii.gz", "a.nii", "c.nii.gz"]
    assert prepared.images == 2 * 3 * len(NAMES)


def test_threads_that_ask_first_at_once_have_one_place_for_slices(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, together = list[int](), Barrier(4)

    class Slow(KeptSlices):
        def __init__(self, count: int, scratch: Path | None) -> None:
            made.append(count)
            time.sleep(0.05)  # a cached property, which has no lock from Python 3.12 on, would make several meanwhile
            super().__init__(count, scratch)

    monkeypatch.setattr(folder_of_volumes, "KeptSlices", Slow)
    opened = VolumeFolder(folder, CUT, None)
    images = opened.plane("axial").images(unfitted, Preparation())

    def read(image_id: str) -> torch.Tensor:
        together.wait()
        return images[image_id]

    with ThreadPoolExecutor(4) as threads:
        assert len(list(threads.map(read, list(images)[:4]))) == 4
    assert made == [2 * 3 * len(NAMES)]


def test_slices_are_named_by_volume_plane_and_number_volume_by_volume(folder: Path) -> None:
    opened = VolumeFolder(folder, CUT, None)
    plane = opened.plane("sagittal")
    ids = list(plane.images(unfitted, Preparation()))
    assert ids == [f"{name}/sagittal-0{number}" for name in NAMES for number in (1, 2, 3)]
    assert (len(plane), opened.ignored, set(plane.files)) == (len(ids), 1, set(NAMES))
    assert plane.columns["volume"] == [each.rpartition("/")[0] for each in ids]
    assert plane.columns["slice"] == [1, 3, 5] * 3  # of six layers


def test_what_is_no_folder_of_volumes_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a.nii.gz").touch()
    with pytest.raises(ImageError, match=r"expected one volume of a name, got a\.nii and a.nii.gz; keep one"):
        VolumeFolder(folder, CUT, None)
    (folder / "none").mkdir()
    with pytest.raises(ImageError, match=r"expected NIfTI volumes, got none that ends in \.nii\.gz, \.nii; name"):
        VolumeFolder(folder / "none", CUT, None)
    with pytest.raises(ImageError, match="expected a folder of volumes, got none; name another"):
        VolumeFolder(folder / "nowhere", CUT, None)
    monkeypatch.setitem(sys.modules, "nibabel", None)
    monkeypatch.delitem(sys.modules, slices.__name__)
    monkeypatch.delattr(volumes, "slices")
    with pytest.raises(UsageError, match=r'expected the package nibabel.*; pip install "ldbench\[clinical\]"'):
        VolumeFolder(folder, CUT, None)


def test_memory_does_not_grow_with_the_number_of_volumes(tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).integers(0, 255, (32, 32, 32)).astype(np.float32)  # 131 kB
    peaks = []
    for count in (2, 12):
        for number in range(count):
            write(tmp_path / str(count) / f"{number}.nii.gz", voxels)
        images = VolumeFolder(tmp_path / str(count), CUT, None).plane("axial").images(unfitted, Preparation())
        tracemalloc.start()
        for image_id in images:
            images[image_id]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < voxels.nbytes / 2


def test_a_fault_of_slices_names_the_volume_and_its_plane(folder: Path) -> None:
    def refused(name: str, size: tuple[int, int]) -> None:
        raise ImageError(f"{name}: got {size}")

    faults = VolumeFolder(folder, CUT, None).plane("sagittal").faults(refused, lambda done, of: None)
    assert faults[0] == f"{folder / 'a.nii'} (sagittal): got (8, 7)"


def test_a_volume_that_changed_is_named(folder: Path) -> None:
    opened = VolumeFolder(folder, CUT, None)
    images = opened.plane("axial").images(unfitted, Preparation())
    assert opened.plane("axial").faults(lambda path, size: None, lambda done, of: None) == []
    write(folder / "a.nii", np.zeros((9, 9, 9), np.uint8))
    with pytest.raises(ImageError, match=r"a.nii: changed while it was measured"):
        images["a/axial-01"]


def test_a_full_disk_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = KeptSlices(2, tmp_path)
    found.put(0, np.arange(6, dtype=np.uint8).reshape(2, 3))
    assert (0 in found, 1 in found, list(tmp_path.iterdir())) == (True, False, [])
    assert found.get(0).tolist() == [[0, 1, 2], [3, 4, 5]]
    monkeypatch.setattr(kept.os, "pwrite", lambda descriptor, content, offset: 1)
    with pytest.raises(ImageError, match=f"can't keep slices in {tmp_path}: no space left; free space there, or set"):
        found.put(1, np.zeros((2, 3), np.uint8))
