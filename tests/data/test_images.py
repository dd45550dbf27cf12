"""Image files: what is read, what is written, and the one line for each thing that can be wrong."""

from __future__ import annotations

import errno
import os
import random
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile

from ldbench.data.images import MAX_PIXELS, quantise, read_image, write_image
from ldbench.errors import ImageError

SIDE = 8


def picture(seed: int = 0, shape: tuple[int, ...] = (3, SIDE, SIDE)) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def save(path: Path, mode: str, **options: object) -> Path:
    """A file of the given mode with varied pixels."""
    levels = np.arange(SIDE * SIDE * 3, dtype=np.uint8).reshape(SIDE, SIDE, 3)
    if mode == "I;16":
        image = Image.fromarray(levels[:, :, 0].astype(np.uint16) * 257)
    else:
        image = Image.fromarray(levels).convert(mode)
    image.save(path, **options)
    return path


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, depth: int, colour: int, pixels: bytes) -> bytes:
    """A PNG made by hand, for what Pillow can't write."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def refused(path: Path, message: str, **options: object) -> str:
    """Reading the path is an ImageError of one line that names the file; returns the line."""
    with pytest.raises(ImageError, match=message) as error:
        read_image(path, size=SIDE, **options)  # type: ignore[arg-type]
    text = str(error.value)
    assert "\n" not in text
    assert path.name.replace("\0", "") in text.replace("\0", "")
    return text


def test_what_is_written_is_read_back_to_the_quantised_value(tmp_path: Path) -> None:
    image = picture()
    write_image(image, tmp_path / "a.png")
    got = read_image(tmp_path / "a.png", size=SIDE)
    assert got.dtype == torch.float32
    assert torch.equal(got, quantise(image).float() / 255)
    write_image(got, tmp_path / "b.png")
    assert (tmp_path / "b.png").read_bytes() == (tmp_path / "a.png").read_bytes()


def test_quantisation_rounds_half_up_and_keeps_every_stored_level() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(quantise(levels.float() / 255), levels)
    halves = (torch.arange(255, dtype=torch.float64) + 0.5) / 255
    above = quantise(halves + 1e-9)
    assert torch.equal(above, levels[1:])
    assert torch.equal(quantise(halves - 1e-9), levels[:-1])
    assert quantise(torch.tensor([0.0, -1.0, 2.0])).tolist() == [0, 0, 255]


def test_the_file_is_eight_bit_rgb_png_without_metadata(tmp_path: Path) -> None:
    write_image(picture(), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert (image.format, image.mode, image.info) == ("PNG", "RGB", {})
    data, kinds, offset = (tmp_path / "a.png").read_bytes(), [], 8
    while offset < len(data):
        (length,) = struct.unpack(">I", data[offset : offset + 4])
        kinds.append(data[offset + 4 : offset + 8])
        offset += length + 12
    assert set(kinds) == {b"IHDR", b"IDAT", b"IEND"}


def test_grey_is_three_equal_channels_and_colours_keep_their_order(tmp_path: Path) -> None:
    grey = read_image(save(tmp_path / "grey.png", "L"), size=(SIDE, SIDE))
    assert torch.equal(grey[0], grey[1])
    assert torch.equal(grey[0], grey[2])
    assert grey.unique().numel() > 2
    Image.new("RGB", (SIDE, SIDE), (255, 0, 51)).save(tmp_path / "red.png")
    assert read_image(tmp_path / "red.png", size=SIDE)[:, 0, 0].tolist() == pytest.approx([1.0, 0.0, 0.2])


def test_height_and_width_are_not_mixed_up(tmp_path: Path) -> None:
    image = picture(shape=(3, 4, 6))
    write_image(image, tmp_path / "a.png")
    assert torch.equal(read_image(tmp_path / "a.png", size=(4, 6)), quantise(image).float() / 255)
    with pytest.raises(ImageError, match="expected 4 x 6 pixels, got 6 x 4"):
        read_image(tmp_path / "a.png", size=(6, 4))


def test_a_jpeg_is_read(tmp_path: Path) -> None:
    Image.new("L", (SIDE, SIDE), 102).save(tmp_path / "a.jpg")
    assert read_image(tmp_path / "a.jpg", size=SIDE).mean().item() == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize(
    ("name", "mode", "message"),
    [
        ("a.png", "P", r"got P; use image\.convert"),
        ("a.png", "I;16", "expected 8 bits a channel, got .*16"),
        ("a.png", "1", "expected 8 bits a channel, got 1;"),
        ("a.jpg", "CMYK", r"got CMYK; use image\.convert"),
        ("a.gif", "P", "expected a PNG or JPEG"),
        ("a.tiff", "RGB", "expected a PNG or JPEG"),
    ],
)
def test_a_wrong_mode_or_format_is_refused_with_a_remedy(
    tmp_path: Path, name: str, mode: str, message: str
) -> None:
    refused(save(tmp_path / name, mode), message)


def test_sixteen_bit_rgb_is_refused_though_pillow_reads_it_as_eight_bit(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    path.write_bytes(png(SIDE, SIDE, 16, 2, b"".join(b"\0" + bytes(SIDE * 6) for _ in range(SIDE))))
    with Image.open(path) as image:
        assert image.mode == "RGB"
    refused(path, "expected 8 bits a channel, got 16")


def test_transparency_animation_and_rotation_are_refused(tmp_path: Path) -> None:
    refused(save(tmp_path / "key.png", "RGB", transparency=(0, 1, 2)), "transparency")
    frames = [Image.new("L", (SIDE, SIDE), level) for level in (0, 255)]
    frames[0].save(tmp_path / "moving.png", save_all=True, append_images=frames[1:])
    refused(tmp_path / "moving.png", "got an animation")
    exif = Image.Exif()
    exif[274] = 6
    refused(save(tmp_path / "turned.jpg", "RGB", exif=exif), "EXIF rotation")


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
@pytest.mark.parametrize("lenient", [False, True])
def test_a_truncated_file_is_never_a_blank_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, lenient: bool
) -> None:
    """Whatever a plugin has told Pillow."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)
    path = tmp_path / name
    Image.fromarray(quantise(picture()).numpy().transpose(1, 2, 0)).save(path)
    whole = path.read_bytes()
    tail = {"a.png": 12, "a.jpg": 2}[name]  # the end marker: in a PNG, a chunk without content
    for length in [*range(0, len(whole) - tail, 3), len(whole) - tail]:
        path.write_bytes(whole[:length])
        refused(path, "can't read|expected a PNG or JPEG")
    assert ImageFile.LOAD_TRUNCATED_IMAGES is lenient


def test_a_damaged_png_is_an_image_error_and_never_another_exception(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_image(picture(), path)
    whole = path.read_bytes()
    want, chance, unharmed = read_image(path, size=SIDE), random.Random(0), 0
    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        try:
            got = read_image(path, size=SIDE)
        except ImageError:
            continue
        assert torch.equal(got, want)
        unharmed += 1
    assert unharmed < 40


@pytest.mark.parametrize("content", [b"", b"hello", b"<html></html>", b"\x89PNG\r\n\x1a\n", bytes(4096)])
def test_a_file_that_is_no_image_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    refused(tmp_path / "a.png", "expected a PNG or JPEG|expected a whole image")


def test_what_is_missing_or_no_file_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "none.png", "No such file")
    refused(tmp_path, "got a folder or device")
    refused(tmp_path / "a\0b.png", "null (byte|character)")
    os.mkfifo(tmp_path / "pipe.png")
    refused(tmp_path / "pipe.png", "got a folder or device")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    refused(tmp_path / "loop.png", "can't read", root=tmp_path)


def test_a_wrong_size_is_refused_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("L", (SIDE + 1, SIDE)).save(tmp_path / "a.png")

    def decode(*_: object) -> None:
        pytest.fail("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", decode)
    refused(tmp_path / "a.png", "expected 8 x 8 pixels, got 9 x 8; generate at the task's size")


@pytest.mark.parametrize("limit", ["default", None])
@pytest.mark.parametrize("side", [5000, 12000, 60000])
def test_an_image_bomb_is_refused_from_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: int, limit: str | None
) -> None:
    """Far below and far above Pillow's own limits, and with them switched off."""
    if limit is None:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    path = tmp_path / "bomb.png"
    path.write_bytes(png(side, side, 8, 0, bytes(100)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert str(MAX_PIXELS) in refused(path, "expected at most")


def test_a_path_that_leaves_its_folder_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    outside = save(tmp_path / "outside.png", "RGB")
    within = save(inside / "within.png", "RGB")
    (inside / "link.png").symlink_to(outside)
    (inside / "near.png").symlink_to(within)
    refused(inside / "link.png", "expected a path inside", root=inside)
    refused(inside / ".." / "outside.png", "expected a path inside", root=inside)
    refused(outside, "expected a path inside", root=inside)
    assert read_image(inside / "near.png", size=SIDE, root=inside).shape == (3, SIDE, SIDE)
    assert read_image(inside / ".." / "inside" / "within.png", size=SIDE, root=inside).shape[0] == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda image: image[0], r"expected a \(3, H, W\) float32 image, got \(8, 8\)"),
        (lambda image: image[:1], r"got \(1, 8, 8\)"),
        (lambda image: image[None], r"got \(1, 3, 8, 8\)"),
        (lambda image: image.double(), "got .* torch.float64"),
        (lambda image: (image * 255).byte(), "got .* torch.uint8"),
        (lambda image: image[:, :0], r"got \(3, 0, 8\)"),
        (lambda image: image.clone().fill_(float("nan")), "got 192 NaN or infinite"),
        (lambda image: image / (image[:, :, :1] * 0), "got 192 NaN or infinite"),
        (lambda image: image * 2 - 1, r"expected pixels in \[0, 1\], got -1 to 1;"),
        (lambda image: image + 1e-5, r"expected pixels in \[0, 1\], got 1e-05 to 1\.00001;"),
    ],
)
def test_what_breaks_the_contract_is_not_written(
    tmp_path: Path, change: Callable[[torch.Tensor], torch.Tensor], message: str
) -> None:
    image = picture()
    image[0, 0, 0], image[0, 0, 1] = 0.0, 1.0
    with pytest.raises(ImageError, match=message) as error:
        write_image(change(image), tmp_path / "a.png")
    assert "a.png" in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_float_dust_is_clipped(tmp_path: Path) -> None:
    image = picture()
    image[0, 0, 0], image[0, 0, 1] = -5e-7, 1 + 5e-7
    write_image(image, tmp_path / "a.png")
    assert read_image(tmp_path / "a.png", size=SIDE)[0, 0, :2].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_is_one_line_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "a.png"
    write_image(picture(0), path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(*((os, "fsync") if step == "fsync" else (Path, "replace")), full)
    with pytest.raises(ImageError, match=r"can't write .*a\.png: No space left on device; free") as error:
        write_image(picture(1), path)
    assert "\n" not in str(error.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]
    assert path.read_bytes() == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_device_that_is_really_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system_open = os.open

    def on_the_full_device(part: Path, flags: int, mode: int) -> int:
        part.symlink_to("/dev/full")
        return system_open("/dev/full", os.O_WRONLY)

    monkeypatch.setattr(os, "open", on_the_full_device)
    with pytest.raises(ImageError, match="No space left on device"):
        write_image(picture(), tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []
