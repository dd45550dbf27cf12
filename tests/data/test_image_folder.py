"""A folder of images made elsewhere: each expected id once, nothing else, a short line on what differs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from ldbench.data.image_folder import list_folder, read_folder
from ldbench.errors import ImageError


def fill(folder: Path, names: list[str]) -> Path:
    for level, name in enumerate(names):
        Image.new("L", (4, 4), level).save(folder / name)
    return folder


def refused(folder: Path, ids: list[str] | None, message: str) -> str:
    with pytest.raises(ImageError, match=message) as error:
        dict(read_folder(folder, ids, 4))
    assert "\n" not in str(error.value)
    assert str(folder) in str(error.value)
    return str(error.value)


def test_images_come_in_the_order_of_the_ids_or_sorted(tmp_path: Path) -> None:
    fill(tmp_path, ["b.png", "a.jpg", "c.1.PNG"])
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / ".a.png.123.part").write_text("left by a crash")
    (tmp_path / "sub").mkdir()
    images = read_folder(tmp_path, ["c.1", "b", "a"], 4)
    assert list(images) == ["c.1", "b", "a"]
    assert torch.equal(images["c.1"], torch.full((3, 4, 4), 2) / 255)
    assert list(read_folder(tmp_path, None, (4, 4))) == ["a", "b", "c.1"]
    assert list_folder(tmp_path, ["a", "b", "c.1"])["a"] == ".jpg"


def test_ids_that_differ_are_named_five_at_most(tmp_path: Path) -> None:
    fill(tmp_path, ["a.png", "x.png"])
    missing = refused(tmp_path, ["a", *(f"m{index}" for index in range(8))], "8 images are missing")
    assert "m0, m1, m2, m3, m4 and 3 more;" in missing
    assert "; no case is called x" in missing
    refused(tmp_path, ["a"], "1 image is unexpected: x;")
    (tmp_path / "b.tif").write_bytes(b"")
    refused(tmp_path, ["a", "b", "x"], r"1 image is missing: b; .*ignored as not .png.*: b\.tif")


def test_images_of_a_further_pass_among_the_cases_are_told_their_folder(tmp_path: Path) -> None:
    fill(tmp_path, ["a.png", "b.png", "a.null.png", "b.back.png"])
    (tmp_path / "null").mkdir()
    where = "".join(f"; move <case id>.{name}.png into a folder {name}/ in there" for name in ("null", "back"))
    assert refused(tmp_path, ["a", "b"], "2 images are unexpected: a.null, b.back; ").endswith(where)
    said = refused(tmp_path, ["a", "b", "c"], "1 image is missing: c;")
    assert said.endswith(f"no case is called a.null, b.back{where}")  # and null/ is not ignored: it is read apart
    fill(tmp_path / "null", ["a.null.png", "b.null.png"])
    assert "into a folder" not in refused(tmp_path / "null", ["a.null"], "1 image is unexpected: b.null;")


def test_double_ids_are_refused_on_either_side(tmp_path: Path) -> None:
    fill(tmp_path, ["a.png", "a.jpg", "b.png"])
    refused(tmp_path, ["a", "b"], "1 id with two files: a;")
    (tmp_path / "a.jpg").unlink()
    refused(tmp_path, ["a", "b", "b"], "1 case id given twice: b;")


def test_a_folder_that_is_missing_empty_or_a_file_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "none", None, "No such file or directory")
    refused(tmp_path, None, "got no image")
    refused(tmp_path, [], "got no image")
    (tmp_path / "png").mkdir()
    refused(tmp_path, ["a"], "got no image; ignored as not .png, .jpg, .jpeg: png/")
    (tmp_path / "file").write_text("")
    refused(tmp_path / "file", ["a"], "Not a directory")


def test_one_bad_image_is_named_and_a_link_out_of_the_folder_refused(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    fill(folder, ["a.png"])
    (folder / "b.png").write_bytes(b"not an image")
    refused(folder, ["a", "b"], r"b\.png: expected a PNG or JPEG")
    fill(tmp_path, ["outside.png"])
    (folder / "b.png").unlink()
    (folder / "b.png").symlink_to(tmp_path / "outside.png")
    refused(folder, ["a", "b"], r"b\.png: expected a path inside")
