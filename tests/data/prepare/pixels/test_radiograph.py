"""One JPEG made into a square, and the square's PNG: against Pillow's and torch's own, and what is refused."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile

from ldbench.data.images import quantise
from ldbench.data.prepare.pixels import radiograph
from ldbench.data.prepare.pixels.radiograph import encode_png, read_jpeg, to_levels
from ldbench.errors import ImageError
from tests.stand_ins.chexpert import films, jpeg

ORIENTATION = 274


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A landscape film of 390 x 320 pixels."""
    path = tmp_path_factory.mktemp("film") / "view1_frontal.jpg"
    path.write_bytes(jpeg(films()[0], (390, 320), np.random.default_rng(0)))
    return path


def stored(path: Path) -> np.ndarray:
    """The grey pixels as Pillow alone reads them."""
    with Image.open(path) as image:
        return np.asarray(image.convert("L"))


def square_by_numpy(grey: np.ndarray, how: str) -> np.ndarray:
    """The stated square, said in another way."""
    height, width = grey.shape
    if how == "pad":
        side = max(height, width)
        top, left = (side - height) // 2, (side - width) // 2
        return np.pad(grey, ((top, side - height - top), (left, side - width - left)))
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return grey[top : top + side, left : left + side]


@pytest.mark.parametrize("how", ["pad", "crop"])
@pytest.mark.parametrize("kernel", ["bicubic", "lanczos"])
@pytest.mark.parametrize("size", [64, 512])
def test_pixels_equal_a_full_decode_and_pillows_resizing(film: Path, how: str, kernel: str, size: int) -> None:
    got = read_jpeg(film, size, square=how, resample=kernel)  # type: ignore[arg-type]
    grey = square_by_numpy(stored(film), how)
    expected = np.asarray(Image.fromarray(grey).resize((size, size), Image.Resampling[kernel.upper()]))
    assert got.dtype == np.float32
    assert got.shape == (size, size)
    assert np.array_equal(got, expected.astype(np.float32) / 255)
    assert np.array_equal(to_levels(got), expected)


@pytest.mark.parametrize("size", [64, 200, 512])
def test_resizing_is_the_antialiased_bicubic_of_torch_to_a_grey_level(film: Path, size: int) -> None:
    grey = square_by_numpy(stored(film), "pad").astype(np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(grey)[None, None], size=(size, size), mode="bicubic", antialias=True
    )[0, 0].clamp(0, 255)
    got = torch.from_numpy(read_jpeg(film, size)) * 255
    # Pillow rounds to 8 bits after each of its two passes; the second amplifies half a level by 1.25 at most
    assert (got - expected).abs().max() <= 1.125
    assert (got - expected).abs().mean() <= 0.3


def test_portrait_and_landscape_are_padded_with_black_on_the_shorter_sides(tmp_path: Path) -> None:
    for size, index in (((30, 21), 0), ((21, 30), 1)):
        Image.new("L", size, 200).save(tmp_path / "a.jpg", quality=95)
        dotted = Image.fromarray(stored(tmp_path / "a.jpg"))
        dotted.putpixel((0, 0), 100)
        dotted.save(tmp_path / "a.jpg", quality=100)
        got = np.moveaxis(read_jpeg(tmp_path / "a.jpg", 30), index, 0)
        assert not got[:4].any()
        assert not got[25:].any()
        assert (got[4:25] > 0.3).all()


def test_colour_becomes_its_luma(tmp_path: Path, film: Path) -> None:
    grey = Image.fromarray(stored(film))
    Image.merge("RGB", [grey.point(lambda level, gain=gain: level * gain) for gain in (1.0, 0.9, 0.8)]).save(
        tmp_path / "rgb.jpg", quality=95
    )
    expected = Image.fromarray(stored(tmp_path / "rgb.jpg")).crop((35, 0, 355, 320)).resize((64, 64), Image.BICUBIC)
    assert np.array_equal(to_levels(read_jpeg(tmp_path / "rgb.jpg", 64, square="crop")), np.asarray(expected))


def refused(path: Path, message: str) -> None:
    """Reading it is an ImageError of one line that names the file."""
    with pytest.raises(ImageError, match=message) as error:
        read_jpeg(path, 64)
    assert "\n" not in str(error.value)
    assert path.name in str(error.value)


def test_a_file_cut_anywhere_is_refused_even_where_pillow_was_told_to_be_lenient(
    tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    content, cut = film.read_bytes(), tmp_path / "cut.jpg"
    for share in (0.0, 0.001, 0.01, 0.3, 0.7, 0.999):
        cut.write_bytes(content[: int(len(content) * share)])
        refused(cut, "expected a")
    cut.write_bytes(content[:-2])
    refused(cut, "without an end|truncated")
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def test_a_file_whose_rest_is_zeros_is_refused(tmp_path: Path, film: Path) -> None:
    content = film.read_bytes()
    half = len(content) // 2
    (tmp_path / "zeros.jpg").write_bytes(content[:half] + bytes(len(content) - half))
    refused(tmp_path / "zeros.jpg", "without an end")


@pytest.mark.parametrize("how", ["png", "text", "folder", "absent", "blank", "cmyk", "rotated", "huge", "deep"])
def test_what_is_no_upright_radiograph_is_refused(
    tmp_path: Path, film: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, image = tmp_path / "x.jpg", Image.fromarray(stored(film))
    message = {
        "png": "expected a JPEG", "text": "expected a JPEG", "folder": "got none", "absent": "got none",
        "blank": "grey level 77 throughout", "cmyk": "got CMYK", "rotated": "EXIF rotation", "huge": "at most 1000",
        "deep": "expected a JPEG",
    }[how]
    if how == "png":
        image.save(path, "PNG")
    elif how == "deep":
        Image.fromarray(np.asarray(image).astype(np.uint16) * 257).save(path, "PNG")
    elif how == "text":
        path.write_text("<html>not found</html>")
    elif how == "folder":
        path.mkdir()
    elif how == "blank":
        Image.new("L", (390, 320), 77).save(path)
    elif how == "cmyk":
        image.convert("CMYK").save(path)
    elif how == "rotated":
        exif = Image.Exif()
        exif[ORIENTATION] = 6
        image.save(path, exif=exif)
    elif how == "huge":
        monkeypatch.setattr(radiograph, "MAX_PIXELS", 1000)
        image.save(path)
    refused(path, message)


def test_a_bomb_is_refused_from_its_header(tmp_path: Path, film: Path) -> None:
    content = bytearray(film.read_bytes())
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = b"\xff\xf0\xff\xf0"  # height and width
    (tmp_path / "bomb.jpg").write_bytes(content)
    refused(tmp_path / "bomb.jpg", "expected at most")


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (33, 70), (256, 256)])
@pytest.mark.parametrize("kind", ["noise", "ramp", "white", "padded"])
def test_a_png_round_trip_is_exact(shape: tuple[int, int], kind: str) -> None:
    rng = np.random.default_rng(0)
    levels = {
        "noise": rng.integers(0, 256, shape, dtype=np.uint8), "white": np.full(shape, 255, np.uint8),
        "ramp": np.add.outer(np.arange(shape[0]) * 3, np.arange(shape[1]) * 5).astype(np.uint8),
        "padded": np.pad(rng.integers(0, 256, shape, dtype=np.uint8), 5),
    }[kind]
    content = encode_png(levels)
    with Image.open(io.BytesIO(content)) as image:
        image.verify()
    with Image.open(io.BytesIO(content)) as image:
        assert image.mode == "L"
        assert np.array_equal(np.asarray(image), levels)
    assert encode_png(levels.copy()) == content
    assert encode_png(np.asfortranarray(levels)) == content


def test_a_films_png_is_no_longer_than_pillows(film: Path) -> None:
    levels = to_levels(read_jpeg(film, 512))
    theirs = io.BytesIO()
    Image.fromarray(levels).save(theirs, "PNG")
    assert len(encode_png(levels)) <= 1.05 * len(theirs.getvalue())


def test_only_grey_bytes_are_encoded() -> None:
    for wrong in (np.zeros((3, 4, 4), np.uint8), np.zeros((4, 4), np.float32), np.zeros((0, 4), np.uint8)):
        with pytest.raises(ImageError, match=r"expected a \(H, W\) uint8"):
            encode_png(wrong)  # type: ignore[arg-type]


def test_quantisation_is_the_suites() -> None:
    pixels = np.random.default_rng(0).random((64, 64)).astype(np.float32)
    halves = ((np.arange(255) + 0.5) / 255).astype(np.float32)
    for values in (pixels, halves, np.nextafter(halves, np.float32(0)), np.float32([0, 1, -1e-7, 1 + 1e-7])):
        assert np.array_equal(to_levels(values), quantise(torch.from_numpy(values)).numpy())
    for wrong in (np.float32([0, np.nan]), np.float32([-0.1, 1]), np.float32([0, np.inf])):
        with pytest.raises(ImageError, match="finite pixels"):
            to_levels(wrong)
