"""Levels by window, bit depth and percentiles; pixels that are not square made square."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ldbench.data.prepare.pixels.grey import Grey, bit_depth, check_spacing, even_square, levels, stated_window
from ldbench.data.prepare.pixels.volumes import middle_square, resized
from ldbench.data.prepare.readers.from_folder import FolderReader
from ldbench.data.prepare.settings import configured
from ldbench.errors import FaultyImageError, UsageError

PATH, ENDS = Path("a"), (0.5, 99.5)
RAMP = np.linspace(0, 1000, 64 * 64).reshape(64, 64)


def test_a_window_says_what_is_black_and_white() -> None:
    grey = Grey(RAMP, range=(250.0, 750.0))
    of_file = levels(PATH, grey, "file", ENDS)
    np.testing.assert_allclose(of_file, np.clip((RAMP - 250) / 500, 0, 1), atol=1e-6)
    np.testing.assert_array_equal(levels(PATH, grey, "250,750", ENDS), of_file)
    low, high = np.percentile(RAMP.astype(np.float32), ENDS)
    by_percentile = levels(PATH, grey, "percentile", ENDS)
    np.testing.assert_allclose(by_percentile, np.clip((RAMP - low) / (high - low), 0, 1), atol=1e-6)
    np.testing.assert_array_equal(levels(PATH, Grey(RAMP), "file", ENDS), by_percentile)
    np.testing.assert_allclose(levels(PATH, Grey(RAMP, inverted=True), "file", ENDS), 1 - by_percentile, atol=1e-6)


def test_what_lies_outside_takes_no_part_and_is_black_whichever_way_grey_runs() -> None:
    outside = np.zeros((64, 64), bool)
    outside[:, 40:] = True
    values = np.where(outside, -30_000, RAMP)
    values[0, 63] = np.nan
    for inverted in (False, True):
        found = levels(PATH, Grey(values, outside=outside, inverted=inverted), "file", ENDS)
        alone = levels(PATH, Grey(RAMP[:, :40], inverted=inverted), "file", ENDS)
        np.testing.assert_array_equal(found[:, :40], alone)
        assert found[:, 40:].max() == 0
    with pytest.raises(FaultyImageError, match="contrast"):
        levels(PATH, Grey(RAMP, outside=np.ones((64, 64), bool)), "file", ENDS)


def test_integers_that_float32_cannot_hold_keep_their_contrast() -> None:
    values = 2**40 + np.arange(64 * 64).reshape(64, 64)
    found = levels(PATH, Grey(values), "percentile", (0, 100))
    np.testing.assert_allclose(found, np.linspace(0, 1, 64 * 64).reshape(64, 64), atol=1e-6)


def test_the_least_usual_bit_depth_that_holds_the_largest_value() -> None:
    for largest, bits, depth in (
        (0, 8, 1), (1, 8, 1), (15, 8, 4), (16, 8, 8), (255, 8, 8), (255, 16, 8), (256, 16, 10), (1023, 16, 10),
        (1024, 16, 12), (4095, 16, 12), (4096, 16, 14), (16383, 16, 14), (16384, 16, 16), (65535, 16, 16),
    ):
        assert bit_depth(largest, bits) == depth


@pytest.mark.parametrize("shape", [(64, 64), (50, 71), (33, 12)])
def test_square_pixels_give_what_pillow_gives_of_the_padded_picture(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).random(shape, np.float32)
    expected = resized(middle_square(picture, max(shape)), 40, Image.Resampling.LANCZOS)
    for spacing in ((1.0, 1.0), (0.143, 0.143)):
        np.testing.assert_array_equal(even_square(picture, spacing, 40), expected)


def test_the_picture_stays_in_the_middle_of_its_square() -> None:
    for spacing in ((1.0, 0.37), (0.37, 1.0), (1.7, 1.0), (1.0, 1.7)):
        found = even_square(np.ones((30, 41), np.float32), spacing, 101)
        for axis in (0, 1):
            np.testing.assert_allclose(found, np.flip(found, axis), atol=1e-5)
        assert found[50, 50] == pytest.approx(1, abs=1e-5)
        mm = max(30 * spacing[0], 41 * spacing[1]) / 101
        assert found.sum() * mm**2 == pytest.approx(30 * spacing[0] * 41 * spacing[1], rel=0.01)


@pytest.mark.parametrize("spacing", [(0, 1), (float("nan"), 1), (-1, 1), (1, 25), (1e-5, 1e-5), (500, 500)])
def test_spacings_that_no_scanner_makes_are_refused(spacing: tuple[float, float]) -> None:
    with pytest.raises(FaultyImageError, match="expected pixels of") as caught:
        check_spacing(PATH, spacing)
    assert caught.value.rule == "broken header"


def test_a_window_is_one_of_three_kinds() -> None:
    assert stated_window("-100,300") == (-100, 300)
    assert stated_window("file") is None
    assert configured(FolderReader, {}, {"window": "0,80"}).preprocessing.window == "0,80"
    for wrong in ("", "80", "80,0", "1,2,3", "a,b", "0,inf", "files"):
        with pytest.raises(UsageError, match="expected window file, percentile or LOW,HIGH"):
            configured(FolderReader, {}, {"window": wrong})
