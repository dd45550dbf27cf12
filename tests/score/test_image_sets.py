"""Sets that are read by rows equal the sets that are held, and no metric of ours asks for a whole one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ldbench.data.image_folder import read_folder
from ldbench.data.images import write_image
from ldbench.data.stored_images import StoredImages
from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import MetricError
from ldbench.score import free_memory, image_sets
from ldbench.score.image_sets import DerivedSet, PickedSet, StoredSet, batch_size, batches, pixel_range, read_ahead
from ldbench.score.inputs import Inputs
from ldbench.score.scorer import inputs_of, scores_of
from ldbench.score.set_inputs import ScoringContext
from ldbench.score.viewing import as_viewed, point_spread
from ldbench.task import card
from ldbench.task.card import Viewing
from ldbench.task.metric_specs import metric_settings

NETWORK = {"extractor": "efficientnet-lite0", "resize": 32}
PIXELS = {
    "ssim": {}, "psnr": {}, "source_ssim": {}, "identity_ssim": {}, "minimality": {}, "error_inside": {},
    "error_outside": {}, "counterfactual_error": {}, "ms_ssim_diversity": {"partners": 1}, "fid": NETWORK,
    "precision": {**NETWORK, "k": 2},
    "ratio_error": {"estimator": "sandbox-brain-ventricle-ratio"},
}


def stored(count: int, seed: int, threads: int = 2) -> tuple[torch.Tensor, StoredSet]:
    images = torch.rand((count, 3, 6, 5), generator=torch.Generator().manual_seed(seed))
    ids = tuple(f"c{index}" for index in range(count))
    by_id = dict(zip(ids, images, strict=True))
    return images, StoredSet(StoredImages(ids, by_id.__getitem__, threads=threads, room=0), ids)


@given(count=st.integers(1, 130), seed=st.integers(0, 2**31))
def test_the_range_of_pixels_is_that_of_the_whole_set(count: int, seed: int) -> None:
    images = torch.randn((count, 3, 2, 2), generator=torch.Generator().manual_seed(seed))
    assert pixel_range(images) == (float(images.min()), float(images.max()))
    images[seed % count, 0, 0, 0] = torch.nan
    assert all(np.isnan(pixel_range(images)))


@settings(max_examples=15, deadline=None)
@given(count=st.integers(1, 30), step=st.integers(1, 12), threads=st.integers(0, 3), seed=st.integers(0, 2**31))
def test_rows_are_those_of_the_tensor_in_any_batches(count: int, step: int, threads: int, seed: int) -> None:
    images, lazy = stored(count, seed, threads)
    assert tuple(lazy.shape) == tuple(images.shape)
    brighter = DerivedSet(torch.add, (lazy, images))
    with read_ahead(lazy, brighter, images) as sets:
        for rows in batches(lazy, step):
            for found, expected in zip(sets, (images, images + images, images), strict=True):
                assert torch.equal(found[rows], expected[rows])
    order = np.random.default_rng(seed).permutation(count)
    picked = PickedSet(lazy, tuple(order.tolist()))
    assert torch.equal(picked[:step], images[order][:step])
    assert torch.equal(lazy[torch.from_numpy(order)], images[order])
    assert torch.equal(lazy[order >= order[0]], images[np.flatnonzero(order >= order[0])])


@pytest.mark.parametrize(("sets", "times"), [(1, 0), (2, 4)])
def test_sets_that_are_read_together_give_memory_back_more_often(
    sets: int, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    returns: list[None] = []
    monkeypatch.setattr(free_memory, "give_back", lambda: returns.append(None))
    monkeypatch.setattr(image_sets, "EVERY_OF_SEVERAL", 2 * 5 * 90)  # of two sets five images of 90 numbers
    images, lazy = stored(20, seed=0)
    sums = image_sets.over_batches(lambda *batch: sum(each.sum() for each in batch), *[lazy] * sets, most=5)
    assert len(returns) == times
    assert torch.allclose(torch.stack(sums).sum(), sets * images.sum())


def test_what_goes_wrong_in_a_thread_is_raised_and_the_threads_end() -> None:
    def read(name: str) -> torch.Tensor:
        raise MetricError(f"{name}: broken")

    broken = StoredSet(StoredImages(("a", "b"), read, threads=2), ("a", "b"))
    with pytest.raises(MetricError, match="a: broken"), read_ahead(StoredSet({"a": torch.zeros(3, 2, 2)}, ("a",))):
        broken[:1]


def test_a_batch_is_smaller_where_images_are_large() -> None:
    assert [batch_size(torch.empty((9, 3, side, side), device="meta"), 64) for side in (64, 512, 4096)] == [64, 2, 1]


def test_pixels_outside_the_range_are_refused_when_they_are_read() -> None:
    with pytest.raises(MetricError, match=r"pixels in \[0, 1\], got 0.0 to 2.0"):
        StoredSet({"a": torch.tensor([0.0, 2.0]).expand(3, 2, 2)}, ("a",))[:]


@pytest.mark.parametrize("seen", [point_spread, as_viewed])
def test_viewing_conditions_are_the_same_for_each_image_alone(seen: object) -> None:
    images = torch.rand((7, 3, 16, 16), generator=torch.Generator().manual_seed(3))
    view = partial(seen, viewing=Viewing(blur=1.0, noise=0.02, reason="a test"))  # type: ignore[arg-type]
    ids = tuple("abcdefg")
    lazy = StoredSet(dict(zip(ids, images, strict=True)), ids, view)
    assert torch.equal(torch.cat([lazy[rows] for rows in batches(lazy, 2)]), view(images))


@pytest.fixture(scope="module")
def data() -> TaskData:
    task = card.load("sandbox-brain-disease")
    protocol = replace(task.protocol, cases=6, evaluation_cases=6)
    return task_data(replace(task, protocol=protocol, metrics=metric_settings(PIXELS)), 0)


@pytest.fixture(scope="module")
def folder(data: TaskData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    random, path = torch.Generator().manual_seed(0), tmp_path_factory.mktemp("images")
    for case in data.cases:
        assert case.source is not None
        noisy = case.source + 0.02 * torch.randn(case.source.shape, generator=random)
        write_image(noisy.clamp(0, 1), path / f"{case.id}.png")
    return path


@pytest.mark.slow
def test_a_folder_scores_as_its_images_in_memory_and_no_metric_asks_for_a_whole_set(
    data: TaskData, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ScoringContext(torch.device("cpu"), 0)
    held = dict(read_folder(folder, None, 64))
    expected = scores_of(inputs_of(data, held, context)).measured
    for name in ("generated", "real", "sources", "truths", "stored_truths", "region"):
        monkeypatch.setattr(Inputs, name, property(lambda _: pytest.fail("a metric asked for a whole set")))
    monkeypatch.setattr("ldbench.data.stored_images.ROOM", 0)
    lazy = read_folder(folder, [case.id for case in data.cases], 64)
    found = scores_of(inputs_of(data, lazy, context)).measured
    assert found == expected
    for one, other in zip(found, expected, strict=True):
        assert all(np.array_equal(one.contributions[kind], parts) for kind, parts in other.contributions.items())
