"""NIfTI files of one plane: refused by the rules of volumes, and read where they say what they are."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from ldbench.data.prepare.pixels.nifti import open_volume, read_plane
from ldbench.errors import FaultyImageError, ImageError
from tests.stand_ins.volumes import template_head

RAMP = np.linspace(0, 900, 40 * 60).reshape(40, 60).astype(np.int16)


def plane(path: Path, values: Any = RAMP, affine: Any = None, codes: tuple[int, int] = (1, 1)) -> Path:
    affine = np.eye(4) if affine is None else affine
    image = nib.Nifti1Image(values, affine, dtype=values.dtype)
    image.set_sform(affine, codes[0])
    image.set_qform(affine, codes[1])
    nib.save(image, path)
    return path


def refused(path: Path, message: str, rule: str = "", **how: Any) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        read_plane(path, **how)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    if rule:
        assert isinstance(caught.value, FaultyImageError)
        assert caught.value.rule == rule


def test_without_an_orientation_it_is_refused_unless_its_axes_are_stated(tmp_path: Path) -> None:
    expected = read_plane(plane(tmp_path / "a.nii"))
    path = plane(tmp_path / "b.nii", RAMP[::-1].copy(), codes=(0, 0))
    refused(path, "expected a qform or sform, got neither", "orientation unknown")
    stated = read_plane(path, untold_axes="LAS")
    assert stated is not None
    assert expected is not None
    np.testing.assert_array_equal(stated.values, expected.values)


def test_a_failing_checksum_and_a_torn_end_are_damage(tmp_path: Path) -> None:
    path = plane(tmp_path / "a.nii.gz")
    whole = path.read_bytes()
    path.write_bytes(whole[:-8] + b"\0\0\0\0" + whole[-4:])
    refused(path, "CRC")
    path.write_bytes(whole[: len(whole) // 2])
    refused(path, "can't read")
    path.write_bytes(gzip.compress(gzip.decompress(whole)[:-500]))
    refused(path, r"expected \d+ bytes")


def test_colour_complex_and_several_planes_are_refused_by_rule(tmp_path: Path) -> None:
    rgb = np.zeros((40, 60, 1), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    refused(plane(tmp_path / "rgb.nii", rgb), "expected grey voxels", "colour")
    refused(plane(tmp_path / "c.nii", RAMP[:, :, None].astype(np.complex64)), "expected grey voxels", "colour")
    refused(plane(tmp_path / "s.nii", np.zeros((40, 60, 1, 3), np.int16)), "expected one volume", "several volumes")


def test_planes_along_other_axes_sheared_or_oblique_ones(tmp_path: Path) -> None:
    coronal = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    refused(plane(tmp_path / "c.nii", RAMP[:, :, None], coronal), "expected an axial plane", "not axial")
    refused(plane(tmp_path / "s.nii", RAMP[None]), "expected an axial plane", "not axial")
    sheared = np.eye(4)
    sheared[0, 1] = 0.4
    refused(plane(tmp_path / "h.nii", RAMP, sheared, codes=(1, 0)), "sheared", "broken header")
    tilted = nib.affines.from_matvec(nib.eulerangles.euler2mat(x=np.radians(20)))
    path = plane(tmp_path / "t.nii", RAMP[:, :, None], tilted)
    assert read_plane(path) is not None
    refused(path, "axes within 15 degrees of RAS, got 20.0", "oblique", oblique_degrees=15.0)
    refused(plane(tmp_path / "z.nii", RAMP, np.diag([1, 1e-7, 1, 1]), codes=(1, 0)), "expected pixels", "broken header")


def test_the_plane_is_read_whichever_axis_of_the_array_is_its_one_slice(tmp_path: Path) -> None:
    expected = read_plane(plane(tmp_path / "a.nii", RAMP[:, :, None]))
    slices_first = np.array([[0.0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
    found = read_plane(plane(tmp_path / "b.nii", RAMP[None], slices_first))
    assert expected is not None
    assert found is not None
    np.testing.assert_array_equal(found.values, expected.values)


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1.0), ("micron", 1000.0), ("meter", 0.001), ("unknown", 1.0)])
def test_a_volumes_unit_is_honoured(tmp_path: Path, unit: str, factor: float) -> None:
    head = template_head(8.0)
    affine = np.diag([factor, factor, factor, 1]) @ head.affine
    image = nib.Nifti1Image(head.voxels, affine)
    image.header.set_xyzt_units(unit)
    nib.save(image, tmp_path / "a.nii")
    np.testing.assert_allclose(open_volume(tmp_path / "a.nii").affine, head.affine, rtol=1e-5, atol=1e-4)


def test_a_volume_is_no_plane(tmp_path: Path) -> None:
    assert read_plane(plane(tmp_path / "a.nii", np.zeros((9, 9, 9), np.int16))) is None
