"""Formats, qualities, sizes and colour of the files of a set."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from ldbench.data.preparation import Preparation, jpeg_quality, summary


def saved(quality: int, mode: str = "L") -> JpegImageFile:
    buffer = io.BytesIO()
    levels = np.random.default_rng(0).integers(0, 256, (16, 16), np.uint8)
    Image.fromarray(levels).convert(mode).save(buffer, "JPEG", quality=quality)
    buffer.seek(0)
    return JpegImageFile(buffer)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("quality", [10, 40, 75, 90, 95])
def test_a_quality_is_read_off_the_steps(quality: int, mode: str) -> None:
    assert jpeg_quality(saved(quality, mode)) == quality


def test_steps_of_another_program_have_the_quality_that_is_as_coarse() -> None:
    file = saved(75)
    file.quantization[0] = [step + (place % 2) for place, step in enumerate(file.quantization[0])]
    assert abs(jpeg_quality(file) - 75) <= 2


def test_what_is_read_is_counted() -> None:
    prepared = Preparation()
    prepared.add(torch.zeros(1, 16, 16, dtype=torch.uint8), saved(80))
    prepared.add(torch.zeros(3, 16, 20, dtype=torch.uint8), Image.new("RGB", (20, 16)))
    prepared.add(torch.zeros(3, 32, 32, dtype=torch.uint8), None)
    assert (prepared.images, prepared.coloured, prepared.jpegs, prepared.quality) == (3, 2, 1, 80)
    assert prepared.side == 20
    assert prepared.resized(16) == 2


def test_a_summary_says_what_the_files_said() -> None:
    prepared = Preparation()
    for side, channels in ((32, 1), (32, 3), (40, 3)):
        prepared.add(torch.zeros((channels, side, side), dtype=torch.uint8), None)
    plain, brought = summary(prepared, None), summary(prepared, 40)
    assert (plain.images, plain.coloured, plain.jpegs, plain.quality, plain.side) == (3, 2, 0, 0.0, 32.0)
    assert (plain.resized(32), brought.resized(40)) == (0, prepared.resized(40))
    prepared.qualities[75] += 2
    assert (summary(prepared, None).jpegs, summary(prepared, None).quality) == (2, 75.0)
