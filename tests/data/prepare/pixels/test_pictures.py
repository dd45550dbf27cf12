"""PNG, JPEG and TIFF: bit depths that nobody declared, printing that says nothing of the subject, colour."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ldbench.api import SourceImage
from ldbench.data.prepare.compose import prepare
from ldbench.data.prepare.observations import observing
from ldbench.data.prepare.one_image import FEW_LEVELS
from ldbench.data.prepare.pixels.pictures import UNEVEN_PRINT, read_picture
from ldbench.data.prepare.readers.from_folder import FolderReader
from ldbench.data.prepare.splits import Plan
from ldbench.errors import FaultyImageError

PLAN = Plan(fractions=(0.5, 0.1, 0.4))  # of four subjects some are tested with
RAMP = np.linspace(0, 1, 64 * 64).reshape(64, 64)


def prepared(path: Path) -> np.ndarray:
    return FolderReader(size=64).pixels(SourceImage(path.name, path, "s", path.name, {"diagnosis": "CN"}))


def notes_on(path: Path, *, by_depth: bool = True) -> list[str]:
    """What is noted while the file is read."""
    with observing() as seen:
        read_picture(path, by_depth=by_depth)
    return seen.notes


@pytest.mark.parametrize(
    ("bits", "kind"), [(12, np.uint16), (10, np.uint16), (14, np.uint16), (8, np.uint16), (4, np.uint8)]
)
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_fewer_bits_than_the_type_has_fill_the_range_and_are_noted(
    tmp_path: Path, bits: int, kind: type, suffix: str
) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.rint(RAMP * (2**bits - 1)).astype(kind)).save(path)
    assert notes_on(path) == [f"read at a bit depth of {bits} in {8 * kind().itemsize}"]
    assert notes_on(path, by_depth=False) == []
    assert len(np.unique(np.rint(prepared(path) * 255))) >= min(250, 2**bits)
    Image.fromarray((RAMP * (2 ** (8 * kind().itemsize) - 1)).astype(kind)).save(path)
    assert notes_on(path) == []


def saved(path: Path, mode: str, **options: object) -> Path:
    image = Image.fromarray(np.rint(RAMP * 255).astype(np.uint8)).convert(mode)
    image.save(path, **options)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [
        ("a.png", "RGBA", {}), ("a.png", "LA", {}), ("a.tif", "RGBA", {}),
        ("a.png", "P", {"transparency": b"\xff" * 256}),
    ],
)
def test_alpha_that_hides_nothing_changes_nothing(
    tmp_path: Path, name: str, mode: str, options: dict[str, object]
) -> None:
    path, plain = saved(tmp_path / name, mode, **options), saved(tmp_path / "plain.png", "P" if mode == "P" else "L")
    np.testing.assert_array_equal(prepared(path), prepared(plain))
    assert notes_on(path) == notes_on(plain)


@pytest.mark.parametrize(("mode", "key"), [("L", 44), ("P", 3), ("RGB", (44, 44, 44))])
def test_a_transparent_colour_that_pixels_have_is_refused(tmp_path: Path, mode: str, key: object) -> None:
    path = saved(tmp_path / "a.png", mode, transparency=key)
    said = f"expected an opaque image, got {mode} with transparency; flatten"
    with pytest.raises(FaultyImageError, match=said) as caught:
        prepared(path)
    assert caught.value.rule == "transparency"


def test_a_picture_with_alpha_is_turned_as_its_exif_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    for suffix in ("png", "tif"):
        turned = [saved(tmp_path / f"{mode}.{suffix}", mode, exif=exif) for mode in ("RGBA", "RGB")]
        np.testing.assert_array_equal(prepared(turned[0]), prepared(turned[1]))
        assert prepared(turned[0])[0, 0] != prepared(saved(tmp_path / "upright.png", "L"))[0, 0]


def test_pictures_that_are_not_opaque_are_left_out_under_a_rule_of_their_own(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    lines = ["image,subject,diagnosis"]
    for place in range(8):
        image = Image.fromarray(np.roll(np.rint(RAMP * 255).astype(np.uint8), place, 1)).convert("RGBA")
        if place == 7:
            image.putalpha(Image.fromarray(np.rint(RAMP * 255).astype(np.uint8)))
        image.save(root / f"{place}.png")
        lines.append(f"{place}.png,s{place},CN")
    (root / "manifest.csv").write_text("\n".join(lines), encoding="utf-8")
    summary = prepare(FolderReader(root / "manifest.csv", size=64), root, tmp_path / "out", plan=PLAN)
    assert summary.counts.skipped == {("fault", "transparency"): 1}
    expected = "the first of transparency: 7.png: expected an opaque image, got RGBA with transparency; flatten it"
    assert expected in summary.lines()


def test_a_tiff_declares_its_bit_depth(tmp_path: Path) -> None:
    packed = np.packbits(np.unpackbits(np.arange(64 * 64, dtype=">u2").view("u1").reshape(-1, 2), axis=1)[:, 4:])
    strip = packed.tobytes()  # 12 bits a pixel
    tags = [(256, 64), (257, 64), (258, 12), (259, 1), (262, 1), (273, 8 + 2 + 9 * 12 + 4), (277, 1), (278, 64),
            (279, len(strip))]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4 if value > 65535 else 3, 1, value) for tag, value in tags)
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    (tmp_path / "a.tif").write_bytes(head + strip)
    grey = read_picture(tmp_path / "a.tif")
    assert grey.values.max() == 4095
    assert grey.range == (0, 4095)


def test_a_set_that_is_not_read_at_one_depth_is_warned_of(tmp_path: Path) -> None:
    for number, largest in enumerate([4000, 3000, 900, 3500]):
        Image.fromarray(np.rint(RAMP * largest).astype(np.uint16)).save(tmp_path / f"{number}.png")
    lines = [f"{number}.png,s{number},CN" for number in range(4)]
    table = tmp_path / "m.csv"
    table.write_text("\n".join(["image,subject,diagnosis", *lines]) + "\n", encoding="utf-8")
    summary = prepare(FolderReader(table, size=16), tmp_path, tmp_path / "out", plan=PLAN)
    counted = {tuple(line.split()) for line in summary.lines() if line.startswith("noted ")}
    assert counted == {("noted", *f"read at a bit depth of {bits} in 16 {count}".split()) for bits, count in
                       ((10, 1), (12, 3))}  # fmt: skip
    assert any("--set window=0,4095" in line for line in summary.notes)
    again = prepare(FolderReader(table, size=16), tmp_path, tmp_path / "out", plan=PLAN)  # from the journal
    assert again.notes == summary.notes
    stated = prepare(FolderReader(table, size=16, window="0,4095"), tmp_path, tmp_path / "stated", plan=PLAN)
    assert stated.notes == ()


def test_a_range_that_is_hardly_used_is_noted_where_no_bit_depth_explains_it(tmp_path: Path) -> None:
    Image.fromarray((40000 + RAMP * 4095).astype(np.uint16)).save(tmp_path / "a.png")
    Image.fromarray((RAMP * 65535).astype(np.uint16)).save(tmp_path / "b.png")
    table = tmp_path / "m.csv"
    table.write_text("image,subject,diagnosis\na.png,a,CN\nb.png,b,CN\n", encoding="utf-8")
    summary = prepare(FolderReader(table, size=32), tmp_path, tmp_path / "out")
    assert [line.split() for line in summary.notes] == [f"noted {FEW_LEVELS} 1".split()]


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_print_resolution_is_ignored_and_said_so_where_it_is_uneven(tmp_path: Path, name: str) -> None:
    Image.fromarray((RAMP * 255).astype(np.uint8)).save(tmp_path / name, dpi=(72, 144))
    uneven, of_uneven = read_picture(tmp_path / name), notes_on(tmp_path / name)
    Image.fromarray((RAMP * 255).astype(np.uint8)).save(tmp_path / name, dpi=(72, 72))
    even, of_even = read_picture(tmp_path / name), notes_on(tmp_path / name)
    assert (of_uneven, of_even) == ([UNEVEN_PRINT], [])
    assert uneven.spacing == even.spacing == (1.0, 1.0)
    np.testing.assert_array_equal(uneven.values, even.values)


def colour_png(path: Path, values: np.ndarray) -> Path:
    """An RGB PNG of 16 bits, which Pillow cannot write."""
    rows = b"".join(b"\0" + np.repeat(row[:, None], 3, 1).astype(">u2").tobytes() for row in values)
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", *values.shape[::-1], 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in (*chunks, (b"IEND", b""))
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def test_colour_of_16_bits_is_read_to_8_of_them_unless_those_are_not_used(tmp_path: Path) -> None:
    full = colour_png(tmp_path / "full.png", (RAMP * 65535).astype(np.uint16))
    np.testing.assert_allclose(prepared(full), RAMP, atol=0.01)
    dim = colour_png(tmp_path / "dim.png", (RAMP * 4095).astype(np.uint16))
    with pytest.raises(FaultyImageError, match="save it as 16-bit grey") as caught:
        read_picture(dim)
    assert caught.value.rule == "colour"


@pytest.mark.parametrize("side", [16, 116, 160])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_dark_colour_of_8_bits_is_read_whatever_its_size(tmp_path: Path, side: int, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    dark = np.random.default_rng(0).integers(0, 50, (side, side, 3), dtype=np.uint8)
    Image.fromarray(dark).save(path)
    assert read_picture(path).range == (0, 255)


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_a_tiff_whose_zero_is_white_is_turned_at_any_depth(tmp_path: Path, kind: type) -> None:
    for white_is_zero in (True, False):
        path = tmp_path / f"{white_is_zero}.tif"
        Image.fromarray((RAMP * 1500).astype(kind)).save(path, tiffinfo={262: 0 if white_is_zero else 1})
    one, other = (prepared(tmp_path / f"{name}.tif") for name in (True, False))
    np.testing.assert_allclose(one, 1 - other, atol=1e-3)


def test_colour_that_is_neither_grey_nor_rgb_and_several_pages_have_rules(tmp_path: Path) -> None:
    pages = [Image.fromarray((RAMP * 255).astype(np.uint8))] * 2
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    pages[0].convert("CMYK").save(tmp_path / "b.jpg")
    for name, rule in (("a.tif", "several frames"), ("b.jpg", "colour")):
        with pytest.raises(FaultyImageError) as caught:
            read_picture(tmp_path / name)
        assert caught.value.rule == rule
