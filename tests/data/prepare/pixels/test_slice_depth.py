"""The brain's top and breadth: the same with a skull and without, wherever the head lies and however its array does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from ldbench.data.prepare.pixels.nifti import Volume, open_volume
from ldbench.data.prepare.pixels.slice_depth import Brain, find_brain
from ldbench.errors import ImageError
from tests.stand_ins.volumes import Head, individual, template_head, turned, write_volume

DEPTH = 0.44
VOXEL = 3.0


def ellipsoid(shape: tuple[int, int, int], radii: tuple[float, float, float]) -> NDArray[np.float64]:
    """How far each voxel lies from the middle, 1 on the ellipsoid's surface."""
    middles = [(side - 1) / 2 for side in shape]
    grid = np.indices(shape, dtype=np.float64)
    terms = list(zip(grid, middles, radii, strict=True))
    return np.sqrt(sum(((axis - middle) * VOXEL / radius) ** 2 for axis, middle, radius in terms))


def phantom(skull: bool, scalp: float = 700.0, *, thickness: float = 6.0, bone: float = 8.0) -> Volume:
    """An ellipsoid of a brain, 132 x 170 x 130 mm, and around it, where asked for, bone and scalp of so many mm."""
    shape, brain = (64, 76, 64), (66.0, 85.0, 65.0)
    voxels = np.where(ellipsoid(shape, brain) < 1, 800.0, 0.0)
    if skull:
        inner = ellipsoid(shape, (brain[0] + bone, brain[1] + bone, brain[2] + bone))
        thick = bone + thickness
        outer = ellipsoid(shape, (brain[0] + thick, brain[1] + thick, brain[2] + thick))
        voxels += np.where((inner >= 1) & (outer < 1), scalp, 0)
        voxels += np.where((ellipsoid(shape, brain) >= 1) & (inner < 1), 60.0, 0)
    affine = np.diag([VOXEL, VOXEL, VOXEL, 1.0])
    affine[:3, 3] = [-(side - 1) / 2 * VOXEL for side in shape]
    return Volume(Path("phantom.nii"), ndimage.gaussian_filter(voxels, 0.6).astype(np.float32), 1.0, 0.0, affine)


@pytest.fixture(scope="module")
def bare() -> Brain:
    """Of a brain without its skull."""
    return find_brain(phantom(False))


@pytest.mark.parametrize(
    ("scalp", "thickness", "bone"), [(700.0, 6.0, 8.0), (2500.0, 5.0, 6.5), (500.0, 9.0, 10.0)]
)
def test_a_skull_changes_neither_top_nor_breadth(bare: Brain, scalp: float, thickness: float, bone: float) -> None:
    covered = find_brain(phantom(True, scalp, thickness=thickness, bone=bone))
    assert bare.bone is None
    assert covered.bone is not None
    assert thickness < covered.bone < thickness + bone + VOXEL
    assert abs(covered.top - bare.top) <= VOXEL
    assert abs(covered.breadth - bare.breadth) <= 2 * VOXEL
    assert abs(covered.plane(DEPTH) - bare.plane(DEPTH)) <= 3.0


def test_the_piece_that_is_found_is_the_brain_with_its_furrows_and_ventricles() -> None:
    head = phantom(True)
    brain = ellipsoid((64, 76, 64), (66.0, 85.0, 65.0)) < 1
    hollow = ellipsoid((64, 76, 64), (15.0, 30.0, 12.0)) < 1
    found = find_brain(replace(head, stored=np.where(hollow, 50, head.stored)))
    held = found.holds(np.moveaxis(np.indices(brain.shape, dtype=np.float64), 0, -1))
    assert (held & brain).sum() > 0.9 * brain.sum()
    assert (held & ~brain).sum() < 0.03 * brain.sum()
    assert held[hollow].all()
    assert Brain(80.0, 140.0).holds(np.zeros((2, 3))).all()  # without a skull, everything


def test_the_plane_lies_where_the_templates_ventricles_are_with_a_scalp_and_without(tmp_path: Path) -> None:
    heights = [
        find_brain(open_volume(write_volume(tmp_path / "a.nii", template_head(VOXEL, scalp=scalp)))).plane(DEPTH)
        for scalp in (True, False)
    ]
    assert all(13 < z < 20 for z in heights)
    assert abs(heights[0] - heights[1]) < 3


@pytest.mark.slow
@pytest.mark.parametrize("axes", ["LAS", "PSR", "ASL", "SRP"])
def test_flipped_and_transposed_copies_give_the_same_brain(tmp_path: Path, axes: str) -> None:
    head = template_head(4.0)
    odd = Head(head.voxels[:-1, 1:-2], np.diag([1, 0.9, 1.1, 1]) @ head.affine)  # even and odd sides, uneven voxels
    one, two = (
        find_brain(open_volume(write_volume(tmp_path / name, odd, axes=order)))
        for name, order in (("a.nii", "RAS"), ("b.nii", axes))
    )
    assert (one.bone, two.bone) == (pytest.approx(two.bone), pytest.approx(one.bone))
    assert two.plane(DEPTH) == pytest.approx(one.plane(DEPTH), abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("scalp", [True, False])
def test_the_plane_follows_a_head_that_is_moved_scaled_or_nods(tmp_path: Path, scalp: bool) -> None:
    head = template_head(4.0, scalp=scalp)
    z = find_brain(open_volume(write_volume(tmp_path / "a.nii", head))).plane(DEPTH)
    affine = head.affine.copy()
    affine[2, 3] -= 300
    moved = open_volume(write_volume(tmp_path / "b.nii", replace(head, affine=affine), axes="ASL"))
    assert find_brain(moved).plane(DEPTH) == pytest.approx(z - 300, abs=0.01)
    nodding = open_volume(write_volume(tmp_path / "c.nii", turned(head, 10)))
    assert abs(find_brain(nodding).plane(DEPTH) - z) < 10
    noisy = open_volume(write_volume(tmp_path / "d.nii", individual(head, 1)))
    assert abs(find_brain(noisy).plane(DEPTH) - z) < 8


def test_a_skull_without_a_brain_is_refused() -> None:
    empty = phantom(True)
    lump, brain = (ellipsoid((64, 76, 64), radii) < 1 for radii in ((20.0, 20.0, 20.0), (66.0, 85.0, 65.0)))
    with pytest.raises(ImageError, match=r"phantom\.nii: expected .* brain in its skull"):
        find_brain(replace(empty, stored=np.where(brain & ~lump, 0, empty.stored)))
