"""Slices of template heads: the same whatever the header, where they should be, and every broken file named."""

from __future__ import annotations

import gzip
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from ldbench.api import SourceImage
from ldbench.data.prepare.pixels.nifti import open_volume
from ldbench.data.prepare.pixels.volumes import Preprocessing, axial_slice
from ldbench.data.prepare.readers.adni1 import Adni1Reader
from ldbench.data.prepare.readers.from_folder import FolderReader
from ldbench.data.prepare.readers.oasis3 import Oasis3Reader
from ldbench.errors import ImageError, UsageError
from tests.stand_ins.volumes import Head, Transform, template_head, turned, write_image, write_volume

SETTINGS = Preprocessing(size=64)


@pytest.fixture(scope="module")
def head() -> Head:
    return template_head(4.0)


@pytest.fixture(scope="module")
def odd(head: Head) -> Head:
    """Even and odd sides, uneven voxels."""
    return Head(head.voxels[:-1, 1:-2], np.diag([1, 0.9, 1.1, 1]) @ head.affine)


@pytest.fixture(scope="module")
def odd_slice(odd: Head, tmp_path_factory: pytest.TempPathFactory) -> NDArray[np.float32]:
    return axial_slice(write_volume(tmp_path_factory.mktemp("odd") / "a.nii", odd), SETTINGS)


def refused(path: Path, message: str, settings: Preprocessing = SETTINGS) -> None:
    with pytest.raises(ImageError, match=message) as error:
        axial_slice(path, settings)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("axes", ["RAS", "LAS", "PSR", "ASL", "LPI", "SRP"])
@pytest.mark.parametrize("transform", ["sform", "qform", "both"])
def test_a_head_gives_the_same_slice_however_its_array_lies(
    tmp_path: Path, odd: Head, odd_slice: NDArray[np.float32], axes: str, transform: Transform
) -> None:
    actual = axial_slice(write_volume(tmp_path / "b.nii", odd, axes=axes, transform=transform), SETTINGS)
    np.testing.assert_allclose(actual, odd_slice, atol=1e-5)


def test_storage_does_not_matter_zipped_scaled_big_endian_or_with_a_fourth_dimension_of_one(
    tmp_path: Path, head: Head
) -> None:
    expected = axial_slice(write_volume(tmp_path / "a.nii", head, kind=np.float32), SETTINGS)
    scaled = write_volume(tmp_path / "b.nii.gz", head)
    assert nib.load(scaled).dataobj.slope not in (1.0, None)
    np.testing.assert_allclose(axial_slice(scaled, SETTINGS), expected, atol=1e-4)
    whole = write_volume(tmp_path / "c.nii", head, scaled=False)
    np.testing.assert_allclose(axial_slice(whole, SETTINGS), expected, atol=5e-3)  # integers from 0 to 800
    image = nib.Nifti1Image(head.voxels[..., None], head.affine, nib.Nifti1Header(endianness=">"))
    np.testing.assert_allclose(axial_slice(write_image(tmp_path / "d.nii", image), SETTINGS), expected, atol=1e-6)


def test_the_picture_is_upright_with_the_subjects_left_on_its_left(tmp_path: Path, head: Head) -> None:
    marked = head.voxels.copy()
    marked[:12, -12:] = 900  # anterior left, all heights below the top
    marked[:, :, -8:] = 0
    picture = axial_slice(write_volume(tmp_path / "a.nii", replace(head, voxels=marked), axes="PSR"), SETTINGS)
    quarters = [part.mean() for half in np.split(picture, 2) for part in np.split(half, 2, axis=1)]
    assert int(np.argmax(quarters)) == 0
    assert picture.dtype == np.float32
    assert picture.min() == 0
    assert picture.max() == 1


def test_an_oblique_volume_is_cut_along_world_axes_or_refused(tmp_path: Path, head: Head) -> None:
    world = replace(SETTINGS, plane="world", z=20.0)
    expected = axial_slice(write_volume(tmp_path / "a.nii", head), world)
    middle = head.affine @ [*((np.array(head.voxels.shape) - 1) / 2), 1]
    turn = nib.affines.from_matvec(nib.eulerangles.euler2mat(x=np.radians(20)))
    turn[:3, 3] = (middle - turn @ middle)[:3]
    wider = head.affine @ nib.affines.from_matvec(np.eye(3), [-7] * 3)
    grid = (tuple(np.array(head.voxels.shape) + 14), turn @ wider)
    image = nib.processing.resample_from_to(nib.Nifti1Image(head.voxels, head.affine), grid, order=1)
    path = write_image(tmp_path / "b.nii.gz", image)  # the same head, its grid turned
    actual = axial_slice(path, world)
    assert np.corrcoef(actual.ravel(), expected.ravel())[0, 1] > 0.97
    refused(path, "axes within 15 degrees of RAS, got 20.0", replace(world, oblique="refuse", oblique_degrees=15))


def test_in_mni152_the_field_of_view_does_not_shift_the_head(tmp_path: Path, head: Head) -> None:
    wider = Head(
        np.pad(head.voxels, ((9, 0), (0, 5), (0, 0))), head.affine @ nib.affines.from_matvec(np.eye(3), [-9, 0, 0])
    )
    paths = write_volume(tmp_path / "a.nii", head), write_volume(tmp_path / "b.nii", wider)
    there = replace(SETTINGS, plane="world", align="before")
    one, two = (axial_slice(path, there) for path in paths)
    np.testing.assert_allclose(one, two, atol=1e-5)
    across = (one * np.arange(64)).sum() / one.sum()
    assert across == pytest.approx(31.5, abs=0.5)  # the template is nearly symmetric about x = 0
    one, two = (axial_slice(path, replace(SETTINGS, plane="world")) for path in paths)
    assert np.abs(one - two).mean() > 0.05


def test_size_square_and_percentiles_do_what_they_say(tmp_path: Path, head: Head) -> None:
    path = write_volume(tmp_path / "a.nii", head)
    assert axial_slice(path, replace(SETTINGS, size=200)).shape == (200, 200)
    wide, narrow = (axial_slice(path, replace(SETTINGS, square=side)) for side in (512.0, 128.0))
    assert (wide > 0.1).mean() < 0.12 < 0.8 < (narrow > 0.1).mean()
    bright = axial_slice(path, replace(SETTINGS, high_percentile=50.0))
    assert (bright == 1).mean() > (axial_slice(path, SETTINGS) == 1).mean() + 0.1
    assert replace(SETTINGS, z=18.0).settings()["z"] == 18.0


def test_a_window_states_what_is_black_and_what_is_not_there_is_black_too(tmp_path: Path, head: Head) -> None:
    path = write_volume(tmp_path / "a.nii.gz", head)
    low, high = (float(edge) for edge in np.percentile(open_volume(path).voxels(...), (60, 99)))
    window = replace(SETTINGS, window=f"{low},{high}")
    found, usual = axial_slice(path, window), axial_slice(path, SETTINGS)
    assert np.corrcoef(found.ravel(), usual.ravel())[0, 1] > 0.8
    np.testing.assert_array_equal(axial_slice(path, replace(SETTINGS, window="percentile")), usual)
    lower = write_volume(tmp_path / "b.nii.gz", Head(head.voxels - 1000, head.affine), scaled=False)
    ct = axial_slice(lower, replace(window, window=f"{low - 1000},{high - 1000}"))
    np.testing.assert_allclose(ct, found, atol=0.02)
    brain = replace(template_head(4.0, scalp=False), voxels=(template_head(4.0, scalp=False).voxels > 80) * 1.0)
    write_volume(tmp_path / "b_brainmask.nii", Head(brain.voxels.astype(np.float32), brain.affine))
    stripped = axial_slice(lower, replace(window, window=f"{low - 1000},{high - 1000}", skull="mask"))
    assert (stripped[:4].max(), stripped[-4:].max()) == (0, 0)
    with pytest.raises(UsageError, match="expected window file, percentile or LOW,HIGH"):
        replace(SETTINGS, window="80,0")


def test_a_mask_beside_the_scan_strips_the_skull(tmp_path: Path, head: Head) -> None:
    brain = template_head(4.0, scalp=False)
    path = write_volume(tmp_path / "a.nii.gz", head, axes="PSR")
    strip = replace(SETTINGS, skull="mask")
    refused(path, r"expected its brain mask a_brainmask\.nii\.gz beside it", strip)
    write_volume(tmp_path / "a_brainmask.nii", replace(brain, voxels=(brain.voxels > 80).astype(np.float32)))
    with_skull, without = axial_slice(path, SETTINGS), axial_slice(path, strip)
    assert (without > 0.1).sum() < 0.85 * (with_skull > 0.1).sum()


@pytest.mark.parametrize("skull", ["keep", "mask"])
@pytest.mark.parametrize("below", [0.3, 1000.0])
def test_what_is_masked_or_outside_is_black_below_zero_too(
    tmp_path: Path, head: Head, skull: Literal["keep", "mask"], below: float
) -> None:
    """The same head less a number, so that 0 lies within its values or above them."""
    brain = template_head(4.0, scalp=False)
    inside = turned(replace(brain, voxels=(brain.voxels > 80).astype(np.float32)), 20)
    settings = replace(SETTINGS, skull=skull, plane="world", z=0.0, square=300.0)
    slices = []
    for name, less, scale in (("a", 0.0, 1.0), ("b", below, 1 / 800)):
        voxels = head.voxels * (scale if below < 1 else 1) - less
        write_volume(tmp_path / f"{name}_brainmask.nii", inside)
        path = write_volume(tmp_path / f"{name}.nii", turned(Head(voxels, head.affine), 20), kind=np.float32)
        slices.append(axial_slice(path, settings))
    usual, lower = slices
    assert (usual == 0).mean() > 0.3
    assert lower[usual == 0].max() < 1 / 510
    assert (lower[0, 0], lower[-1, -1]) == (0, 0)
    if skull == "keep":  # of a masked slice with negative values the least one is black, not 0
        np.testing.assert_allclose(lower, usual, atol=1e-3)
    assert np.corrcoef(lower.ravel(), usual.ravel())[0, 1] > 0.97


def test_readers_name_the_masks_that_a_scan_is_made_of(tmp_path: Path) -> None:
    strip = replace(SETTINGS, skull="mask", mask_suffix="_m")
    masks = (tmp_path / "a_m.nii.gz", tmp_path / "a_m.nii")
    for name, expected in (("a.nii.gz", masks), ("a.NII.GZ", masks), ("a.nii", masks), ("a.png", ())):
        scan = SourceImage(name, tmp_path / name, "s", name, {})
        folder = FolderReader(size=64, preprocessing=strip)
        assert folder.further_files(scan) == expected
        if expected:
            for reader in (Adni1Reader, Oasis3Reader):
                assert reader(preprocessing=strip).further_files(scan) == expected
                assert reader(preprocessing=SETTINGS).further_files(scan) == ()


def test_a_plane_outside_the_volume_and_a_slice_without_contrast_are_refused(tmp_path: Path, head: Head) -> None:
    path = write_volume(tmp_path / "a.nii", head)
    refused(path, "expected the plane z = 500.0 mm inside", replace(SETTINGS, plane="world", z=500.0))
    refused(path, "expected a slice with contrast, got 0 ", replace(SETTINGS, plane="world", z=104.0))
    refused(path, "expected contrast in the middle 16 mm", replace(SETTINGS, square=16.0, high_percentile=40.0))
    flat = Head(np.full_like(head.voxels, 5), head.affine)
    refused(write_volume(tmp_path / "b.nii", flat, scaled=False), "got a volume of one value")
    low = Head(head.voxels[:, :, :30], head.affine)
    refused(write_volume(tmp_path / "c.nii", low), "it reaches the volume's uppermost plane")
    small = Head(head.voxels, np.diag([0.4, 0.4, 0.4, 1]) @ head.affine)
    refused(write_volume(tmp_path / "d.nii", small), "expected air above a head|expected a head 80 to 230 mm broad")


def test_nan_voxels_are_refused_where_they_are_read(tmp_path: Path, head: Head) -> None:
    voxels: NDArray[np.float32] = head.voxels.copy()
    voxels[20, 20, :] = np.nan
    path = write_volume(tmp_path / "a.nii", Head(voxels, head.affine), kind=np.float32)
    refused(path, "expected finite voxels, got .* NaN or infinite")
    refused(path, "expected finite voxels", replace(SETTINGS, plane="world"))


def spoil(path: Path, at: int, content: bytes) -> None:
    data = bytearray(path.read_bytes())
    data[at : at + len(content)] = content
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "can't read"),
        (lambda path: path.write_bytes(path.read_bytes()[:4000]), "can't read"),
        (lambda path: path.write_bytes(b""), "can't read"),
        (lambda path: path.write_bytes(b"not a volume at all" * 100), "can't read"),
        (lambda path: path.unlink(), "no such file"),
        (lambda path: spoil(path, 70, b"\xff\x7f"), "can't read"),  # data type 32767
        (lambda path: spoil(path, 40, b"\x03\x00\xff\xff"), "can't read|expected sides"),  # a negative side
        (lambda path: spoil(path, 42, b"\xff\x7f\xff\x7f\xff\x7f"), "voxels, got"),  # 35 terabytes
        (lambda path: spoil(path, 280, b"\0" * 16), r"expected voxels of 0\.1 to 12 mm"),  # sform without its first row
        (lambda path: spoil(path, 280, b"\0\0\xc0\x7f"), "expected voxels .* got nan"),
    ],
)
def test_damage_to_a_plain_file_is_one_line(
    tmp_path: Path, head: Head, damage: Callable[[Path], object], message: str
) -> None:
    path = write_volume(tmp_path / "a.nii", head)
    damage(path)
    refused(path, message)


def test_damage_to_a_zipped_file_is_seen_wherever_it_is(tmp_path: Path, head: Head) -> None:
    path = write_volume(tmp_path / "a.nii.gz", head)
    whole = path.read_bytes()
    for end in (10, 300, len(whole) // 2, len(whole) - 4):
        path.write_bytes(whole[:end])
        refused(path, "can't read")
    path.write_bytes(whole[:-8] + b"\0\0\0\0" + whole[-4:])
    refused(path, "CRC")
    path.write_bytes(gzip.compress(gzip.decompress(whole)[:-5000]))
    refused(path, r"expected \d+ bytes for .* int16, got")


def test_other_kinds_of_volume_are_refused(tmp_path: Path, head: Head) -> None:
    several = nib.Nifti1Image(np.stack([head.voxels] * 2, -1), head.affine)
    refused(write_image(tmp_path / "a.nii.gz", several), r"one volume of three dimensions, got \(49, 58, 47, 2\)")
    complex_voxels = nib.Nifti1Image(head.voxels.astype(np.complex64), head.affine)
    refused(write_image(tmp_path / "b.nii", complex_voxels), "expected grey voxels, got complex64")
    for voxel in (0.01, 60.0):
        affine = np.diag([voxel / 4, 1, 1, 1]) @ head.affine
        refused(write_volume(tmp_path / "c.nii", replace(head, affine=affine)), "expected voxels of 0.1 to 12 mm")
    refused(tmp_path / "scan.mgz", re.escape("expected a .nii.gz or .nii file"))


def test_a_volume_without_orientation_is_refused_unless_its_axes_are_stated(tmp_path: Path, head: Head) -> None:
    expected = axial_slice(write_volume(tmp_path / "a.nii", head), SETTINGS)
    path = write_volume(tmp_path / "b.nii", head, axes="PSR", transform="none")
    refused(path, "expected a qform or sform, got neither")
    stated = axial_slice(path, replace(SETTINGS, untold_axes="PSR"))
    np.testing.assert_allclose(stated, expected, atol=1e-4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 4}, {"voxel": 0.0}, {"depth": 1.5}, {"low_percentile": 60.0, "high_percentile": 50.0},
        {"untold_axes": "RAT"}, {"untold_axes": "RLS"}, {"square": 1.0},
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"^(percentiles|" + "|".join(wrong) + r"): expected [^=]*, got [^=]*$"):
        Preprocessing(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wanted", [{"bias_correction": True}, {"align": "mni152"}])
def test_without_simpleitk_what_needs_it_is_one_line(
    wanted: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    with pytest.raises(UsageError, match=f"expected SimpleITK for {next(iter(wanted))}, got none; pip install"):
        Preprocessing(**wanted)  # type: ignore[arg-type]


@pytest.mark.slow
def test_bias_correction_takes_a_ramp_out(tmp_path: Path, head: Head) -> None:
    pytest.importorskip("SimpleITK")
    ramp = np.exp(np.linspace(-0.5, 0.5, head.voxels.shape[0]))[:, None, None]
    expected = axial_slice(write_volume(tmp_path / "a.nii", head), SETTINGS)
    path = write_volume(tmp_path / "b.nii", Head((head.voxels * ramp).astype(np.float32), head.affine), axes="PSR")
    before, after = (axial_slice(path, replace(SETTINGS, bias_correction=corrected)) for corrected in (False, True))
    assert np.abs(after - expected).mean() < 0.3 * np.abs(before - expected).mean()
