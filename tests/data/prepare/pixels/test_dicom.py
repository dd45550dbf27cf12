"""DICOM as archives and scanners have it: padding, LUTs and windows, orientation, encodings, compression, damage."""

from __future__ import annotations

import io
import tomllib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom import uid
from pydicom.data import get_testdata_file
from pydicom.pixels.decoders.base import get_decoder

from ldbench.api import SourceImage
from ldbench.data.prepare.observations import observing
from ldbench.data.prepare.pixels.dicom import CT_UNWINDOWED, FROM_BELOW, NO_SPACING, NO_WINDOW, read_dicom
from ldbench.data.prepare.pixels.dicom_file import NO_PREAMBLE, NO_SYNTAX
from ldbench.data.prepare.readers.from_folder import FolderReader
from ldbench.errors import FaultyImageError, ImageError
from tests.stand_ins.films import film, without_preamble

ROOT = Path(__file__).parents[4]
RAMP = np.linspace(0, 4000, 64 * 64).reshape(64, 64).astype(np.int16)


def prepared(path: Path, window: str = "file", size: int = 64) -> NDArray[np.float32]:
    return FolderReader(size=size, window=window).pixels(SourceImage(path.name, path, "s", path.name, {}))


def notes_on(path: Path, *, voi: bool = True) -> list[str]:
    """What is noted while the file is read."""
    with observing() as seen:
        read_dicom(path, voi=voi)
    return seen.notes


def round_field(padding: int) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """A ramp from -200 to 200 in a round field of view, and where the field is."""
    y, x = np.mgrid[:64, :64] - 31.5
    inside = np.hypot(x, y) < 30
    return np.where(inside, RAMP // 10 - 200, padding).astype(np.int16), inside


@pytest.mark.parametrize(
    ("padding", "elements"),
    [
        (-2000, {"PixelPaddingValue": -2000}), (-2000, {"PixelPaddingValue": -2010, "PixelPaddingRangeLimit": -1990}),
        (30000, {"PixelPaddingValue": 30000}), (-3024, {"Modality": "CT"}),
        (-2000, {"Modality": "CT", "RescaleType": "HU"}),
    ],
)
def test_padding_takes_no_part_and_is_black(tmp_path: Path, padding: int, elements: dict[str, Any]) -> None:
    values, inside = round_field(padding)
    grey = read_dicom(film(tmp_path / "a.dcm", values, **elements))
    assert grey.outside is not None
    np.testing.assert_array_equal(grey.outside, ~inside)
    found = prepared(tmp_path / "a.dcm")
    y, x = np.mgrid[:64, :64] - 31.5
    middle = found[np.hypot(x, y) < 26]
    assert middle.min() < 0.1
    assert middle.max() > 0.9
    assert found[:5, :5].max() < 0.02


def test_padding_written_without_its_sign(tmp_path: Path) -> None:
    values, inside = round_field(-2000)
    path = film(tmp_path / "a.dcm", values, PixelPaddingValue=-2000)
    content = path.read_bytes()
    assert content.count(b"\x28\x00\x20\x01SS") == 1
    path.write_bytes(content.replace(b"\x28\x00\x20\x01SS", b"\x28\x00\x20\x01US"))  # read as 63536
    grey = read_dicom(path)
    assert grey.outside is not None
    np.testing.assert_array_equal(grey.outside, ~inside)


def test_a_head_keeps_its_soft_tissue_under_a_window(tmp_path: Path) -> None:
    """Grey and white matter at 5 to 35 HU between bone and air, as integers of a CT."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:256, :256] - 127.5
    away = np.hypot(x, y * 1.2)
    brain = 20 + 15 * np.sin(x / 9) * np.cos(y / 7) + rng.normal(0, 4, away.shape)
    values = np.where(away < 100, brain, np.where(away < 112, 1200, -1000)).astype(np.int16)
    path = film(tmp_path / "a.dcm", values, Modality="CT", RescaleIntercept=0, RescaleSlope=1)
    stated = film(tmp_path / "b.dcm", values, Modality="CT", WindowCenter=[40, 400], WindowWidth=[80, 2000])
    inside = away < 90
    for picture in (prepared(path, "0,80", 256), prepared(stated, size=256)):
        span = picture[inside] * 255
        assert np.ptp(span) / np.ptp(values[inside]) * 80 > 100
        expected = np.clip(values[inside] / 80, 0, 1) * 255
        assert np.abs(span - expected).max() < 3  # 80 HU are all 255 levels
    assert notes_on(path) == [CT_UNWINDOWED]
    narrow = prepared(path, size=256)[inside] * 255
    assert narrow.max() - narrow.min() < 20  # what percentiles of the whole slice leave
    np.testing.assert_array_equal(prepared(stated, "percentile", 256), prepared(path, size=256))


def lut(first: int, entries: NDArray[Any], bits: int) -> pydicom.Dataset:
    table = pydicom.Dataset()
    table.add_new("LUTDescriptor", "US" if first >= 0 else "SS", [len(entries), first, bits])
    table.LUTData = entries.astype("<u2").tobytes()
    return table


def test_modality_and_voi_luts_are_applied_beyond_their_ends_too(tmp_path: Path) -> None:
    squared = np.rint(np.linspace(0, 1, 2001) ** 2 * 255)  # 8 bits an entry and more entries than 8 bits can count
    values = RAMP.astype(np.uint16)
    path = film(tmp_path / "voi.dcm", values, VOILUTSequence=[lut(1000, squared, 8)], WindowCenter=1, WindowWidth=2)
    found = read_dicom(path)
    np.testing.assert_allclose(found.values, np.rint(np.clip((values - 1000.0) / 2000, 0, 1) ** 2 * 255), atol=1e-6)
    assert found.range == (0, 255)
    np.testing.assert_array_equal(read_dicom(path, voi=False).values, values)
    table = lut(0, np.arange(4001)[::-1], 16)
    table.ModalityLUTType = "US"
    path = film(tmp_path / "modality.dcm", values, ModalityLUTSequence=[table])
    np.testing.assert_array_equal(read_dicom(path).values, 4000 - values.astype(float))
    sigmoid = film(tmp_path / "s.dcm", values, WindowCenter=2000, WindowWidth=1000, VOILUTFunction="SIGMOID")
    found = read_dicom(sigmoid)
    np.testing.assert_allclose(found.values, 1 / (1 + np.exp(-4 * (values - 2000.0) / 1000)))
    assert found.range == (0, 1)


@pytest.mark.parametrize("words", [False, True])
def test_entries_of_8_bits_may_lie_two_to_a_word(tmp_path: Path, words: bool) -> None:
    squared = np.rint(np.linspace(0, 1, 4001) ** 2 * 255)
    table = lut(0, squared, 8)
    packed = squared.astype("u1").tobytes() + b"\0"
    table.add_new("LUTData", "US" if words else "OW", np.frombuffer(packed, "<u2").tolist() if words else packed)
    found = read_dicom(film(tmp_path / "a.dcm", RAMP.astype(np.uint16), VOILUTSequence=[table]))
    assert found.range == (0, 255)
    np.testing.assert_array_equal(found.values, squared[RAMP])


def test_a_lut_without_all_of_its_entries_is_damage(tmp_path: Path) -> None:
    table = lut(0, np.arange(2048), 16)
    table.LUTDescriptor = [4096, 0, 16]
    path = film(tmp_path / "a.dcm", RAMP, VOILUTSequence=[table])
    with pytest.raises(FaultyImageError, match="expected a LUT of 4096 entries as its descriptor says, got 2048"):
        read_dicom(path)


@pytest.mark.parametrize("implicit", [False, True])
def test_a_lut_may_begin_below_0_in_every_encoding(tmp_path: Path, implicit: bool) -> None:
    """Without VRs a reader takes the sign from the stored values, which have none before the rescaling."""
    table = lut(-1024, np.arange(0, 65536, 16), 16)
    rescaled = {"RescaleSlope": 1, "RescaleIntercept": -1024, "Modality": "CT"}
    path = film(tmp_path / "a.dcm", RAMP.astype(np.uint16), VOILUTSequence=[table], **rescaled)
    found = read_dicom(without_preamble(path, implicit=implicit))
    np.testing.assert_array_equal(found.values, 16.0 * RAMP)


def test_a_linear_window_is_one_of_whole_numbers(tmp_path: Path) -> None:
    path = film(tmp_path / "a.dcm", RAMP, WindowCenter=["40", "400"], WindowWidth=["80", "2000"])
    assert read_dicom(path).range == (0, 79)  # PS3.3, C.11.2.1.2.1: 0 is black, and what exceeds 79 white
    path = film(tmp_path / "a.dcm", RAMP, WindowCenter=40, WindowWidth=80, VOILUTFunction="LINEAR_EXACT")
    assert read_dicom(path).range == (0, 80)


@pytest.mark.parametrize("window", [(0, 0), (40, 1), (40, -3)])
def test_a_window_that_is_none_is_noted(tmp_path: Path, window: tuple[int, int]) -> None:
    path = film(tmp_path / "a.dcm", RAMP, WindowCenter=window[0], WindowWidth=window[1])
    assert notes_on(path) == [NO_WINDOW]
    assert notes_on(path, voi=False) == []
    np.testing.assert_array_equal(prepared(path), prepared(path, "percentile"))


def test_distances_of_0_are_unknown_ones_and_the_first_that_are_known_count(tmp_path: Path) -> None:
    path = film(tmp_path / "a.dcm", RAMP, PixelSpacing=[0, 0])
    assert (read_dicom(path).spacing, notes_on(path)) == ((1, 1), [NO_SPACING])
    path = film(tmp_path / "a.dcm", RAMP, PixelSpacing=[0, 0], ImagerPixelSpacing=[0, 0])
    assert (read_dicom(path).spacing, notes_on(path)) == ((1, 1), [NO_SPACING])
    path = film(tmp_path / "a.dcm", RAMP, PixelSpacing=[0, 0], ImagerPixelSpacing=[0.2, 0.1])
    assert (read_dicom(path).spacing, notes_on(path)) == ((0.2, 0.1), [])
    grey = read_dicom(film(tmp_path / "a.dcm", RAMP, PixelSpacing=[0.4, 0.3], ImagerPixelSpacing=[0.2, 0.1]))
    assert grey.spacing == (0.4, 0.3)
    with pytest.raises(FaultyImageError, match=r"expected pixels of .* got 0\.4 x 0"):
        read_dicom(film(tmp_path / "a.dcm", RAMP, PixelSpacing=[0.4, 0]))


def test_an_orientation_that_is_none_is_refused_and_an_axial_one_noted(tmp_path: Path) -> None:
    assert notes_on(film(tmp_path / "a.dcm", RAMP, ImageOrientationPatient=[1, 0, 0, 0, 1, 0])) == [FROM_BELOW]
    for wrong in ([0] * 6, [1, 0, 0, 1, 0, 0], [1, 0, 0, 0.5, 0.86, 0], [1, 0, 0]):
        with pytest.raises(FaultyImageError, match="expected two directions at a right angle") as caught:
            read_dicom(film(tmp_path / "b.dcm", RAMP, ImageOrientationPatient=wrong))
        assert caught.value.rule == "orientation unknown"


def test_elements_of_an_enhanced_file_are_found_in_its_groups(tmp_path: Path) -> None:
    shared, frame = pydicom.Dataset(), pydicom.Dataset()
    measures, transformation, window = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
    measures.PixelSpacing = [2.0, 1.0]
    transformation.RescaleSlope, transformation.RescaleIntercept = 2, -1000
    window.WindowCenter, window.WindowWidth, window.VOILUTFunction = 40, 80, "LINEAR_EXACT"
    shared.PixelMeasuresSequence = [measures]
    frame.PixelValueTransformationSequence, frame.FrameVOILUTSequence = [transformation], [window]
    path = film(
        tmp_path / "a.dcm", RAMP, NumberOfFrames=1, SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=[frame],
    )
    grey = read_dicom(path)
    assert (grey.spacing, grey.range) == ((2, 1), (0, 80))
    np.testing.assert_array_equal(grey.values, RAMP * 2.0 - 1000)


def without_syntax(path: Path, *, implicit: bool) -> Path:
    """The file with its preamble and meta elements, but for the transfer syntax."""
    data = pydicom.dcmread(path)
    body, meta = io.BytesIO(), io.BytesIO()
    pydicom.Dataset(data).save_as(body, implicit_vr=implicit, little_endian=True)
    del data.file_meta.TransferSyntaxUID
    pydicom.filewriter.write_file_meta_info(meta, data.file_meta, enforce_standard=False)
    path.write_bytes(b"\0" * 128 + b"DICM" + meta.getvalue() + body.getvalue())
    return path


@pytest.mark.parametrize("implicit", [True, False])
def test_files_without_preamble_or_syntax_are_read_in_the_default_and_noted(tmp_path: Path, implicit: bool) -> None:
    whole = prepared(film(tmp_path / "a.dcm", RAMP))
    bare = without_preamble(film(tmp_path / "IM0001", RAMP), implicit=implicit)  # nor a suffix
    np.testing.assert_array_equal(prepared(bare), whole)
    assert notes_on(bare) == [NO_PREAMBLE]
    unnamed = without_syntax(film(tmp_path / "c.dcm", RAMP), implicit=implicit)
    np.testing.assert_array_equal(prepared(unnamed), whole)
    assert notes_on(unnamed) == [NO_SYNTAX]


def test_colour_frames_and_files_without_an_image_are_refused_by_rule(tmp_path: Path) -> None:
    for elements, rule in (({"kind": "PALETTE COLOR"}, "colour"), ({"NumberOfFrames": 2}, "several frames")):
        with pytest.raises(FaultyImageError, match="expected one grey frame") as caught:
            read_dicom(film(tmp_path / "a.dcm", RAMP, **elements))
        assert caught.value.rule == rule
    plan = get_testdata_file("rtplan.dcm", download=False)
    with pytest.raises(ImageError, match="got a DICOM file without one"):
        read_dicom(Path(str(plan)))


SYNTAXES = {  # of pydicom's own test files: the same picture uncompressed
    "MR_small_RLE.dcm": "MR_small.dcm", "MR_small_jpeg_ls_lossless.dcm": "MR_small.dcm",
    "MR_small_jp2klossless.dcm": "MR_small.dcm",
}


@pytest.mark.parametrize("name", SYNTAXES)
def test_compressed_files_are_decoded_to_what_they_hold(name: str) -> None:
    packed, plain = (Path(str(get_testdata_file(each, download=False))) for each in (name, SYNTAXES[name]))
    if not get_decoder(pydicom.dcmread(packed).file_meta.TransferSyntaxUID).is_available:
        pytest.skip("the decoders of the extra clinical are not installed")
    np.testing.assert_array_equal(prepared(packed), prepared(plain))


@pytest.mark.parametrize(
    ("syntax", "package"),
    [
        (uid.JPEGBaseline8Bit, "python-gdcm"), (uid.JPEGLossless, "python-gdcm"), (uid.JPEGLosslessSV1, "python-gdcm"),
        (uid.JPEGLSLossless, "python-gdcm"), (uid.JPEGLSNearLossless, "python-gdcm"),
        (uid.JPEG2000Lossless, "pylibjpeg pylibjpeg-openjpeg"), (uid.JPEG2000, "pylibjpeg pylibjpeg-openjpeg"),
        (uid.HTJ2KLossless, "pylibjpeg pylibjpeg-openjpeg"), (uid.JPEGExtended12Bit, "pylibjpeg pylibjpeg-libjpeg"),
        (uid.MPEG2MPML, "export it uncompressed"),
    ],
)
def test_without_a_decoder_the_line_names_the_package_that_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, syntax: uid.UID, package: str
) -> None:
    path = film(tmp_path / "a.dcm", RAMP)
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = syntax
    data.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8 no codestream"])
    data["PixelData"].is_undefined_length = True
    data.save_as(path, enforce_file_format=True)
    if "export" not in package:
        monkeypatch.setattr(get_decoder(syntax), "_available", {})
    with pytest.raises(FaultyImageError, match=f"can't decode .*; .*{package}") as caught:
        read_dicom(path)
    assert caught.value.rule == "compressed"
    assert "\n" not in str(caught.value)
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    installed = {requirement.split(">=")[0] for requirement in extra["clinical"]}
    named = {word for word in package.split() if word.startswith(("py", "python"))}
    assert named <= installed | {"pylibjpeg-libjpeg"}  # under the GPL, for 12 bits of lossy JPEG alone


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 700), st.binary(min_size=1, max_size=6), st.booleans(), st.integers(0, 9000))
def test_any_damage_is_a_picture_or_one_line(tmp_path: Path, at: int, junk: bytes, bare: bool, lost: int) -> None:
    path = film(
        tmp_path / "a.dcm", RAMP, PixelSpacing=[1, 2], WindowCenter=40, WindowWidth=80, PixelPaddingValue=0,
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0], VOILUTSequence=[lut(0, np.arange(9), 8)],
    )
    path = without_preamble(path) if bare else path
    content = bytearray(path.read_bytes())
    start = 0 if bare else 132
    content[start + at : start + at + len(junk)] = junk
    path.write_bytes(bytes(content[: len(content) - lost] if lost < 200 else content))
    with warnings.catch_warnings(record=True):  # pydicom's own, of values that are none
        warnings.simplefilter("always")
        found = outcome(path)
    assert found == "(16, 16)" or (path.name in found and "\n" not in found)


def outcome(path: Path) -> str:
    """The picture's shape, or the line that refuses it."""
    try:
        return str(prepared(path, size=16).shape)
    except ImageError as error:
        return str(error)
