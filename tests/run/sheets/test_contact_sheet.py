"""Contact sheets: every pixel in its place, the choice made by seed, damage named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ldbench.errors import ImageError
from ldbench.run.sheets.contact_sheet import draw, sample_grid, sample_sheet

LABELS = {f"case-{index:03d}": "AD" if index % 3 else "CN" for index in range(90)}
MARGIN, GAP, CAPTION = 12, 4, 26


def solid(value: int, side: int = 64) -> np.ndarray:
    return np.full((side, side, 3), value, dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One image a case, its grey level the number of the case."""
    images = tmp_path / "images"
    images.mkdir()
    for index, name in enumerate(LABELS):
        Image.fromarray(solid(index)).save(images / f"{name}.png")
    return images


def pixels_of(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)


def levels(sheet: Path, columns: int, top: int, count: int, side: int = 128) -> list[int]:
    """The grey levels of the tiles of a block whose first row begins at `top`."""
    pixels = pixels_of(sheet)
    places = (divmod(index, columns) for index in range(count))
    tiles = [(top + row * (side + GAP), MARGIN + column * (side + GAP)) for row, column in places]
    blocks = [pixels[y : y + side, x : x + side] for y, x in tiles]
    assert all(block.min() == block.max() for block in blocks)
    return [int(block[0, 0, 0]) for block in blocks]


def test_the_sheet_shows_the_drawn_cases_of_each_class_in_its_block(folder: Path, tmp_path: Path) -> None:
    sheet = sample_sheet(folder, LABELS, tmp_path / "deep" / "samples.png", seed=3)
    chosen = draw(LABELS, 16, 3)
    assert list(chosen) == ["CN", "AD"]
    second = MARGIN + 2 * (128 + GAP) + CAPTION
    assert levels(sheet, 8, MARGIN, 16) == [int(name[-3:]) for name in chosen["CN"]]
    assert levels(sheet, 8, second, 16) == [int(name[-3:]) for name in chosen["AD"]]
    with Image.open(sheet) as image:
        assert image.size == (2 * MARGIN + 8 * 132 - GAP, 2 * MARGIN + 4 * 132 + 2 * CAPTION)


def test_captions_are_written_under_their_block(folder: Path, tmp_path: Path) -> None:
    sheet = pixels_of(sample_sheet(folder, LABELS, tmp_path / "s.png", seed=0))
    for top in (MARGIN + 2 * 132, MARGIN + 4 * 132 + CAPTION):
        strip = sheet[top : top + CAPTION]
        assert strip.min() < 100
        assert (strip.mean(axis=2) > 250).mean() > 0.8


def test_the_draw_is_seeded_without_replacement_and_blind_to_order() -> None:
    first = draw(LABELS, 16, 0)
    assert first == draw(LABELS, 16, 0)
    assert first != draw(LABELS, 16, 1)
    assert {label: sorted(ids) for label, ids in draw(dict(reversed(LABELS.items())), 16, 0).items()} == first
    for label, ids in first.items():
        assert len(set(ids)) == 16
        assert all(LABELS[name] == label for name in ids)


def test_a_small_class_is_shown_whole() -> None:
    assert draw({"b": "x", "a": "x"}, 16, 0) == {"x": ["a", "b"]}


def test_every_case_can_be_drawn() -> None:
    seen = {name for seed in range(60) for ids in draw(LABELS, 4, seed).values() for name in ids}
    assert len(seen) > 80


def test_the_same_seed_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    sheets = [sample_sheet(folder, LABELS, tmp_path / name, seed=1).read_bytes() for name in ("a.png", "b.png")]
    assert sheets[0] == sheets[1]
    assert sheets[0] != sample_sheet(folder, LABELS, tmp_path / "c.png", seed=2).read_bytes()


def test_pixels_are_enlarged_by_whole_factors_and_not_smoothed() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    sheet = np.asarray(sample_grid([noise], ["noise"]))
    tile = sheet[MARGIN : MARGIN + 128, MARGIN : MARGIN + 128]
    assert np.array_equal(tile, np.repeat(np.repeat(noise, 8, axis=0), 8, axis=1))


@pytest.mark.parametrize(("side", "shown"), [(64, 128), (100, 100), (512, 512), (20, 120)])
def test_the_default_scale_brings_small_images_near_128_pixels(side: int, shown: int) -> None:
    assert sample_grid([solid(9, side)], ["x"]).width == 2 * MARGIN + shown


def test_grey_files_are_shown_as_grey(tmp_path: Path) -> None:
    Image.fromarray(solid(77)[:, :, 0]).save(tmp_path / "a.png")
    assert levels(sample_sheet(tmp_path, {"a": "x"}, tmp_path / "s.png", seed=0), 8, MARGIN, 1) == [77]


def test_images_of_two_sizes_or_none_are_refused() -> None:
    with pytest.raises(ImageError, match="one size, got 32x32x3 and 64x64x3"):
        sample_grid([solid(1), solid(2, 32)], ["x", "x"])
    with pytest.raises(ImageError, match="got none"):
        sample_grid([], [])


@pytest.mark.parametrize("content", [None, b"", b"no image", "half"])
def test_a_missing_or_broken_file_is_named_and_no_sheet_is_left(
    folder: Path, tmp_path: Path, content: bytes | str | None
) -> None:
    victim = folder / "case-001.png"
    whole = victim.read_bytes()
    victim.unlink()
    if content is not None:
        victim.write_bytes(whole[: len(whole) // 2] if isinstance(content, str) else content)
    with pytest.raises(ImageError, match=r"case-001\.png"):
        sample_sheet(folder, {"case-001": "AD"}, tmp_path / "s.png", seed=0)
    assert not (tmp_path / "s.png").exists()
