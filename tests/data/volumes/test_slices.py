"""Slices of volumes: where they are, how they lie, and what is black and white."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from ldbench.data.volumes.cut import PLANES, Cut
from ldbench.data.volumes.slices import lie_of, slices_of
from ldbench.errors import ImageError
from tests.data.volumes.small_volumes import write

SHAPE = (5, 6, 8)  # right, front, up
VOXELS = np.arange(240, dtype=np.uint8).reshape(SHAPE)  # each its own level
AS_IT_IS = Cut(PLANES, 2, window="0,255")


def test_a_slice_is_one_layer_that_lies_as_it_is_looked_at(tmp_path: Path) -> None:
    _, found = slices_of(write(tmp_path / "a.nii", VOXELS), AS_IT_IS)
    [axial, _], [coronal, _], [sagittal, _] = (found[plane] for plane in PLANES)
    below, behind, left = 2, 2, 1  # the first of two layers, at 35 % of 8, of 6 and of 5
    assert axial.shape == (6, 5)
    assert (axial[0, 0], axial[-1, 0], axial[0, -1]) == tuple(
        VOXELS[place] for place in ((0, 5, below), (0, 0, below), (4, 5, below))
    )
    assert (coronal[0, 0], coronal[-1, 0], coronal[0, -1]) == tuple(
        VOXELS[place] for place in ((0, behind, 7), (0, behind, 0), (4, behind, 7))
    )
    assert (sagittal[0, 0], sagittal[-1, 0], sagittal[0, -1]) == tuple(
        VOXELS[place] for place in ((left, 0, 7), (left, 0, 0), (left, 5, 7))
    )


@pytest.mark.parametrize("axes", ["LPS", "SRA", "PIL", "ASR"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_how_the_array_lies_changes_no_slice(axes: str, suffix: str, tmp_path: Path) -> None:
    sizes = (1.0, 1.5, 2.5)
    lie, expected = slices_of(write(tmp_path / "a.nii", VOXELS, sizes=sizes), AS_IT_IS)
    turned = write(tmp_path / f"b{suffix}", VOXELS, axes, sizes)
    other, found = slices_of(turned, AS_IT_IS)
    assert (other.axes, other.shape, other.sizes, other.extent) == (axes, SHAPE, sizes, lie.extent)
    for plane in PLANES:
        assert np.array_equal(found[plane], expected[plane])


@pytest.mark.parametrize("depth", [1, 7, 40, 181])
def test_as_many_slices_as_layers_are_all_of_them(depth: int) -> None:
    assert Cut(("axial",), depth, 0, 100).indices(depth) == list(range(depth))
    assert Cut(("axial",), 40, 30, 70).indices(100) == list(range(30, 70))


def test_slices_lie_evenly_at_the_same_share_of_any_depth() -> None:
    cut = Cut(("axial",))
    for depth in (60, 182, 500):
        places = (np.array(cut.indices(depth)) + 0.5) / depth
        assert np.abs(places - (0.2 + 0.6 * (np.arange(16) + 0.5) / 16)).max() <= 0.5 / depth + 1e-9


def test_voxels_that_are_not_square_are_made_so(tmp_path: Path) -> None:
    ramp = np.broadcast_to(np.linspace(0, 255, 8), SHAPE).astype(np.float32)  # upward
    path = write(tmp_path / "a.nii", ramp, sizes=(1.0, 1.0, 3.0))
    lie, found = slices_of(path, AS_IT_IS)
    shapes = {plane: found[plane][0].shape for plane in PLANES}
    assert shapes == {"axial": (6, 5), "coronal": (24, 5), "sagittal": (24, 6)}
    assert {plane: lie_of(path, AS_IT_IS).size(plane) for plane in PLANES} == shapes
    along = found["coronal"][0][:, 2].astype(float)
    inner = slice(4, -4)  # at the ends there is nothing to interpolate to
    assert along[inner] == pytest.approx((255 * (23 - np.arange(24)) / 3 / 7 - 255 / 7 / 3)[inner], abs=3)
    assert lie.extent == (5, 6, 24)


def test_black_and_white_are_percentiles_of_the_whole_volume_or_are_stated(tmp_path: Path) -> None:
    voxels = np.random.default_rng(0).normal(1000, 100, (20, 20, 20)).astype(np.float32)
    path = write(tmp_path / "a.nii", voxels)
    for window, (low, high) in (("percentile", np.percentile(voxels, (0.5, 99.5))), ("900,1200", (900, 1200))):
        _, found = slices_of(path, replace(AS_IT_IS, window=window))
        expected = 255 * np.clip((voxels[:, :, 7].T[::-1] - low) / (high - low), 0, 1)
        assert np.abs(found["axial"][0] - expected).max() <= 0.51


def test_what_is_no_volume_that_can_be_cut_is_one_line(tmp_path: Path) -> None:
    turn = np.eye(4)
    turn[:3, :3] = nib.eulerangles.euler2mat(x=np.radians(40))
    nib.save(nib.Nifti1Image(VOXELS, turn), tmp_path / "oblique.nii")
    nib.save(nib.Nifti1Image(VOXELS, None), tmp_path / "untold.nii")
    nib.save(nib.Nifti1Image(np.stack([VOXELS] * 2, -1), np.eye(4)), tmp_path / "series.nii")
    write(tmp_path / "few.nii", VOXELS)
    for name, cut, said in (
        ("oblique", AS_IT_IS, "expected axes within 30 degrees of right, front and up, got 40.0; resample"),
        ("untold", AS_IT_IS, "expected a qform or sform, got neither, so its planes are unknown; save it with its"),
        ("series", AS_IT_IS, "expected one volume of three dimensions, got (5, 6, 8, 2); extract the one"),
        ("few", Cut(("coronal",)), "expected 16 coronal slices between 20 and 80 % of its extent, got 4; lower --s"),
    ):
        path = tmp_path / f"{name}.nii"
        with pytest.raises(ImageError) as refused:
            lie_of(path, cut)
        assert str(refused.value).startswith(f"{path}: {said}")
        assert "\n" not in str(refused.value)
    flat = write(tmp_path / "flat.nii", np.ones(SHAPE, np.uint8))
    with pytest.raises(ImageError, match=r"with contrast, got 1 nearly everywhere; .* --window LOW,HIGH"):
        slices_of(flat, replace(AS_IT_IS, window="percentile"))
    assert slices_of(flat, AS_IT_IS)[1]["axial"][0].max() == 1
