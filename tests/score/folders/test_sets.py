"""Sets of images that are drawn of folders: by pixels and seed, whatever their names."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from ldbench.api import silent
from ldbench.data.preparation import Preparation
from ldbench.data.stored_images import StoredImages
from ldbench.errors import UsageError
from ldbench.score.folders.measure import Folders
from ldbench.score.folders.sets import FolderSet, drawn, read_sets
from ldbench.score.folders.subjects import pattern_of
from tests.score.folders.disc_folders import CONTEXT, measure_alone, measured, one


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
    again = measure_alone(Folders(alone, folders / "generated"), CONTEXT, ["frd"])
    assert again.images["real"]["sha256"] == found["real"].sha256


def test_equal_images_are_drawn_each_for_itself() -> None:
    images = StoredImages([str(index) for index in range(200)], lambda _: torch.zeros(1))
    given = FolderSet("", images, Preparation(), pixels=(b"a",) * 100 + tuple(str(i).encode() for i in range(100)))
    kept = drawn({"real": given, "generated": given}, 100, 0, paired=False)["real"]
    assert 30 < sum(each == b"a" for each in kept.pixels) < 70


def set_of(*names: str, of: str = "", classed: bool = False) -> FolderSet:
    pixels = tuple(f"{of}{name}".encode() for name in names)
    classes = tuple(name[0] for name in names) if classed else ()
    images = StoredImages(names, lambda _: torch.zeros(1))
    return FolderSet("place", images, Preparation(), pixels=pixels, classes=classes)


def test_sets_of_the_same_names_and_pairs_are_drawn_by_the_same_names() -> None:
    names = [f"{index:02}" for index in range(30)]
    real, first, alike = (set_of(*names, of=of) for of in ("", "a", "b"))
    some = set_of(*names[:20], of="c")
    found = drawn({"real": real, "generated": first, "generated 2": alike}, 10, 0, paired=False)
    assert list(found["generated"].images) == list(found["generated 2"].images) != list(found["real"].images)
    apart = drawn({"real": real, "generated": alike, "generated 2": some}, 10, 0, paired=False)
    alone = drawn({"real": real, "generated": some}, 10, 0, paired=False)
    assert list(apart["generated 2"].images) == list(alone["generated"].images) != list(apart["generated"].images)
    paired = drawn({"real": real, "generated": alike, "generated 2": some}, 10, 0, paired=True)
    assert len({tuple(each.images) for each in paired.values()}) == 1
    with pytest.raises(UsageError, match="as many names that all generated folders have, got 5"):
        drawn({"real": real, "generated": some, "generated 2": set_of(*names[15:])}, 10, 0, paired=True)


def test_a_draw_is_measured_and_recorded(folders: Path) -> None:
    found = measured(folders, "frd", images=10)
    assert (one(found).n, found.options["images"], found.images["real"]["images"]) == (10, 10, 10)
    assert one(measured(folders, "frd", images=24)) == one(measured(folders, "frd"))
