"""A head that was moved by a known affine comes back to where the template lies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from ldbench.data.prepare.pixels import alignment
from ldbench.data.prepare.pixels.alignment import aligned
from ldbench.data.prepare.pixels.nifti import open_volume
from ldbench.data.prepare.pixels.volumes import Preprocessing, axial_slice, head_height
from ldbench.errors import FaultyImageError
from tests.stand_ins.volumes import Head, template_head, write_volume

pytest.importorskip("SimpleITK")

MOVES = {
    "not moved": ((0, 0, 0), (1, 1, 1), (0, 0, 0)),
    "turned and larger": ((8, -5, 6), (1.08, 0.94, 1.05), (12, -20, 60)),
    "turned and smaller": ((-12, 6, -9), (0.92, 0.95, 0.9), (-30, 40, -100)),
}


def moved(head: Head, name: str) -> tuple[Head, NDArray[np.float64]]:
    """The head elsewhere, and the affine that took it there."""
    degrees, scales, shift = MOVES[name]
    x, y, z = np.radians(degrees)
    move = nib.affines.from_matvec(nib.eulerangles.euler2mat(z, y, x) @ np.diag(scales), shift)
    return replace(head, affine=move @ head.affine), move


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "scalp"), [("not moved", True), ("turned and larger", True), ("turned and smaller", False)]
)
def test_a_known_affine_is_undone_to_within_a_voxel_of_the_search(name: str, scalp: bool, tmp_path: Path) -> None:
    """Over the brain's voxels; seen: 0.6 mm on average and 1.5 mm at most, the search's voxels being 3 mm."""
    head, brain = template_head(3.0, scalp=scalp), template_head(6.0, scalp=False)
    elsewhere, move = moved(head, name)
    volume = open_volume(write_volume(tmp_path / "a.nii", elsewhere, axes="PSR"))
    found = aligned(volume, head_height(volume, 0.0))
    places = nib.affines.apply_affine(brain.affine, np.argwhere(brain.voxels > 80))
    error = nib.affines.apply_affine(found.affine @ np.linalg.inv(volume.affine) @ move, places) - places
    distance = np.linalg.norm(error, axis=1)
    assert distance.mean() < 1.0
    assert distance.max() < 2.5
    if name == "not moved":
        assert aligned(volume, head_height(volume, 0.0)).affine.tolist() == found.affine.tolist()


@pytest.mark.slow
def test_an_aligned_slice_and_its_mask_are_those_of_the_head_where_the_template_lies(tmp_path: Path) -> None:
    head, brain = template_head(3.0), template_head(3.0, scalp=False)
    inside = replace(brain, voxels=(brain.voxels > 80).astype(np.float32))
    for name, where in (("a", "not moved"), ("b", "turned and larger")):
        write_volume(tmp_path / f"{name}.nii", moved(head, where)[0])
        write_volume(tmp_path / f"{name}_brainmask.nii", moved(inside, where)[0], axes="ASL")
    stated = Preprocessing(size=64, plane="world", z=20.0, skull="mask")
    expected = axial_slice(tmp_path / "a.nii", stated)
    actual = axial_slice(tmp_path / "b.nii", replace(stated, align="mni152"))
    assert np.corrcoef(actual.ravel(), expected.ravel())[0, 1] > 0.97
    assert ((actual > 0) != (expected > 0)).mean() < 0.03
    assert replace(stated, align="mni152").settings()["alignment"] == stated.settings()["alignment"]


def test_what_no_head_can_be_aligned_by_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = open_volume(write_volume(tmp_path / "a.nii", template_head(6.0)))
    for wrong in (np.diag([3.0, 1, 1, 1]), nib.affines.from_matvec(nib.eulerangles.euler2mat(x=2.0))):
        monkeypatch.setattr(alignment, "_registered", lambda fixed, moving, wrong=wrong: wrong)
        with pytest.raises(FaultyImageError, match=r"a\.nii: expected an alignment with scales") as caught:
            aligned(volume, 80.0)
        assert caught.value.rule == "alignment"
