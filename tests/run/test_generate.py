"""Generation: the contract is enforced, images don't depend on batches or interruptions."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

from ldbench.api import Case, Context, Generator, Request, case_seed
from ldbench.data import image_writer
from ldbench.data.images import write_pixels
from ldbench.errors import DataError, GeneratorError
from ldbench.records.run_folder import RunFolder
from ldbench.run.generate import generate, likely_batch, requests_for

CASES = tuple(Case(f"case-{index}", "a prompt", {"diagnosis": "CN"}) for index in range(7))


@dataclass
class Noise(Generator):
    """Pixels from each request's own noise."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})
    calls: int = 0

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        self.calls += 1
        return torch.stack([request.noise(context.image_shape) for request in requests]).sigmoid()


@dataclass
class Faulty(Noise):
    """Spoils its images in the way it is told."""

    fault: str = "none"

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        images = super().generate(requests, context)
        if self.fault == "raises":
            raise RuntimeError("out of\nluck")
        spoil = {
            "too few": lambda: images[:-1],
            "last": lambda: images.permute(0, 2, 3, 1),
            "small": lambda: images[:, :, ::2, ::2],
            "NaN": lambda: images.where(images > images.min(), torch.nan),
            "range": lambda: images * 2 - 1,
            "overshoot": lambda: (images > images.mean()) * 1.1 - 0.05,
            "double": lambda: images.double(),
            "grey": lambda: images[:, :1],
            "array": lambda: images.numpy(),
            "list": lambda: list(images),
            "nothing": lambda: None,
        }
        return spoil[self.fault]()


def context_in(folder: Path) -> Context:
    return Context(torch.device("cpu"), 0, folder, (3, 16, 16))


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {case.id: RunFolder(folder).image(case.id).read_bytes() for case in CASES}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("raises", "generate raised RuntimeError: out of luck"),
        ("too few", r"expected images of shape \(4, 3, 16, 16\), got \(3, 3, 16, 16\); return one image a request"),
        ("NaN", r"pixels in \[0, 1\], got NaN or infinity in 1 of 4 images, first in 'case-\d'; look for a division"),
        ("range", r"expected finite pixels in \[0, 1\], got -.*; scale them"),
        ("overshoot", r"expected finite pixels in \[0, 1\], got -0\.05 to 1\.05; clamp what sampling leaves outside"),
        ("double", r"expected float32, got torch\.float64"),
        ("grey", r"expected images of shape \(4, 3, 16, 16\), got \(4, 1, 16, 16\); give the grey images 3 equal"),
        ("last", r"expected images of shape \(4, 3, 16, 16\), got \(4, 16, 16, 3\); put the channels first"),
        ("small", r"expected images of shape \(4, 3, 16, 16\), got \(4, 3, 8, 8\); resize them to context.image_shape"),
        ("array", r"expected images of shape \(4, 3, 16, 16\), got ndarray; return .* \(torch.from_numpy\)"),
        ("list", r"expected images of shape \(4, 3, 16, 16\), got list; return a torch.Tensor \(torch.stack\)"),
        ("nothing", r"expected images of shape \(4, 3, 16, 16\), got None; end generate with `return images`"),
    ],
)
def test_a_broken_generator_is_one_line_and_leaves_no_manifest(fault: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match=message) as caught:
        generate(Faulty(fault=fault), requests_for(CASES, "t", 0), context_in(tmp_path), RunFolder(tmp_path), 4)
    assert "\n" not in str(caught.value)
    assert "'case-0' to 'case-3'" in str(caught.value)
    assert not (tmp_path / "manifest.json").exists()


class Broken(torch.Tensor):
    """Images whose values can't be fetched, as after an assertion that failed in a kernel of a GPU."""

    def cpu(self, memory_format: torch.memory_format = torch.preserve_format) -> torch.Tensor:
        raise RuntimeError("CUDA error: device-side assert triggered")


def test_images_that_cannot_be_fetched_from_the_device_are_the_generators_error(tmp_path: Path) -> None:
    @dataclass
    class OnBrokenDevice(Noise):
        def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
            return super().generate(requests, context).as_subclass(Broken)

    with pytest.raises(GeneratorError, match="'case-3': generate raised RuntimeError: CUDA error: device-side assert"):
        generate(OnBrokenDevice(), requests_for(CASES, "t", 0), context_in(tmp_path), RunFolder(tmp_path), 4)


def test_a_change_of_the_working_directory_moves_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    @dataclass
    class Wandering(Noise):
        def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
            os.chdir("/")
            return super().generate(requests, context)

    generate(Wandering(), requests_for(CASES, "t", 0), context_in(Path("fit")), RunFolder(Path("run")), 3)
    assert Path.cwd() == tmp_path
    assert bytes_of(tmp_path / "run").keys() == {case.id for case in CASES}


def test_any_batch_size_gives_the_same_bytes(tmp_path: Path) -> None:
    for size in (1, 3, 7, 50):
        generate(Noise(), requests_for(CASES, "t", 0), context_in(tmp_path), RunFolder(tmp_path / str(size)), size)
    assert bytes_of(tmp_path / "1") == bytes_of(tmp_path / "3") == bytes_of(tmp_path / "7") == bytes_of(tmp_path / "50")


@dataclass
class Hungry(Noise):
    """Has memory for so many images at a time."""

    fits: int = 1
    error: type[RuntimeError] = torch.OutOfMemoryError

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        images = super().generate(requests, context)
        if len(requests) > self.fits:
            raise self.error("CUBLAS_STATUS_ALLOC_FAILED")
        return images


@pytest.mark.parametrize(("fits", "calls"), [(1, 9), (2, 9), (3, 4), (7, 1)])
@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError])
def test_memory_that_runs_out_is_answered_by_halving_and_the_images_stay(
    error: type[RuntimeError], fits: int, calls: int, tmp_path: Path
) -> None:
    """Of 7 images 7, 3 and 1 at a time are tried."""
    generate(Noise(), requests_for(CASES, "t", 0), context_in(tmp_path), RunFolder(tmp_path / "whole"), 7)
    hungry = Hungry(fits=fits, error=error)
    generate(hungry, requests_for(CASES, "t", 0), context_in(tmp_path), RunFolder(tmp_path / "halved"), 7)
    assert bytes_of(tmp_path / "halved") == bytes_of(tmp_path / "whole")
    assert hungry.calls == calls


def test_no_memory_for_one_image_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError, match="Hungry, case 'case-0': out of memory with one image at a time; take a"):
        generate(Hungry(fits=0), requests_for(CASES, "t", 0), context_in(tmp_path), RunFolder(tmp_path), 7)


def test_a_gpus_first_batch_is_what_its_free_memory_is_likely_to_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    for free, side, expected in ((70, 64, 50), (70, 512, 50), (16, 512, 26), (0.1, 512, 1)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free * 2**30, 80 * 2**30))
        assert likely_batch(torch.device("cuda:0"), (3, side, side), 50) == expected
    assert likely_batch(torch.device("cpu"), (3, 512, 512), 50) == 50


def test_what_was_interrupted_is_finished_and_what_was_done_is_kept(tmp_path: Path) -> None:
    requests = requests_for(CASES, "t", 0)
    cut = RunFolder(tmp_path / "cut")
    generate(Noise(), requests, context_in(tmp_path), RunFolder(tmp_path / "whole"), 3)
    generate(Noise(), requests, context_in(tmp_path), cut, 3)
    cut.image("case-4").unlink()
    cut.image("case-6").write_bytes(b"\x89PNG cut short")
    again = Noise()
    generate(again, requests, context_in(tmp_path), cut, 3)
    assert again.calls == 2  # the second and the third batch, not the first
    assert bytes_of(tmp_path / "cut") == bytes_of(tmp_path / "whole")
    assert (tmp_path / "cut/manifest.json").read_bytes() == (tmp_path / "whole/manifest.json").read_bytes()


def test_a_batch_is_written_while_the_next_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    second = threading.Event()

    def write(pixels: np.ndarray, path: Path) -> None:
        assert second.wait(20), "the second batch was not asked for before the first was written"
        write_pixels(pixels, path)

    class Signals(Noise):
        def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
            images = super().generate(requests, context)
            if self.calls == 2:
                second.set()
            return images

    monkeypatch.setattr(image_writer, "write_pixels", write)
    generate(Signals(), requests_for(CASES, "t", 0), context_in(tmp_path), RunFolder(tmp_path / "overlapped"), 3)
    generate(Noise(), requests_for(CASES, "t", 0), context_in(tmp_path), RunFolder(tmp_path / "again"), 3)
    assert bytes_of(tmp_path / "overlapped") == bytes_of(tmp_path / "again")


def test_what_was_made_before_a_generator_fails_is_kept(tmp_path: Path) -> None:
    class Fails(Noise):
        def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
            if self.calls == 2:
                raise KeyboardInterrupt
            return super().generate(requests, context)

    with pytest.raises(KeyboardInterrupt):
        generate(Fails(), requests_for(CASES, "t", 0), context_in(tmp_path), RunFolder(tmp_path), 3)
    assert sorted(path.name for path in (tmp_path / "images").iterdir()) == [f"case-{index}.png" for index in range(6)]
    assert not (tmp_path / "manifest.json").exists()


def test_the_manifest_names_seed_prompt_and_checksum(tmp_path: Path) -> None:
    path = generate(Noise(), requests_for(CASES, "t", 5), context_in(tmp_path), RunFolder(tmp_path), 4)
    rows = json.loads(path.read_text(encoding="utf-8"))["images"]
    assert [row["id"] for row in rows] == [case.id for case in CASES]
    assert rows[2]["seed"] == case_seed(5, "t", "case-2")
    assert all(len(row["sha256"]) == 64 for row in rows)


@pytest.mark.parametrize(
    ("ids", "message"),
    [(("a", "b", "a"), "'a' stands 2 times"), (("../a",), "can't be a file name"), (("",), "can't be a file name")],
)
def test_duplicate_and_unsafe_ids_are_refused(ids: tuple[str, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        requests_for([Case(name, "", {}) for name in ids], "t", 0)


@pytest.mark.parametrize(
    "source",
    [torch.full((3, 8, 8), 1.5), torch.full((3, 8, 8), -0.1), torch.full((3, 8, 8), torch.nan), torch.zeros(8, 8)],
    ids=["above one", "below zero", "not a number", "no channels"],
)
def test_a_source_outside_its_range_or_shape_is_refused_with_its_case(source: torch.Tensor) -> None:
    case = Case("case-7", "a prompt", {}, source, {})
    with pytest.raises(DataError, match=r"^task: source of case 'case-7': expected \(3, H, W\) in \[0, 1\], got "):
        requests_for([*CASES, case], "task", 0)


def test_seeds_differ_by_run_task_and_case() -> None:
    seeds = {case_seed(run, task, name) for run in (0, 1) for task in ("s", "t") for name in ("a", "b", "ab")}
    assert len(seeds) == 12
    assert all(0 <= seed < 2**63 for seed in seeds)
