"""Alpha channels and transparent colours: dropped where they hide nothing, else refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ldbench.data.images import checked_size, read_image, read_levels, read_levels_again
from ldbench.errors import FaultyImageError
from tests.data.test_images import SIDE, save


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_an_alpha_channel_that_hides_nothing_is_dropped(tmp_path: Path, mode: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, len(mode)), np.uint8)
    pixels[..., -1] = 255
    path, plain = tmp_path / "a.png", tmp_path / "plain.png"
    Image.fromarray(pixels).save(path)
    Image.fromarray(pixels[..., :-1].squeeze()).save(plain)
    assert torch.equal(read_image(path, size=SIDE), read_image(plain, size=SIDE))
    assert torch.equal(read_levels_again(path), read_levels(plain, size=None))
    assert checked_size(path) == (SIDE, SIDE)
    pixels[3, 4, -1] = 254
    Image.fromarray(pixels).save(path)
    for read in (lambda: read_image(path, size=SIDE), lambda: checked_size(path)):
        with pytest.raises(FaultyImageError, match=f"expected an opaque image, got {mode} with transparency") as error:
            read()
        assert error.value.rule == "transparency"


def test_a_transparent_colour_that_no_pixel_has_hides_nothing(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", "RGB", transparency=(1, 2, 3))
    assert torch.equal(read_image(path, size=SIDE), read_image(save(tmp_path / "plain.png", "RGB"), size=SIDE))
