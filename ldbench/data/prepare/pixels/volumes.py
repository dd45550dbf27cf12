"""From a head's volume to one square axial slice through the lateral ventricles.

The steps, each a setting: orientation from the header, optional bias correction and affine alignment to MNI152
(`ldbench.data.prepare.pixels.alignment`), the plane's height, resampling to isotropic voxels on the RAS axes, optional
brain mask, intensity between two percentiles of the slice, a square of fixed width in mm, an antialiased resize. Row 0
is anterior; column 0 is the subject's left. What a mask takes away and what lies outside the volume is black, whatever
the unit: 0 is no black where the file has negative values.

The plane's height is found in one of two ways, and neither is a registration:
- `world`: at a stated z in mm. Right for volumes that are aligned to MNI152, here or before; z = 20 cuts the bodies of
  the lateral ventricles there. In a scanner's own coordinates z = 20 means nothing.
- `head`: below the brain's top by a stated part of the brain's breadth, whether the volume shows a skull or not
  (`ldbench.data.prepare.pixels.slice_depth`).

Nothing is aligned unless that is asked for. An empty slice or a head that can't be found is an `ImageError`, never a
black picture.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import nibabel as nib
import numpy as np
from nibabel.processing import resample_from_to
from numpy.typing import NDArray
from PIL import Image

from ldbench.api import ParameterValue
from ldbench.data.prepare.pixels.alignment import METHOD, MIDDLE_MM, aligned, simple_itk
from ldbench.data.prepare.pixels.grey import check_window, stated_window
from ldbench.data.prepare.pixels.nifti import Volume, check_oblique, open_volume
from ldbench.data.prepare.pixels.slice_depth import METHOD as HEAD_SEARCH
from ldbench.data.prepare.pixels.slice_depth import corners, find_brain
from ldbench.data.volumes.cut import SUFFIXES
from ldbench.errors import FaultyImageError, ImageError, UsageError

_ROUNDING = 1e-6
_BIAS_MM = 4.0
_BIAS_ITERATIONS = 15  # at each of N4's four levels
_MARGIN = 2  # voxels around the plane that interpolation may reach

Grid = tuple[tuple[int, int, int], NDArray[np.float64]]  # shape and affine of the plane that is wanted


@dataclass(frozen=True)
class Preprocessing:
    """How a volume becomes a picture. Lengths in mm; see the module for the two meanings of `plane`.

    `depth` is for `plane = "head"`: 0.44 of the brain's breadth gives z = 16 in ICBM152, whose top is at 76.
    `oblique = "refuse"` refuses a volume turned by more than `oblique_degrees` from the RAS axes; "resample" cuts any.
    `window` is "LOW,HIGH" for the values that become black and white, or "file" or "percentile", which are one: a NIfTI
    declares none.
    `skull = "mask"` makes everything outside a mask black: `<scan><mask_suffix>.nii[.gz]` beside the scan. `square` is
    the side of the field of view that is kept, cropped or padded with black around its middle; of a volume in MNI152
    around the middle of MNI152.
    `bias_correction` is N4 (Tustison et al. 2010) as SimpleITK has it. `untold_axes` is how the array of a file lies
    that has neither qform nor sform ("RAS", say). `align = "before"` says that the volumes lie in MNI152 already; it
    moves no voxel, and centres the picture there.
    """

    size: int = 512
    voxel: float = 1.0
    square: float = 256.0
    plane: Literal["head", "world"] = "head"
    depth: float = 0.44
    z: float = 20.0
    low_percentile: float = 0.5
    high_percentile: float = 99.5
    window: str = "file"
    oblique: Literal["resample", "refuse"] = "resample"
    oblique_degrees: float = 30.0
    untold_axes: str = ""
    skull: Literal["keep", "mask"] = "keep"
    mask_suffix: str = "_brainmask"
    bias_correction: bool = False
    align: Literal["none", "before", "mni152"] = "none"

    def __post_init__(self) -> None:
        """Raises UsageError for a setting out of range."""
        axes = sorted({"L": "R", "P": "A", "I": "S"}.get(axis, axis) for axis in self.untold_axes)
        low, high = self.low_percentile, self.high_percentile
        rules = (
            (8 <= self.size <= 4096, "size: expected 8 to 4096", self.size),
            (0.2 <= self.voxel <= 8, "voxel: expected 0.2 to 8 mm", self.voxel),
            (16 <= self.square <= 1024, "square: expected 16 to 1024 mm", self.square),
            (bool(self.mask_suffix), "mask_suffix: expected the end of a name", "none"),
            (0 < self.depth < 1, "depth: expected a number between 0 and 1", self.depth),
            (0 <= low < high <= 100, "percentiles: expected two rising from 0 to 100", f"{low:g} and {high:g}"),
            (
                axes in ([], ["A", "R", "S"]), "untold_axes: expected one of R or L, A or P, S or I each",
                self.untold_axes,
            ),
        )
        check_window("preprocessing", self.window)
        for holds, rule, got in rules:
            if not holds:
                raise UsageError(f"{rule}, got {got}")
        if self.bias_correction:
            simple_itk("bias_correction")
        if self.align == "mni152":
            simple_itk("align")

    def settings(self) -> Mapping[str, ParameterValue]:
        """Every field by its name, and what is fixed in the code, for the record."""
        fixed: dict[str, ParameterValue] = {
            "orientation": "RAS", "interpolation": "linear", "resize": "Pillow bicubic, antialiased",
            "percentiles_of": "the slice",
            "head_search": HEAD_SEARCH,
            "n4": f"{_BIAS_ITERATIONS} iterations at each of 4 levels, at {_BIAS_MM:g} mm", "alignment": METHOD,
        }
        return {**asdict(self), **fixed}

    def masks_of(self, path: Path) -> tuple[Path, ...]:
        """Where the mask of a volume may lie, the first one before the second; none where no mask is asked for."""
        if self.skull != "mask":
            return ()
        stem = re.sub(r"\.nii(\.gz)?$", "", path.name, flags=re.IGNORECASE)
        return tuple(path.with_name(stem + self.mask_suffix + ending) for ending in SUFFIXES)


def axial_slice(path: Path, settings: Preprocessing) -> NDArray[np.float32]:
    """The prepared slice, `(size, size) float32 in [0, 1]`, row 0 anterior, column 0 the subject's left.

    Raises ImageError: whatever `open_volume` refuses, NaN voxels in what is read, no head, a plane outside the volume,
    a slice without contrast, a missing mask.
    """
    volume = open_volume(path, untold_axes=settings.untold_axes)
    if settings.oblique == "refuse":
        check_oblique(path, volume.affine, settings.oblique_degrees)
    if settings.bias_correction:
        volume = _bias_corrected(volume)
    scanner = volume.affine
    if settings.align == "mni152":
        volume = aligned(volume, find_brain(volume))
    z = settings.z if settings.plane == "world" else find_brain(volume).plane(settings.depth)
    grid = _grid(volume, z, settings.voxel, None if settings.align == "none" else settings.square)
    plane = _cut(volume, grid, order=1)
    seen = ~np.isnan(plane)
    if settings.skull == "mask":
        mask = open_volume(_mask_of(path, settings))
        placed = replace(mask, affine=volume.affine @ np.linalg.inv(scanner) @ mask.affine)
        seen &= _cut(placed, grid, order=0) > 0
    return _picture(path, plane, seen, settings)


def _grid(volume: Volume, z: float, voxel: float, square: float | None) -> Grid:
    """The RAS grid at height z over the volume's bounding box, or, where a `square` is given because the volume lies in
    MNI152, over that many mm around the middle of MNI152: how a scanner's field of view lay must not shift the head.

    Raises ImageError for a z outside the volume.
    """
    low, high = corners(volume).min(0), corners(volume).max(0)
    if not low[2] <= z <= high[2]:
        raise ImageError(
            f"{volume.path}: expected the plane z = {z:.1f} mm inside the volume, got {low[2]:.1f} to {high[2]:.1f}; "
            "state another plane or leave it out"
        )
    if square is not None:
        low[:2], high[:2] = (np.array(MIDDLE_MM) + side * (square - voxel) / 2 for side in (-1, 1))
    steps = np.floor((high - low)[:2] / voxel + _ROUNDING)
    affine = np.diag([voxel, voxel, voxel, 1.0])
    affine[:2, 3] = (low + high)[:2] / 2 - steps * voxel / 2
    affine[2, 3] = z
    return (int(steps[0]) + 1, int(steps[1]) + 1, 1), affine


def _cut(volume: Volume, grid: Grid, order: int) -> NDArray[np.float32]:
    """The volume on a grid of one plane, (X, Y), NaN outside the volume; reads only the slab of voxels around it."""
    (across, along, _), affine = grid
    ends = nib.affines.apply_affine(affine, [(x, y, 0) for x in (0, across - 1) for y in (0, along - 1)])
    near = nib.affines.apply_affine(np.linalg.inv(volume.affine), ends)
    start = np.clip(np.floor(near.min(0)).astype(int) - _MARGIN, 0, np.array(volume.stored.shape) - 1)
    stop = np.clip(np.ceil(near.max(0)).astype(int) + _MARGIN + 1, start + 1, volume.stored.shape)
    slab = volume.voxels(*(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True)))
    placed = volume.affine @ nib.affines.from_matvec(np.eye(3), start)
    plane = resample_from_to(nib.Nifti1Image(slab, placed), grid, order=order, mode="constant", cval=np.nan)
    return np.asarray(plane.dataobj, dtype=np.float32)[:, :, 0]


def _picture(
    path: Path, plane: NDArray[np.float32], seen: NDArray[np.bool_], settings: Preprocessing
) -> NDArray[np.float32]:
    """The plane (X, Y) as levels, upright, in its square; black where it is not `seen`."""
    stated = stated_window(settings.window)
    percentiles = (settings.low_percentile, settings.high_percentile)
    low, high = _percentiles(plane, seen, percentiles) if stated is None else np.asarray(stated, plane.dtype)
    if not high > low:
        raise FaultyImageError(
            f"{path}: expected a slice with contrast, got {low:g} nearly everywhere; leave it out", "no contrast"
        )
    levels = np.clip((plane - low) / (high - low), 0, 1)
    picture = np.where(seen, levels, np.float32(0)).T[::-1]
    side = round(settings.square / settings.voxel)
    square = middle_square(picture, side).astype(np.float32)
    if square.min() == square.max():
        raise FaultyImageError(
            f"{path}: expected contrast in the middle {settings.square:g} mm, got none; leave it out", "no contrast"
        )
    return resized(square, settings.size, Image.Resampling.BICUBIC)


def _percentiles(
    plane: NDArray[np.float32], seen: NDArray[np.bool_], percentiles: tuple[float, float]
) -> NDArray[np.float32]:
    """The two percentiles of the slice, with what is not seen as 0, or as the lower one where that is negative."""
    lowest = float(np.percentile(plane[seen], percentiles[0])) if seen.any() else 0.0
    black = np.float32(min(lowest, 0.0))
    return np.asarray(np.percentile(np.where(seen, plane, black), percentiles))


def middle_square(picture: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """The middle `side` pixels of a picture (H, W) on either axis; black where it has fewer."""
    return _middle(_middle(picture, side, 0), side, 1)


def resized(square: NDArray[np.float32], size: int, kernel: Image.Resampling) -> NDArray[np.float32]:
    """A square in [0, 1] at another size; Pillow's kernel on float32 widens when an image shrinks (antialiasing)."""
    return np.clip(np.asarray(Image.fromarray(square).resize((size, size), kernel), dtype=np.float32), 0, 1)


def _middle(picture: NDArray[np.float32], side: int, axis: int) -> NDArray[np.float32]:
    """Cropped or padded with zeros to `side` around the middle of one axis."""
    spare = picture.shape[axis] - side
    if spare >= 0:
        return picture.take(range(spare // 2, spare // 2 + side), axis)
    around = [(0, 0), (0, 0)]
    around[axis] = ((-spare) // 2, -spare - (-spare) // 2)
    return np.pad(picture, around)


def _mask_of(path: Path, settings: Preprocessing) -> Path:
    options = settings.masks_of(path)
    for option in options:
        if option.is_file():
            return option
    raise ImageError(f"{path}: expected its brain mask {options[0].name} beside it, got none; make it or keep skulls")


def _bias_corrected(volume: Volume) -> Volume:
    """N4 on voxels of about 4 mm within Otsu's foreground, its field applied to the full volume."""
    sitk = simple_itk("bias_correction")
    voxels, sizes = volume.voxels(...), nib.affines.voxel_sizes(volume.affine)
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing([float(size) for size in sizes[::-1]])  # SimpleITK names the axes in the other order
    small = sitk.Shrink(image, [max(1, round(_BIAS_MM / float(size))) for size in sizes[::-1]])
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations([_BIAS_ITERATIONS] * 4)
    n4.Execute(small, sitk.OtsuThreshold(small, 0, 1, 200))
    field = sitk.GetArrayFromImage(n4.GetLogBiasFieldAsImage(image))
    return replace(volume, stored=voxels / np.exp(field).astype(np.float32), slope=1.0, intercept=0.0)
