"""A head that was moved by a known affine comes back to where the template lies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray

from ldbench.data.prepare.observations import observing
from ldbench.data.prepare.pixels import alignment
from ldbench.data.prepare.pixels.alignment import Optimum, aligned
from ldbench.data.prepare.pixels.nifti import Volume, open_volume
from ldbench.data.prepare.pixels.slice_depth import Brain, find_brain
from ldbench.data.prepare.pixels.volumes import Preprocessing, axial_slice
from ldbench.errors import FaultyImageError
from tests.stand_ins.volumes import Head, template_head, turned, write_volume

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
    found = aligned(volume, find_brain(volume))
    places = nib.affines.apply_affine(brain.affine, np.argwhere(brain.voxels > 80))
    error = nib.affines.apply_affine(found.affine @ np.linalg.inv(volume.affine) @ move, places) - places
    distance = np.linalg.norm(error, axis=1)
    assert distance.mean() < 1.0
    assert distance.max() < 2.5
    if name == "not moved":
        assert aligned(volume, find_brain(volume)).affine.tolist() == found.affine.tolist()


@pytest.mark.slow
def test_an_aligned_slice_and_its_mask_are_those_of_the_head_where_the_template_lies(tmp_path: Path) -> None:
    head, brain = template_head(3.0), template_head(3.0, scalp=False)
    inside = replace(brain, voxels=(brain.voxels > 80).astype(np.float32))
    for name, where in (("a", "not moved"), ("b", "turned and larger")):
        write_volume(tmp_path / f"{name}.nii", moved(head, where)[0])
        write_volume(tmp_path / f"{name}_brainmask.nii", moved(inside, where)[0], axes="ASL")
    stated = Preprocessing(size=64, plane="world", z=20.0, skull="mask", align="before")
    expected = axial_slice(tmp_path / "a.nii", stated)
    actual = axial_slice(tmp_path / "b.nii", replace(stated, align="mni152"))
    assert np.corrcoef(actual.ravel(), expected.ravel())[0, 1] > 0.97
    assert ((actual > 0) != (expected > 0)).mean() < 0.03
    assert replace(stated, align="mni152").settings()["alignment"] == stated.settings()["alignment"]


def ends(monkeypatch: pytest.MonkeyPatch, *optima: tuple[float, NDArray[np.float64]]) -> None:
    """Make the searches end there, one after the other."""
    following = iter([Optimum(information, to_mni) for information, to_mni in optima])
    monkeypatch.setattr(alignment, "_registered", lambda fixed, moving, scale: next(following))


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Volume:
    return open_volume(write_volume(tmp_path_factory.mktemp("heads") / "a.nii", template_head(6.0)))


@pytest.mark.parametrize(
    "wrong",
    [
        np.diag([3.0, 1, 1, 1]), nib.affines.from_matvec(nib.eulerangles.euler2mat(x=2.0)),
        np.diag([0.9, 0.9, 0.9, 1]),  # a brain of 2.6 litres
    ],
)
def test_what_no_head_can_be_aligned_by_is_a_fault(
    volume: Volume, wrong: NDArray[np.float64], monkeypatch: pytest.MonkeyPatch
) -> None:
    ends(monkeypatch, (0.5, wrong), (0.4, np.eye(4)), (0.3, np.eye(4)))
    with pytest.raises(FaultyImageError, match=r"a\.nii: expected an alignment with scales") as caught:
        aligned(volume, Brain(80.0, 140.0))
    assert caught.value.rule == "alignment"


def test_the_optimum_with_most_information_is_kept_and_all_are_observed(
    volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = np.diag([1.1, 1.1, 1.1, 1])
    ends(monkeypatch, (0.3, np.diag([0.9, 0.9, 0.9, 1])), (0.5, best), (0.4, np.eye(4)))
    with observing() as seen:
        found = aligned(volume, Brain(80.0, 140.0))
    np.testing.assert_allclose(found.affine, best @ volume.affine)
    assert seen.values["alignment_information"] == 0.5
    assert seen.values["alignment_brain_cm3"] == round(1883 / 1.1**3)
    assert seen.values["alignment_others"] == "0.4000 at scale 1.000; 0.3000 at scale 0.900"


@pytest.mark.slow
@pytest.mark.parametrize("piece", [False, True], ids=["all", "brain"])
def test_negative_voxels_are_searched_as_they_were_above_zero(
    piece: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[NDArray[np.float32]] = []

    def optimum(fixed: nib.Nifti1Image, moving: nib.Nifti1Image, scale: float) -> Optimum:
        searched.append(np.asarray(moving.dataobj))
        return Optimum(1.0, np.eye(4))

    monkeypatch.setattr(alignment, "_registered", optimum)
    head = template_head(6.0)
    brain = Brain(80.0, 140.0)
    if piece:  # where the least voxel is 0
        places = tuple(np.arange(side) for side in head.voxels.shape)
        brain = replace(brain, piece=np.indices(head.voxels.shape)[0] < 20, places=places)
    for name, below in (("a", 0), ("b", 500)):
        lower = turned(replace(head, voxels=head.voxels - below), 15)
        aligned(open_volume(write_volume(tmp_path / f"{name}.nii", lower, kind=np.float32)), brain)
    assert searched[0].min() == 0
    np.testing.assert_allclose(searched[3], searched[0] - 500, atol=1e-2)


def test_two_optima_that_are_as_good_and_lie_apart_are_a_fault(
    volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    near, far = np.diag([1.01, 1, 1, 1]), np.diag([1.2, 1.2, 1.2, 1])
    ends(monkeypatch, (0.5, np.eye(4)), (0.499, near), (0.48, far))
    aligned(volume, Brain(80.0, 140.0))
    ends(monkeypatch, (0.5, np.eye(4)), (0.499, near), (0.495, far))
    with pytest.raises(FaultyImageError, match="expected one best alignment, got two") as caught:
        aligned(volume, Brain(80.0, 140.0))
    assert caught.value.rule == "alignment unsettled"
