"""Every kind of row on a CUDA device: it fits, samples in the device's precision, and in float32 as the CPU does.

The rows are those that the pretended device takes (tests/pretend_gpu), whose tensors have no numbers; here they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from ldbench_baselines.instruct_pix2pix import InstructPix2Pix

from ldbench.api import Context, Request
from ldbench.data.images import quantise, read_image
from ldbench.records.run_folder import RunFolder
from ldbench.run.generate import generate
from tests.baselines.rows import ROWS
from tests.pretend_gpu.rows import FEW, SIDE, examples, requests, short

pytestmark = pytest.mark.gpu
NAMES = (
    "sd-ld", "basic-ft-ld", "lora-ld", "textual-inversion-ld", "custom-diffusion-ld", "dreambooth-ld", "sdedit-ld",
    "pix2pix-zero-ld", "instruct-pix2pix-ld", "instruct-pix2pix-cd-ld", "instruct-pix2pix-ft-ld", "autoencoder",
)
BACKBONE = "tiny-sd"
GREY_LEVELS = 3  # float32 sums in another order, over a few steps


def context_on(device: torch.device, folder: Path) -> Context:
    (folder / "fit").mkdir(parents=True)
    return Context(device, 0, folder / "fit", (3, SIDE, SIDE), BACKBONE, shared=folder / "shared")


def row(name: str, **settings: Any) -> tuple[Any, Sequence[Request]]:
    """A row of two training steps, and requests for it."""
    cls = ROWS[name]
    few = {key: value for key, value in FEW.items() if key in cls.__dataclass_fields__}
    generator, editing = cls(**few, **settings), "aging" in cls.kinds
    if issubclass(cls, InstructPix2Pix) and cls.tuning is not None:
        generator.tuning = short(cls.tuning)
    return generator, requests(editing)


@pytest.mark.parametrize("name", NAMES)
def test_a_row_fits_and_samples(name: str, device: torch.device, tmp_path: Path) -> None:
    generator, asked = row(name)
    context, before = context_on(device, tmp_path), torch.get_rng_state()
    generator.fit(examples("aging" in generator.kinds), context)
    images = generator.generate(asked, context)
    assert images.shape == (3, 3, SIDE, SIDE)
    assert images.dtype == torch.float32
    assert bool(images.isfinite().all())
    assert 0 <= float(images.min()) < float(images.max()) <= 1
    assert torch.equal(torch.get_rng_state(), before)
    half = torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16
    assert {value.dtype for value in generator._fitted().unet.parameters()} == {half}


@pytest.mark.parametrize("name", ["sd-ld", "sdedit-ld", "pix2pix-zero-ld"])
def test_in_float32_the_images_are_the_cpus(
    name: str, device: torch.device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)  # torch's default for convolutions
    images = []
    for where in (torch.device("cpu"), device):
        start = {} if name == "sd-ld" else {"start": "sd"}
        generator, asked = row(name, precision="float32", **start)
        context = context_on(where, tmp_path / str(len(images)))
        generator.fit([], context)
        images.append(quantise(generator.generate(asked, context)).int())
    assert int((images[0] - images[1]).abs().max()) <= GREY_LEVELS


def test_a_run_that_was_interrupted_is_finished(device: torch.device, tmp_path: Path) -> None:
    """Files are written in threads beside a device that works on."""
    generator, asked = row("sd-ld")
    context, folder = context_on(device, tmp_path), RunFolder(tmp_path)
    generator.fit([], context)
    generate(generator, asked, context, folder, 2)
    first = [read_image(folder.image(request.case.id), size=SIDE) for request in asked]
    folder.image(asked[2].case.id).unlink()
    generate(generator, asked, context, folder, 2)
    again = [read_image(folder.image(request.case.id), size=SIDE) for request in asked]
    assert all(torch.equal(one, other) for one, other in zip(first[:2], again[:2], strict=True))
    assert float((first[2] - again[2]).abs().max()) <= GREY_LEVELS / 255
