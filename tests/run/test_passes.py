"""The passes of a run: which there are, where they are read from, and that a half-written one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ldbench.data.images import write_image
from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import ImageError
from ldbench.records.run_folder import BACK, NULL
from ldbench.run.passes import passes, read_images
from ldbench.task import card


@pytest.fixture(scope="module")
def data() -> TaskData:
    return task_data(card.load("sandbox-brain-disease"), 0)


def copies(data: TaskData, folder: Path) -> Path:
    """Every source as its own result."""
    folder.mkdir()
    for case in data.cases:
        assert case.source is not None
        write_image(case.source, folder / f"{case.id}.png")
    return folder


def test_a_text_to_image_task_has_one_pass(tmp_path: Path) -> None:
    found = list(passes(task_data(card.load("sandbox-brain-t2i"), 0), tmp_path))
    assert [(name, len(cases)) for name, cases in found] == [("", 600)]


def test_an_editing_task_has_null_edits_and_edits_back(data: TaskData, tmp_path: Path) -> None:
    images = copies(data, tmp_path / "images")
    found = dict(passes(data, images))
    assert {name: len(cases) for name, cases in found.items()} == {"": 200, NULL: 40, BACK: 40}
    by_id = {case.id: case for case in data.cases}
    for case in found[BACK]:
        source = by_id[case.id.removesuffix(".back")].source
        assert case.source is not None
        assert source is not None
        assert torch.equal(case.source, source)  # the stored result, which here is a copy of the source


@pytest.mark.slow
def test_what_is_not_there_is_left_out_and_the_digest_covers_what_is(data: TaskData, tmp_path: Path) -> None:
    images = copies(data, tmp_path / "images")
    alone = read_images(data, {"": images})
    assert set(alone.images) == {case.id for case in data.cases}
    assert alone.passes == {}
    null = tmp_path / "null"
    null.mkdir()
    with pytest.raises(ImageError, match="got no image"):
        read_images(data, {"": images, NULL: null})
    for case in data.null_cases():
        assert case.source is not None
        write_image(case.source, null / f"{case.id}.png")
    both = read_images(data, {"": images, NULL: null, BACK: tmp_path / "nowhere"})
    assert set(both.passes) == {NULL}
    assert set(both.passes[NULL]) == {case.id.removesuffix(".null") for case in data.null_cases()}
    assert both.digest != alone.digest
    assert read_images(data, {"": images}).digest == alone.digest
