"""A batch that a CUDA device has no room for is made in parts, as a card with less memory would need it."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ldbench.data.images import quantise, read_image
from ldbench.records.run_folder import RunFolder
from ldbench.run.generate import generate
from tests.gpu.test_rows import GREY_LEVELS, context_on, row
from tests.pretend_gpu.rows import SIDE, examples, requests

pytestmark = pytest.mark.gpu
BATCH = 16
SHARE = 0.7  # of what the whole batch takes: half of it fits


def peak(device: torch.device, work: Callable[[], Any]) -> int:
    """Bytes that `work` had allocated at most, beyond what was there before."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    work()
    return torch.cuda.max_memory_allocated(device) - before


def limited(device: torch.device, size: int, work: Callable[[], Any]) -> None:
    """`work` with `size` bytes to take."""
    gc.collect()
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved(device) + size) / total, device)
    try:
        work()
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)


def test_a_fit_goes_on_with_half_of_its_batch(
    device: torch.device, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fit(name: str) -> None:
        generator, _ = row("basic-ft", precision="float32")
        generator.batch_size = BATCH
        generator.fit(examples(False), context_on(device, tmp_path / name))

    fit("warm")  # libraries take their share at the first use
    taken = peak(device, lambda: fit("whole"))
    assert "out of memory" not in caplog.text
    limited(device, int(SHARE * taken), lambda: fit("parts"))
    assert "fit: out of memory with" in caplog.text


def test_images_are_made_in_smaller_batches(
    device: torch.device, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)  # torch's default for convolutions
    generator, _ = row("sd-ld", precision="float32")
    asked = [one for part in range(BATCH) for one in numbered(part)]
    contexts = {name: context_on(device, tmp_path / name) for name in ("whole", "parts")}
    generator.fit([], contexts["whole"])

    def make(name: str) -> None:
        generate(generator, asked, contexts[name], RunFolder(tmp_path / name), len(asked))

    generator.generate(asked[:1], contexts["whole"])
    taken = peak(device, lambda: make("whole"))
    assert "out of memory" not in caplog.text
    limited(device, int(SHARE * taken), lambda: make("parts"))
    assert "out of memory with" in caplog.text
    for request in asked:
        one, other = (
            quantise(read_image(RunFolder(tmp_path / name).image(request.case.id), size=SIDE)[None]).int()
            for name in contexts
        )
        assert int((one - other).abs().max()) <= GREY_LEVELS


def numbered(part: int) -> list[Any]:
    """Requests under names of their own."""
    return [replace(one, case=replace(one.case, id=f"{part}-{one.case.id}")) for one in requests(False)]
