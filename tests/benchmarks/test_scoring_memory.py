"""What a task and a folder of results hold a case: places in arrays and the manifest's text, and no object."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

import pytest
import torch

from benchmarks.scoring_memory import make
from ldbench.data.task_data import task_data
from ldbench.run.passes import read_images
from ldbench.score.inputs import Inputs
from ldbench.task import card

pytestmark = pytest.mark.slow

FEW, MANY = 50, 450  # with 250, what dictionaries and sets happen to take moved the slope by 20 bytes a case
MOST = 250  # bytes a case beside the text; one text of 16 letters takes 65, and a reference to it 8


def opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """The bytes that are held, beside the manifest's text, once a task is open, its results are read, and every set of
    images is at hand."""
    monkeypatch.setenv("LDBENCH_DATA", str(folder / "data"))
    task = card.load(str(folder / "card.toml"))
    gc.collect()
    tracemalloc.start()
    data = task_data(task, 0)
    images = read_images(data, {"": folder / "results"})
    inputs = Inputs(device=torch.device("cpu"), seed=0, data=data, images=images.images, passes=images.passes)
    sets = [getattr(inputs.lazy, name) for name in ("generated", "sources", "truths", "real", "region")]
    assert len(sets[0]) == len(data.cases)
    gc.collect()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    (manifest,) = (folder / "data").rglob("manifest.csv")
    return held - manifest.stat().st_size


def test_a_case_takes_a_few_places_in_arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ldbench.data.stored_images.ROOM", 0)
    held = {}
    for cases in (8, FEW, MANY):  # the first loads what is loaded once
        make(tmp_path / str(cases), 16, cases, ("psnr",))
        held[cases] = opened(tmp_path / str(cases), monkeypatch)
    slope = (held[MANY] - held[FEW]) / (MANY - FEW)
    assert 50 < slope < MOST, slope
