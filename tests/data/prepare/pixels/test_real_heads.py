"""Real heads, where somebody has them: one man with his skull and without, and the mean of many heads.

Colin27 (`ch2.nii.gz`, `ch2bet.nii.gz`) comes with the Debian package mricron-data, the mean head with the Python
package pydeface; neither ships with ldbench. `LDBENCH_REAL_HEADS` names a folder that holds them; without it the places
of the packages are looked at.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.processing import resample_from_to

from ldbench.data.prepare.observations import observing
from ldbench.data.prepare.pixels.alignment import aligned
from ldbench.data.prepare.pixels.nifti import Volume, open_volume
from ldbench.data.prepare.pixels.slice_depth import find_brain

pytestmark = pytest.mark.slow

DEPTH = 0.44
TEMPLATES = Path("/usr/share/mricron/templates")


def real(name: str) -> Volume:
    """A head by its file's name, or a skip that says where it would be looked for."""
    package = find_spec("pydeface")
    folders = [Path(os.environ["LDBENCH_REAL_HEADS"])] if "LDBENCH_REAL_HEADS" in os.environ else [TEMPLATES]
    folders += [Path(package.origin).parent / "data"] if package and package.origin else []
    for folder in folders:
        if (folder / name).is_file():
            return open_volume(folder / name)
    pytest.skip(f"no {name}: install mricron-data and pydeface, or set LDBENCH_REAL_HEADS to a folder that holds it")


def test_a_man_is_cut_at_one_height_with_his_skull_and_without() -> None:
    with_skull, without = find_brain(real("ch2.nii.gz")), find_brain(real("ch2bet.nii.gz"))
    assert with_skull.bone is not None
    assert without.bone is None
    assert abs(with_skull.plane(DEPTH) - without.plane(DEPTH)) < 3
    assert without.plane(DEPTH) == pytest.approx(17.9, abs=0.1)  # as it was before skulls were looked for


def test_a_man_is_aligned_alike_with_his_skull_and_without() -> None:
    pytest.importorskip("SimpleITK")
    scanner = [real("ch2.nii.gz"), real("ch2bet.nii.gz")]
    affines = [aligned(volume, find_brain(volume)).affine for volume in scanner]
    places = np.array([[0, -10, 20], [40, -30, 20], [0, 40, 20]])
    one, two = (
        nib.affines.apply_affine(volume.affine @ np.linalg.inv(affine), places)
        for volume, affine in zip(scanner, affines, strict=True)
    )
    assert np.linalg.norm(one - two, axis=1).max() < 3


def test_the_mean_head_settles_at_its_own_scale_and_is_cut_as_its_brain_is() -> None:
    pytest.importorskip("SimpleITK")
    from nilearn.datasets import load_mni152_brain_mask
    from scipy import ndimage
    from skimage.segmentation import watershed

    volume = real("mean_reg2mean.nii.gz")
    brain = find_brain(volume)
    with observing() as seen:
        to_mni = aligned(volume, brain).affine @ np.linalg.inv(volume.affine)
    assert 1.15 < float(seen.values["alignment_scale"]) < 1.25  # it once shrank to 0.91
    mask = load_mni152_brain_mask(resolution=1)
    template = nib.Nifti1Image(np.asarray(mask.dataobj, dtype=np.float32), np.linalg.inv(to_mni) @ mask.affine)
    inside = np.asarray(resample_from_to(template, (volume.stored.shape, volume.affine), order=1).dataobj) > 0.5
    voxels = volume.voxels(...)
    # a brain-only version that owes the search for the depth nothing: the template's mask, grown to the dark ring
    markers = 1 * (ndimage.distance_transform_edt(inside) > 8) + 2 * (ndimage.distance_transform_edt(~inside) > 16)
    piece = watershed(-ndimage.gaussian_filter(voxels, 1.5), markers) == 1
    core = ndimage.distance_transform_edt(piece) > 3
    opened = piece & (ndimage.distance_transform_edt(~core) <= 3)
    alone = find_brain(Volume(volume.path, np.where(opened, voxels, 0), 1.0, 0.0, volume.affine))
    assert abs(alone.plane(DEPTH) - brain.plane(DEPTH)) < 3
