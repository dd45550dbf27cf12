"""An affine alignment of a head to MNI152: the ICBM152 template that nilearn ships, SimpleITK's registration.

Twelve parameters maximise Mattes' mutual information (Mattes et al. 2003, doi:10.1109/TMI.2002.803472) between the
template's brain with 6 mm around it and the 150 mm below the head's top, on voxels of 3 mm, from coarse to fine and on
one thread, so that the same volume gives the same alignment. The voxels are not touched: only the volume's affine is
replaced, so whatever is cut afterwards is interpolated once.

Refuses an alignment that no head needs: scales outside 0.6 to 1.6, or a turn beyond 45 degrees.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.processing import resample_from_to
from numpy.typing import NDArray
from scipy import ndimage

from ldbench.data.prepare.pixels.nifti import Volume
from ldbench.errors import FaultyImageError, UsageError

METHOD = "affine to ICBM152, Mattes mutual information at 3 mm"
_VOXEL_MM = 3.0
_BELOW_TOP_MM, _ABOVE_TOP_MM = 150.0, 15.0  # the neck below it would draw the starting point down
_AROUND_MM = 6.0
_BINS = 32
_SCALES = (0.6, 1.6)
_TURN_DEGREES = 45.0
_SHRINK, _SMOOTH_MM = (3, 2, 1), (6.0, 3.0, 0.0)
_STEP_MM, _SMALLEST_STEP_MM, _ITERATIONS = 4.0, 0.02, 150

Matrix = NDArray[np.float64]


def aligned(volume: Volume, top: float) -> Volume:
    """The volume with its affine in MNI152 coordinates; `top` is the world z of the head's top, in mm.

    Raises FaultyImageError where no plausible alignment is found.
    """
    from nilearn.datasets import load_mni152_template

    template = load_mni152_template(resolution=1)
    fixed = _coarse(np.asarray(template.dataobj, dtype=np.float32), template.affine, -np.inf, np.inf)
    moving = _coarse(volume.voxels(...), volume.affine, top - _BELOW_TOP_MM, top + _ABOVE_TOP_MM)
    to_mni: Matrix = np.linalg.inv(_registered(fixed, moving)).astype(np.float64)
    _check(volume, to_mni)
    return replace(volume, affine=to_mni @ volume.affine)


def simple_itk(setting: str) -> Any:
    """SimpleITK, or a UsageError that says which setting needs it."""
    try:
        return import_module("SimpleITK")
    except ImportError as error:
        raise UsageError(
            f"preprocessing: expected SimpleITK for {setting}, got none; pip install SimpleITK, or drop the setting"
        ) from error


def _coarse(voxels: NDArray[np.float32], affine: Matrix, low: float, high: float) -> nib.Nifti1Image:
    """The part between two heights on a coarse grid along the RAS axes, smoothed to it, zero outside."""
    sizes = nib.affines.voxel_sizes(affine)
    smooth = ndimage.gaussian_filter(voxels, np.maximum(_VOXEL_MM / sizes - 1, 0) / 2)
    (across, along, up), grid = nib.spaces.vox2out_vox((voxels.shape, affine), (_VOXEL_MM,) * 3)
    first = int(np.clip((low - grid[2, 3]) / _VOXEL_MM, 0, up - 1))
    last = int(np.clip((high - grid[2, 3]) / _VOXEL_MM, first, up - 1))
    grid = grid @ nib.affines.from_matvec(np.eye(3), [0, 0, first])
    shape = (across, along, last - first + 1)
    return nib.Nifti1Image.from_image(resample_from_to(nib.Nifti1Image(smooth, affine), (shape, grid), order=1))


def _registered(fixed: nib.Nifti1Image, moving: nib.Nifti1Image) -> Matrix:
    """The affine from the fixed image's world to the moving one's, (4, 4) in mm."""
    sitk = simple_itk("align")
    target, source = _image(sitk, fixed), _image(sitk, moving)
    centred = sitk.CenteredTransformInitializer(
        target, source, sitk.AffineTransform(3), sitk.CenteredTransformInitializerFilter.MOMENTS
    )
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricFixedMask(sitk.BinaryDilate(target > 0, [round(_AROUND_MM / _VOXEL_MM)] * 3))
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(_STEP_MM, _SMALLEST_STEP_MM, _ITERATIONS)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(_SHRINK)
    method.SetSmoothingSigmasPerLevel(_SMOOTH_MM)
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(centred, inPlace=True)
    with _one_thread(sitk):
        method.Execute(target, source)
    affine = centred.Downcast()
    matrix, centre = np.array(affine.GetMatrix()).reshape(3, 3), np.array(affine.GetCenter())
    return np.asarray(nib.affines.from_matvec(matrix, np.array(affine.GetTranslation()) + centre - matrix @ centre))


@contextmanager
def _one_thread(sitk: Any) -> Iterator[None]:
    """Sums over several threads differ from run to run; the metric takes their number from the library's default."""
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def _image(sitk: Any, image: nib.Nifti1Image) -> Any:
    """As SimpleITK has images. Both lie along the same axes, so that its other sign of x and y cancels out."""
    converted = sitk.GetImageFromArray(np.ascontiguousarray(np.asarray(image.dataobj, dtype=np.float32).T))
    converted.SetSpacing([_VOXEL_MM] * 3)
    converted.SetOrigin([float(corner) for corner in image.affine[:3, 3]])
    return converted


def _check(volume: Volume, to_mni: Matrix) -> None:
    left, scales, right = np.linalg.svd(to_mni[:3, :3])
    degrees = float(np.degrees(np.arccos(np.clip((np.trace(left @ right) - 1) / 2, -1, 1))))
    low, high = _SCALES
    if not (low <= scales.min() and scales.max() <= high and degrees <= _TURN_DEGREES):
        raise FaultyImageError(
            f"{volume.path}: expected an alignment with scales from {low} to {high} and a turn below "
            f"{_TURN_DEGREES:g} degrees, got {scales.min():.2f} to {scales.max():.2f} and {degrees:.0f}; leave it out",
            "alignment",
        )
