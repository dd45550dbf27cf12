"""Sets of images that are drawn of folders: by pixels and seed, whatever their names."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from ldbench.api import silent
from ldbench.data.preparation import Preparation
from ldbench.data.stored_images import StoredImages
from ldbench.score.folder_sets import FolderSet, drawn, read_sets
from ldbench.score.folder_subjects import pattern_of
from ldbench.score.folders import Folders, measure_folders
from tests.score.disc_folders import CONTEXT, measured, one


def names_drawn(found: dict[str, FolderSet]) -> list[list[str]]:
    return [list(each.images) for each in found.values()]


def test_images_are_drawn_by_their_pixels_and_the_seed(folders: Path, tmp_path: Path) -> None:
    def draw(root: Path, seed: int = 0, paired: bool = False) -> dict[str, FolderSet]:
        places = {name: root / name for name in ("real", "generated", "training")}
        return read_sets(
            places, side=None, paired=paired, channels="rgb", whose=pattern_of("image-0([0-9])"), images=10, seed=seed,
            progress=silent,
        )

    found = draw(folders)
    real, generated, training = names_drawn(found)
    assert (len(real), len(generated), len(training)) == (10, 10, 24)
    assert real == sorted(real) != generated
    assert found["real"].described["drawn_from"] == 24
    assert found["real"].subjects == tuple(name[7] for name in real)
    shutil.copytree(folders, tmp_path / "all")
    for file in (tmp_path / "all" / "real").iterdir():
        file.rename(file.with_name(f"image-0{file.stem[-1]}-{99 - int(file.stem[-3:])}.png"))
    assert set(draw(tmp_path / "all")["real"].pixels) == set(found["real"].pixels)
    assert set(draw(folders, seed=1)["real"].pixels) != set(found["real"].pixels)
    first, second, _ = names_drawn(draw(folders, paired=True))
    assert first == second == generated
    alone = tmp_path / "alone"
    alone.mkdir()
    for name in real:
        shutil.copy(folders / "real" / f"{name}.png", alone)
    again = measure_folders(Folders(alone, folders / "generated"), CONTEXT, ["frd"])
    assert again.images["real"]["sha256"] == found["real"].sha256


def test_equal_images_are_drawn_each_for_itself() -> None:
    images = StoredImages([str(index) for index in range(200)], lambda _: torch.zeros(1))
    given = FolderSet("", images, Preparation(), pixels=(b"a",) * 100 + tuple(str(i).encode() for i in range(100)))
    kept = drawn({"real": given, "generated": given}, 100, 0, paired=False)["real"]
    assert 30 < sum(each == b"a" for each in kept.pixels) < 70


def test_a_draw_is_measured_and_recorded(folders: Path) -> None:
    found = measured(folders, "frd", images=10)
    assert (one(found).n, found.options["images"], found.images["real"]["images"]) == (10, 10, 10)
    assert one(measured(folders, "frd", images=24)) == one(measured(folders, "frd"))
