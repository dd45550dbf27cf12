"""Images that are read when asked for: the same bits as ever, and no more of them kept than there is room for."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ldbench.data.image_folder import read_folder
from ldbench.data.images import read_image, write_image
from ldbench.data.stored_images import StoredImages
from ldbench.errors import ImageError


@given(grey=st.booleans(), eighth=st.booleans(), room=st.integers(0, 200), seed=st.integers(0, 2**31))
def test_what_is_kept_is_what_was_read(grey: bool, eighth: bool, room: int, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    images = {name: torch.rand((3, 4, 5), generator=random) for name in "abcd"}
    if grey:
        images = {name: image[:1].repeat(3, 1, 1) for name, image in images.items()}
    if eighth:
        images = {name: (image * 255).round() / 255 for name, image in images.items()}
    asked: Counter[str] = Counter()

    def read(name: str) -> torch.Tensor:
        asked[name] += 1
        return images[name]

    stored = StoredImages(tuple(images), read, room=room)
    for _ in range(3):
        assert all(torch.equal(stored[name], image) for name, image in images.items())
    kept = min(room // (20 if grey else 60), 4) if eighth else 0
    assert sum(count == 1 for count in asked.values()) == kept
    assert list(stored) == list("abcd")
    with pytest.raises(KeyError):
        stored["e"]


def test_the_ids_of_a_mapping_are_not_copied() -> None:
    images = {name: torch.rand(3, 2, 2) for name in "ab"}
    stored = StoredImages(images, images.__getitem__, room=0)
    assert stored._ids is images
    assert (list(stored), len(stored)) == (["a", "b"], 2)


def test_a_file_that_changes_after_it_was_checked_is_refused(tmp_path: Path) -> None:
    write_image(torch.rand(3, 4, 4), tmp_path / "a.png")
    images = read_folder(tmp_path, ["a"], 4)
    images._room = 0
    assert torch.equal(images["a"], read_image(tmp_path / "a.png", size=4))
    assert torch.equal(images["a"], images["a"])  # read again, by the quick way
    os.utime(tmp_path / "a.png", ns=(1, 1))
    with pytest.raises(ImageError, match=r"a\.png: changed while it was scored"):
        images["a"]
