"""A NIfTI volume or plane as a file: what its header says, checked before a voxel is used, and voxels as stored.

A plain `.nii` is mapped, so only the pages that are asked for are read. A `.nii.gz` is read through to its checksum,
for damage behind the slice is still damage, and gzip can't be entered in the middle: that costs the whole gunzip and
the volume's own size in memory.

Lengths are in mm, whether the header counts in millimetres, micrometres or metres (one that names no unit means mm).

Refuses to guess: no header that contradicts its file, no image without an orientation (unless the caller states one),
no voxel sizes that no scanner makes, nothing but one grey volume or plane. Each is an `ImageError` naming the file.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from ldbench.data.prepare.pixels.grey import Grey, check_spacing
from ldbench.data.volumes.cut import SUFFIXES
from ldbench.errors import FaultyImageError, ImageError

MAX_VOXELS = 1024**3  # a header can promise terabytes; what gzip really holds is compared with it as well
VOXEL_MM = (0.1, 12.0)
MIN_SIDE = 4
_MM = {1: 1000.0, 2: 1.0, 3: 0.001}  # by the lower three bits of xyzt_units; other codes name no unit
_SQUARE = 0.02  # cosine between a plane's two axes: about 1 degree
_FLAT = 0.1  # the axes' unit vectors span less than this: two of them nearly coincide
_MORE = 1 << 20
_DAMAGE = (
    OSError, EOFError, ValueError, OverflowError, zlib.error,
    nib.spatialimages.HeaderDataError, nib.filebasedimages.ImageFileError,
)  # fmt: skip


@dataclass(frozen=True)
class Volume:
    """One grey volume: `stored` is (I, J, K) as on disk, a voxel `stored * slope + intercept`, `affine` its RAS+ mm."""

    path: Path
    stored: NDArray[Any]
    slope: float
    intercept: float
    affine: NDArray[np.float64]

    def voxels(self, *where: Any) -> NDArray[np.float32]:
        """The scaled part of the volume that an index names. Raises ImageError for NaN or infinite voxels in it."""
        try:
            part = np.asarray(self.stored[where], dtype=np.float32)
        except _DAMAGE as error:
            raise _unreadable(self.path, error) from error
        values: NDArray[np.float32] = part * np.float32(self.slope) + np.float32(self.intercept)
        broken = int(values.size - np.count_nonzero(np.isfinite(values)))
        if broken:
            raise FaultyImageError(
                f"{self.path}: expected finite voxels, got {broken} NaN or infinite of {values.size} read; "
                "repair the file or leave it out", "NaN",
            )
        return values


def open_volume(path: Path, *, untold_axes: str = "") -> Volume:
    """Open a `.nii` or `.nii.gz`; a fourth dimension of one volume is dropped.

    `untold_axes` (three letters such as "RAS") is how the array lies in a file that has neither qform nor sform; the
    empty default refuses such a file. Raises ImageError: another format, a broken header, a truncated or damaged file,
    several volumes, colour or complex voxels, absurd sizes.
    """
    image = _opened(path)
    shape, affine = _of_volume(path, image, untold_axes)
    return _volume(path, image, shape, affine)


def read_header(path: Path) -> tuple[tuple[int, int, int], NDArray[np.float64]]:
    """Shape and affine of a volume, RAS+ in mm, by its header alone. Raises ImageError as `open_volume` does for it."""
    return _of_volume(path, _opened(path), "")


def read_plane(path: Path, *, untold_axes: str = "", oblique_degrees: float = 180.0) -> Grey | None:
    """An axial plane by the rules of `open_volume`, row 0 anterior, column 0 the subject's left; None for a volume.

    Raises ImageError as it does, and for a plane along another axis or turned by more than `oblique_degrees`.
    """
    image = _opened(path)
    sides = [*image.shape, 1, 1][:3]
    if sum(side != 1 for side in sides) > 2:
        return None
    shape = _grey_shape(path, image)
    if int(np.prod(shape, dtype=np.int64)) > MAX_VOXELS:
        raise ImageError(f"{path}: expected at most {MAX_VOXELS} voxels, got {shape}")
    affine = _affine(path, image, shape, untold_axes)
    to_axes = nib.orientations.io_orientation(affine)
    if shape[int(np.flatnonzero(to_axes[:, 0] == 2)[0])] != 1:
        raise FaultyImageError(
            f"{path}: expected an axial plane, got one that lies along another axis; turn it", "not axial"
        )
    check_oblique(path, affine, oblique_degrees)
    volume = _volume(path, image, shape, affine)
    turned = nib.orientations.apply_orientation(_scaled(volume), to_axes)
    sizes = nib.affines.voxel_sizes(affine)
    across, along = (float(sizes[to_axes[:, 0] == axis][0]) for axis in (0, 1))
    return Grey(turned[:, :, 0].T[::-1], spacing=(along, across))


def check_oblique(path: Path, affine: NDArray[np.float64], degrees: float) -> None:
    """FaultyImageError for axes that are turned from RAS by more than that."""
    turned = float(np.degrees(nib.affines.obliquity(affine).max()))
    if turned > degrees:
        raise FaultyImageError(
            f"{path}: expected axes within {degrees:g} degrees of RAS, got {turned:.1f}; "
            "set oblique to resample, or leave it out", "oblique",
        )


def _opened(path: Path) -> nib.Nifti1Image:
    if not path.name.lower().endswith(SUFFIXES):
        raise ImageError(f"{path}: expected a {' or '.join(SUFFIXES)} file, got another suffix; convert it")
    try:
        image = nib.load(path)
    except FileNotFoundError as error:
        raise ImageError(f"can't read {path}: no such file; expected a NIfTI image") from error
    except _DAMAGE as error:
        raise _unreadable(path, error) from error
    if not isinstance(image, nib.Nifti1Image):
        raise ImageError(f"{path}: expected a NIfTI image, got {type(image).__name__}; convert it")
    return image


def _of_volume(
    path: Path, image: nib.Nifti1Image, untold_axes: str
) -> tuple[tuple[int, int, int], NDArray[np.float64]]:
    shape = _grey_shape(path, image)
    if min(shape) < MIN_SIDE or int(np.prod(shape, dtype=np.int64)) > MAX_VOXELS:
        raise ImageError(f"{path}: expected sides from {MIN_SIDE} and at most {MAX_VOXELS} voxels, got {shape}")
    return shape, _affine(path, image, shape, untold_axes)


def _volume(path: Path, image: nib.Nifti1Image, shape: Sequence[int], affine: NDArray[np.float64]) -> Volume:
    try:
        stored = _packed(path, image) if path.name.lower().endswith(".gz") else _mapped(path, image)
    except _DAMAGE as error:
        raise _unreadable(path, error) from error
    proxy: Any = image.dataobj  # nibabel types it as any array
    return Volume(path, stored.reshape(shape, order="F"), float(proxy.slope), float(proxy.inter), affine)


def _scaled(plane: Volume) -> NDArray[np.float64]:
    """All values of a plane; whether they are finite is asked where grey levels are made of them."""
    try:
        return np.asarray(plane.stored, dtype=np.float64) * plane.slope + plane.intercept
    except _DAMAGE as error:
        raise _unreadable(plane.path, error) from error


def _grey_shape(path: Path, image: nib.Nifti1Image) -> tuple[int, int, int]:
    full = tuple(int(side) for side in image.shape)
    if len(full) < 2 or any(side != 1 for side in full[3:]):
        raise FaultyImageError(
            f"{path}: expected one volume of three dimensions, got {full}; extract the one that is meant",
            "several volumes",
        )
    if image.get_data_dtype().kind not in "iuf":
        text = f"{path}: expected grey voxels, got {image.get_data_dtype()}; convert them to one number each"
        raise FaultyImageError(text, "colour")
    return full[0], full[1], full[2] if len(full) > 2 else 1


def _affine(path: Path, image: nib.Nifti1Image, shape: Sequence[int], untold_axes: str) -> NDArray[np.float64]:
    """The sform, or else the qform, or else voxel sizes along stated axes; world coordinates RAS+ in mm."""
    header = image.header
    affine = np.array(image.affine, dtype=np.float64)
    if int(header["sform_code"]) == 0 and int(header["qform_code"]) == 0:
        if not untold_axes:
            raise FaultyImageError(
                f"{path}: expected a qform or sform, got neither, so its orientation is unknown; "
                "state its axes in the settings or leave it out", "orientation unknown",
            )
        to_axes = nib.orientations.axcodes2ornt(tuple(untold_axes))
        affine = _stated(to_axes, shape, np.asarray(header["pixdim"][1:4], dtype=np.float64))
    affine[:3] *= _MM.get(int(header["xyzt_units"]) & 7, 1.0)
    return _checked_plane(path, affine, shape) if 1 in shape else _checked(path, affine)


def _checked(path: Path, affine: NDArray[np.float64]) -> NDArray[np.float64]:
    sizes = nib.affines.voxel_sizes(affine) if np.isfinite(affine).all() else np.full(3, np.nan)
    low, high = VOXEL_MM
    sane = bool(np.all((sizes >= low) & (sizes <= high)))
    if not sane or abs(np.linalg.det(affine[:3, :3] / sizes)) < _FLAT:
        got = " x ".join(f"{size:.4g}" for size in sizes)
        raise FaultyImageError(
            f"{path}: expected voxels of {low:g} to {high:g} mm on 3 axes, got {got}; repair its header",
            "broken header",
        )
    return affine


def _checked_plane(path: Path, affine: NDArray[np.float64], shape: Sequence[int]) -> NDArray[np.float64]:
    """The affine with its slice axis across the plane: how thick one slice is, few headers say."""
    flat = max(axis for axis in range(3) if shape[axis] == 1)
    first, second = (affine[:3, axis] for axis in range(3) if axis != flat)
    sizes = check_spacing(path, (float(np.linalg.norm(first)), float(np.linalg.norm(second))))
    if abs(float(first @ second)) > _SQUARE * sizes[0] * sizes[1]:
        raise FaultyImageError(
            f"{path}: expected a plane's axes at a right angle, got a sheared one; resample it", "broken header"
        )
    affine[:3, flat] = np.cross(first, second) / np.prod(sizes)
    return affine


def _stated(axes: NDArray[np.float64], shape: Sequence[int], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Affine of an array whose axes run as stated, its world's origin in its middle."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for column, (row, sign) in enumerate(axes):
        affine[int(row), column] = sign * sizes[column]
    affine[:3, 3] = -affine[:3, :3] @ ((np.asarray(shape) - 1) / 2)
    return affine


def _mapped(path: Path, image: nib.Nifti1Image) -> NDArray[Any]:
    """The voxels of a plain file, mapped and not yet read."""
    proxy: Any = image.dataobj
    data: NDArray[Any] = np.memmap(path, proxy.dtype, "r", offset=int(proxy.offset), shape=proxy.shape, order="F")
    return data


def _packed(path: Path, image: nib.Nifti1Image) -> NDArray[Any]:
    """The voxels of a gzip, after its end and checksum were seen."""
    proxy: Any = image.dataobj
    kind, offset = proxy.dtype, int(proxy.offset)
    expected = offset + kind.itemsize * int(np.prod(proxy.shape, dtype=np.int64))
    with gzip.open(path) as file:
        content = file.read(expected)
        while file.read(_MORE):  # what follows belongs to no voxel, but the checksum stands behind it
            pass
    if len(content) < expected:
        size = f"{proxy.shape} {kind}"
        raise ImageError(f"{path}: expected {expected} bytes for {size}, got {len(content)}; fetch it again")
    return np.ndarray(proxy.shape, kind, content, offset, order="F")


def _unreadable(path: Path, error: Exception) -> ImageError:
    text = " ".join(str(error).split()) or type(error).__name__
    return ImageError(f"can't read {path}: {text.rstrip('.')}; expected a whole NIfTI volume, fetch it again")
