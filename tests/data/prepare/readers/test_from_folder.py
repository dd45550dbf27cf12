"""Anyone's own images: every format means what it says, and whatever is wrong is one clear line."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFile

from ldbench.api import SourceImage
from ldbench.data.prepare.compose import prepare
from ldbench.data.prepare.pixels.volumes import Preprocessing, axial_slice
from ldbench.data.prepare.readers.from_folder import FolderReader
from ldbench.errors import DataError, ImageError, UsageError
from tests.data.prepare.readers.dicom_files import dicom

RAMP = np.linspace(0, 1, 64 * 64).reshape(64, 64)
READER = FolderReader(size=32)


def source(path: Path) -> SourceImage:
    return SourceImage(path.name, path, "s", path.name, {"diagnosis": "CN"})


def pixels(path: Path, reader: FolderReader = READER) -> NDArray[np.float32]:
    return reader.pixels(source(path))


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg"])
def test_8_bits_are_divided_by_255(name: str, tmp_path: Path) -> None:
    Image.fromarray((RAMP * 200).astype(np.uint8)).save(tmp_path / name)
    found = pixels(tmp_path / name)
    assert found.shape == (32, 32)
    assert found.dtype == np.float32
    assert abs(float(found.max()) - 200 / 255) < 0.02
    assert np.all(np.diff(found[:, 16]) > 0)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_16_bits_are_divided_by_65535(name: str, tmp_path: Path) -> None:
    Image.fromarray((RAMP * 30000).astype(np.uint16)).save(tmp_path / name)
    assert abs(float(pixels(tmp_path / name).max()) - 30000 / 65535) < 0.01


def test_a_16_bit_tiff_whose_white_is_zero_is_turned_over(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    values = (RAMP * 65535).astype(np.uint16)
    tifffile.imwrite(tmp_path / "white.tif", values, photometric="miniswhite")
    tifffile.imwrite(tmp_path / "black.tif", values, photometric="minisblack")
    np.testing.assert_allclose(pixels(tmp_path / "white.tif"), 1 - pixels(tmp_path / "black.tif"), atol=1e-5)


def test_floats_go_from_percentile_to_percentile(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    values = (RAMP * 1000 - 500).astype(np.float32)
    values[0, 0] = 1e6  # a hot pixel
    tifffile.imwrite(tmp_path / "a.tif", values)
    found = pixels(tmp_path / "a.tif")
    assert abs(float(found[16, 16]) - 0.5) < 0.02
    assert float(found.max()) > 0.98


def test_colour_is_luma_and_an_exif_rotation_is_applied(tmp_path: Path) -> None:
    red = np.zeros((16, 32, 3), np.uint8)
    red[:, :16, 0] = 255
    exif = Image.Exif()
    exif[274] = 6  # the camera was turned: rows are columns
    Image.fromarray(red).save(tmp_path / "a.png", exif=exif)
    found = pixels(tmp_path / "a.png", FolderReader(size=32))
    assert abs(float(found[8, 16]) - 0.299) < 0.01
    assert float(found[24, 16]) < 0.01
    assert float(found[:, :7].max()) < 0.05  # black borders left and right, as 32 x 16 became 16 x 32


def test_a_picture_is_padded_and_antialiased(tmp_path: Path) -> None:
    stripes = np.zeros((128, 256), np.uint8)
    stripes[:, ::2] = 255  # finer than the result can show: an even grey, no moire
    Image.fromarray(stripes).save(tmp_path / "a.png")
    found = pixels(tmp_path / "a.png")
    assert np.allclose(found[10:22, 4:28], 0.5, atol=0.02)
    assert np.allclose(found[[0, 5, 26, 31]], 0, atol=0.01)


@pytest.mark.parametrize("syntax", ["", "rle"])
def test_dicom_is_rescaled_and_monochrome1_turned_over(syntax: str, tmp_path: Path) -> None:
    values = (RAMP * 4000).astype(np.uint16)
    plain = pixels(dicom(tmp_path / "a.dcm", values, slope=2, syntax=syntax))
    turned = pixels(dicom(tmp_path / "IM0001", values, "MONOCHROME1", syntax=syntax))
    np.testing.assert_allclose(turned, 1 - plain, atol=1e-5)
    assert plain[0, 0] < 0.1 < 0.9 < plain[31, 31]
    down = pixels(dicom(tmp_path / "b.dcm", values, slope=-1))  # rescaling counts: it may turn an image over
    np.testing.assert_allclose(down, turned, atol=1e-5)


def test_a_nifti_plane_lies_as_its_header_says(tmp_path: Path) -> None:
    values = np.zeros((40, 60), np.int16)
    values[30:, 50:] = 7  # right and anterior
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "a.nii.gz")
    nib.save(nib.Nifti1Image(values[::-1, ::-1].copy(), np.diag([-1.0, -1.0, 1.0, 1.0])), tmp_path / "b.nii")
    found = pixels(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(pixels(tmp_path / "b.nii"), found)
    assert found[1, 24] > 0.9
    assert found[30, 24] < 0.1 > found[1, 8]


def test_a_nifti_volume_is_cut_as_the_brains_are(tmp_path: Path) -> None:
    places = np.indices((48, 48, 48)) - 23.5
    ball = np.where(np.linalg.norm(places, axis=0) < 18, 100 + 40 * np.sin(places[0]), 0).astype(np.float32)
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -94
    nib.save(nib.Nifti1Image(ball, affine), tmp_path / "a.nii")
    expected = axial_slice(tmp_path / "a.nii", Preprocessing(size=32))
    np.testing.assert_array_equal(pixels(tmp_path / "a.nii"), expected)
    stated = replace(READER, preprocessing=Preprocessing(size=32, plane="world", z=-50.0))
    lower = axial_slice(tmp_path / "a.nii", Preprocessing(size=32, plane="world", z=-50.0))
    np.testing.assert_array_equal(pixels(tmp_path / "a.nii", stated), lower)
    assert np.abs(lower - expected).max() > 0.1
    assert (stated.settings()["volume.plane"], stated.settings()["volume.size"]) == ("world", 32)


def faulty(folder: Path, what: str) -> Path:
    """A file with something wrong."""
    path = folder / f"{what}.png"
    grey = (RAMP * 255).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    if what == "truncated":
        Image.fromarray(noise).save(path)
        path.write_bytes(path.read_bytes()[:-2000])
    elif what == "altered":
        Image.fromarray(noise).save(path)
        content = bytearray(path.read_bytes())
        content[2000] ^= 1
        path.write_bytes(content)
    elif what == "text":
        path.write_text("no picture", encoding="utf-8")
    elif what == "blank":
        Image.fromarray(np.full((9, 9), 7, np.uint8)).save(path)
    elif what == "transparent":
        Image.fromarray(np.dstack([grey, grey])).save(path)
    elif what == "pages":
        frames = [Image.fromarray(grey), Image.fromarray(grey[::-1].copy())]
        path = path.with_suffix(".tif")
        frames[0].save(path, save_all=True, append_images=frames[1:])
    elif what == "compressed":
        return dicom(path.with_suffix(".dcm"), (RAMP * 4000).astype(np.uint16), syntax="j2k")
    elif what == "no-dicom":
        path = path.with_suffix(".dcm")
        path.write_bytes(b"no" * 200)
    elif what == "colour-dicom":
        return dicom(path.with_suffix(".dcm"), (RAMP * 4000).astype(np.uint16), kind="PALETTE COLOR")
    elif what == "nan":
        plane = RAMP.astype(np.float32)
        plane[3, 3] = np.nan
        path = path.with_suffix(".nii")
        nib.save(nib.Nifti1Image(plane, np.eye(4)), path)
    elif what == "broken-nifti":
        path = path.with_suffix(".nii")
        path.write_bytes(b"\0" * 400)
    elif what == "suffix":
        path = path.with_suffix(".bmp")
        Image.fromarray(grey).save(path)
    return path


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("truncated", "can't read"), ("altered", "can't read"),
        ("text", "got something else"), ("blank", "contrast"),
        ("transparent", "flatten"), ("pages", "one picture"), ("compressed", "can't decode JPEG 2000"),
        ("no-dicom", "expected a DICOM file"),
        ("colour-dicom", "expected one grey frame, got PALETTE COLOR"), ("nan", "NaN"), ("broken-nifti", "NIfTI"),
        ("suffix", "got another suffix"),
    ],
)
def test_a_faulty_file_is_one_line_that_names_it(what: str, message: str, tmp_path: Path) -> None:
    path = faulty(tmp_path, what)
    with pytest.raises(ImageError, match=message) as caught:
        pixels(path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_a_torn_picture_is_refused_even_where_pillow_was_told_to_be_lenient(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    path = tmp_path / f"torn.{suffix}"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)).save(path)
    pixels(path)
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(ImageError, match=r"torn.*expected a"):
        pixels(path)


def folder_with(tmp_path: Path, csv: str) -> tuple[Path, FolderReader]:
    root = tmp_path / "root"
    root.mkdir()
    for n in range(4):
        Image.fromarray((RAMP * 40 * (n + 1)).astype(np.uint8)).save(root / f"{n}.png")
    Image.fromarray((RAMP * 255).astype(np.uint8)).save(tmp_path / "outside.png")
    (root / "link.png").symlink_to(tmp_path / "outside.png")
    (tmp_path / "m.csv").write_text(csv, encoding="utf-8")
    return root, FolderReader(tmp_path / "m.csv", size=16)


def test_a_csv_becomes_sources_with_typed_attributes(tmp_path: Path) -> None:
    text = "image,subject,diagnosis,age,weight,site,years\n0.png,a,CN,70,61.5,007x,0.5\n./1.png,a,AD,,60,b,2\n"
    root, reader = folder_with(tmp_path, text)
    reader = replace(reader, attributes=("age", "weight", "site"))
    first, second = reader.found(root).images
    assert first.attributes == {"diagnosis": "CN", "age": 70, "weight": 61.5, "site": "007x"}
    assert (first.subject, first.image, first.years) == ("a", "0.png", 0.5)
    assert second.attributes == {"diagnosis": "AD", "weight": 60.0, "site": "b"}
    assert second.image == "1.png"


def test_names_and_record_numbers_stay_in_the_table_unless_they_are_asked_for(tmp_path: Path) -> None:
    text = "image,subject,diagnosis,patient_name,mrn\n0.png,a,CN,Doe^Jane,7001\n1.png,b,AD,Roe^Rick,7002\n"
    root, reader = folder_with(tmp_path, text)
    assert [dict(image.attributes) for image in reader.found(root).images] == [{"diagnosis": "CN"}, {"diagnosis": "AD"}]
    with pytest.raises(DataError, match="expected a column 'ages'"):
        replace(reader, attributes=("ages",)).found(root)
    for name in ("subject", "image", "years", "split"):
        with pytest.raises(UsageError, match=f"--attributes: expected a further column, got '{name}'"):
            replace(reader, attributes=(name,))
    with pytest.raises(UsageError, match="--class-attribute: expected a further column, got 'subject'"):
        replace(reader, class_attribute="subject")


def test_classes_keep_their_spelling_and_what_nobody_knows_is_none(tmp_path: Path) -> None:
    text = "image,subject,diagnosis\n0.png,a,01\n1.png,b,1\n2.png,c,N/A\n3.png,nan,1\n"
    root, reader = folder_with(tmp_path, text)
    found = reader.found(root)
    assert [image.attributes["diagnosis"] for image in found.images] == ["01", "1"]
    assert [(left.name, left.rule) for left in found.skipped] == [("2.png", "blank-cell"), ("3.png", "blank-cell")]
    assert [image.name for image in replace(reader, classes=("01",)).found(root).images] == ["0.png"]
    with pytest.raises(UsageError, match="got 'None', which is how tables spell a value that nobody knows"):
        replace(reader, classes=("None", "1"))


@pytest.mark.parametrize(("table", "disk"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_accents_match_in_either_form(table: str, disk: str, tmp_path: Path) -> None:
    name = "R\u00f6ntgen.png"
    root, reader = folder_with(tmp_path, f"image,subject,diagnosis\n{unicodedata.normalize(table, name)},a,CN\n")
    (root / "0.png").rename(root / unicodedata.normalize(disk, name))
    (image,) = reader.found(root).images
    assert image.path.is_file()


def test_a_path_of_another_machine_leaves_the_root(tmp_path: Path) -> None:
    root, reader = folder_with(tmp_path, "image,subject,diagnosis\nC:\\data\\0.png,a,CN\n")
    assert [left.rule for left in reader.found(root).skipped] == ["outside-root"]


def test_links_count_as_the_files_that_they_lead_to(tmp_path: Path) -> None:
    text = "image,subject,diagnosis\nlink.png,a,CN\nscratch/a.png,b,CN\nlost.png,c,CN\nloop.png,d,CN\n"
    root, reader = folder_with(tmp_path, text)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.png").write_bytes((root / "0.png").read_bytes())
    (root / "scratch").symlink_to(tmp_path / "elsewhere")
    (root / "lost.png").symlink_to(tmp_path / "nowhere.png")
    (root / "loop.png").symlink_to(root / "loop.png")
    found = reader.found(root)
    assert [image.name for image in found.images] == ["link.png", "scratch/a.png"]
    assert {(left.name, left.rule) for left in found.skipped} == {(n, "missing-file") for n in ("lost.png", "loop.png")}
    assert all("got a link that leads to none (line" in left.reason for left in found.skipped)
    outside = reader.pixels(replace(found.images[0], path=tmp_path / "outside.png"))
    assert np.array_equal(reader.pixels(found.images[0]), outside)


def test_what_is_wrong_with_a_line_is_named(tmp_path: Path) -> None:
    lines = [
        "0.png,a,CN,1", "0.png,a,CN,1", "../outside.png,b,CN,1", "x/../../outside.png,b,CN,1", "/etc/hosts,b,CN,1",
        "gone.png,c,CN,1", "1.png,,CN,1", "2.png,d,,1", "3.png,e,CN,soon",
    ]
    root, reader = folder_with(tmp_path, "image,subject,diagnosis,years\n" + "\n".join(lines) + "\n")
    found = reader.found(root)
    assert [image.name for image in found.images] == ["0.png"]
    assert {(each.name, each.rule) for each in found.skipped} == {
        ("0.png", "listed-twice"), ("../outside.png", "outside-root"),
        ("x/../../outside.png", "outside-root"),
        ("/etc/hosts", "outside-root"), ("gone.png", "missing-file"), ("1.png", "blank-cell"), ("2.png", "blank-cell"),
        ("3.png", "years"),
    }
    assert {each.kind for each in found.skipped} == {"fault"}
    with pytest.raises(DataError, match=r"--strict"):
        prepare(reader, root, tmp_path / "out", strict=True)


def test_an_image_of_two_subjects_is_a_fault_in_each_line(tmp_path: Path) -> None:
    lines = "0.png,a,CN\n./0.png,b,CN\n1.png,a,CN\n1.png,,CN\n2.png,c,AD\n2.png,c,AD\n"
    root, reader = folder_with(tmp_path, f"image,subject,diagnosis\n{lines}")
    found = reader.found(root)
    assert [image.name for image in found.images] == ["1.png", "2.png"]
    assert [(each.name, each.kind, each.rule) for each in found.skipped] == [
        ("./0.png", "fault", "several-subjects"), ("0.png", "fault", "several-subjects"),
        ("1.png", "fault", "blank-cell"), ("2.png", "fault", "listed-twice"),
    ]
    assert found.skipped[0].reason == "expected one subject of the image, got a and b in several lines (line 3)"


def test_classes_that_were_not_asked_for_are_left_out_by_rule(tmp_path: Path) -> None:
    root, reader = folder_with(tmp_path, "image,subject,diagnosis\n0.png,a,CN\n1.png,b,AD\n2.png,c,MCI\n")
    found = FolderReader(reader.csv, classes=("CN", "AD")).found(root)
    assert len(found.images) == 2
    assert [(each.name, each.kind, each.rule) for each in found.skipped] == [("2.png", "rule", "class")]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("picture,subject,diagnosis", "expected a column 'image', got 'picture', 'subject', 'diagnosis'"),
        ("image,subject,dx", "expected a column 'diagnosis'"),
        (
            "image,subject,diag,age,sex,site,scanner,note",
            "got 'image', 'subject', 'diag', 'age', 'sex', 'site', 'scanner', 'note'; did you mean 'diag'",
        ),
        ("Age,Sex,diagnosis", r"'diagnosis'; in the header, call the column of paths below --root 'image' and that of"),
        ("image,subject,diagnosis,split", "the column 'split' has a name that the manifest needs itself"),
        ("", "expected a CSV with a header"),
    ],
)
def test_a_missing_or_renamed_column_is_one_line(header: str, message: str, tmp_path: Path) -> None:
    root, reader = folder_with(tmp_path, f"{header}\n")
    with pytest.raises(DataError, match=message) as caught:
        reader.found(root)
    assert "\n" not in str(caught.value)


def test_a_csv_that_is_not_there_and_settings_out_of_range(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"columns image, subject and the class, got no such file; .* --csv"):
        FolderReader(tmp_path / "gone.csv").found(tmp_path)
    with pytest.raises(UsageError, match="size: expected 8 to 4096, got 4"):
        FolderReader(size=4)
    with pytest.raises(UsageError, match=r"expected size = 64, got preprocessing\.size; drop the prefix"):
        FolderReader(size=32, preprocessing=Preprocessing(size=64))
    with pytest.raises(UsageError, match="percentiles"):
        FolderReader(low_percentile=99.5, high_percentile=0.5)
