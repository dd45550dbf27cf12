"""Slices of a NIfTI volume along anatomical planes, as 8-bit levels.

The header says how the array lies, and the array is turned to RAS+ along its own axes, so that no voxel is resampled:
a slice is one layer of voxels. Only where its voxels are not square is it brought to square ones of the finer size, by
Pillow's LANCZOS on float32. Row 0 is anterior in an axial slice and superior in the others; column 0 is the subject's
left, and posterior in a sagittal slice.

All slices of a volume share black and white: two values that are stated, or two percentiles of all its voxels. Of all,
not of those that are not 0: the background of a scan is 0 where it was stripped, that of a generated volume seldom is,
and percentiles of unlike parts would make unlike pictures of equal heads.

Refuses what `ldbench.data.prepare.pixels.nifti` refuses, and a volume that lies so obliquely that its axes have no
names.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ldbench.data.prepare.pixels.grey import stated_window
from ldbench.data.prepare.pixels.nifti import open_volume, read_header
from ldbench.data.volumes.cut import PERCENTILES, Cut, Plane
from ldbench.errors import FaultyImageError, ImageError

_AXIS = {"sagittal": 0, "coronal": 1, "axial": 2}  # of RAS+: the one that leads from slice to slice
_MOST_OBLIQUE = 30.0  # degrees, as `ldbench data prepare` has it: from 45 on another axis is the nearer one
_EVEN = 0.01  # sides of a voxel that differ by less are equal


@dataclass(frozen=True)
class Lie:
    """How a volume's array lies: `axes` lead to the named directions ("LAS"); `shape` and `sizes` (mm) are those along
    the axes of RAS+, to which `turn`, nibabel's orientation, brings it."""

    axes: str
    turn: NDArray[np.float64]
    shape: tuple[int, int, int]
    sizes: tuple[float, float, float]

    @property
    def extent(self) -> tuple[float, ...]:
        """How far the volume reaches to the right, to the front and upward, in mm."""
        return tuple(count * size for count, size in zip(self.shape, self.sizes, strict=True))

    def depth(self, plane: Plane) -> int:
        """How many slices it has along a plane."""
        return self.shape[_AXIS[plane]]

    def size(self, plane: Plane) -> tuple[int, int]:
        """Height and width of a slice, of square pixels."""
        across, along = (axis for axis in range(3) if axis != _AXIS[plane])
        spacing = self.sizes[along], self.sizes[across]
        counts = self.shape[along], self.shape[across]
        finer = min(spacing)
        if max(spacing) <= finer * (1 + _EVEN):
            return counts
        return round(counts[0] * spacing[0] / finer), round(counts[1] * spacing[1] / finer)


def lie_of(path: Path, cut: Cut) -> Lie:
    """How the volume of a file lies, by its header alone. Raises `ImageError`, also for fewer slices than are cut."""
    lie = _lie(path, *_told(path))
    for plane in cut.planes:
        indices = cut.indices(lie.depth(plane))
        if len(set(indices)) < cut.count:
            raise ImageError(
                f"{path}: expected {cut.count} {plane} slices between {cut.low:g} and {cut.high:g} % of its extent, "
                f"got {len(set(indices))}; lower --slices"
            )
    return lie


def slices_of(path: Path, cut: Cut) -> tuple[Lie, dict[Plane, list[NDArray[np.uint8]]]]:
    """The slices of each plane, `(H, W)` levels; how the volume lies. Raises `ImageError` as `open_volume` does, and
    for one without contrast whose window is not stated."""
    volume = open_volume(path)
    lie = _lie(path, volume.stored.shape, volume.affine)
    turned = nib.orientations.apply_orientation(volume.voxels(...), lie.turn)
    window = stated_window(cut.window) or _percentiles(path, turned)
    return lie, {
        plane: [
            _levels(turned.take(index, _AXIS[plane]).T[::-1], window, lie.size(plane))
            for index in cut.indices(lie.depth(plane))
        ]
        for plane in cut.planes
    }


def _told(path: Path) -> tuple[tuple[int, int, int], NDArray[np.float64]]:
    try:
        return read_header(path)
    except FaultyImageError as error:
        if error.rule != "orientation unknown":
            raise
        raise ImageError(
            f"{path}: expected a qform or sform, got neither, so its planes are unknown; save it with its affine"
        ) from error


def _lie(path: Path, shape: tuple[int, ...], affine: NDArray[np.float64]) -> Lie:
    oblique = float(np.degrees(nib.affines.obliquity(affine).max()))
    if oblique > _MOST_OBLIQUE:
        raise ImageError(
            f"{path}: expected axes within {_MOST_OBLIQUE:g} degrees of right, front and up, got {oblique:.1f}; "
            "resample it to straight ones"
        )
    turn, sizes = nib.orientations.io_orientation(affine), nib.affines.voxel_sizes(affine)
    of_axis = [int(np.flatnonzero(turn[:, 0] == axis)[0]) for axis in range(3)]
    x, y, z = of_axis
    return Lie(
        "".join(nib.orientations.aff2axcodes(affine)), turn, (int(shape[x]), int(shape[y]), int(shape[z])),
        (float(sizes[x]), float(sizes[y]), float(sizes[z])),
    )


def _percentiles(path: Path, voxels: NDArray[np.float32]) -> tuple[float, float]:
    low, high = (float(value) for value in np.percentile(voxels, PERCENTILES))
    if not high > low:
        raise ImageError(
            f"{path}: expected a volume with contrast, got {low:g} nearly everywhere; leave it out, or state black and "
            "white with --window LOW,HIGH"
        )
    return low, high


def _levels(
    picture: NDArray[np.float32], window: tuple[float, float], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """A slice `(H, W)` between black and white as levels of `size` (height, width)."""
    low, high = map(np.float32, window)
    grey = np.clip((picture - low) / (high - low), 0, 1)
    if grey.shape != size:
        resized = Image.fromarray(np.ascontiguousarray(grey)).resize(size[::-1], Image.Resampling.LANCZOS)
        grey = np.clip(np.asarray(resized, dtype=np.float32), 0, 1)
    levels: NDArray[np.uint8] = np.floor(grey * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    return levels
