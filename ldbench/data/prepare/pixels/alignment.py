"""An affine alignment of a head to MNI152: the ICBM152 template that nilearn ships, SimpleITK's registration.

Twelve parameters maximise Mattes' mutual information (Mattes et al. 2003, doi:10.1109/TMI.2002.803472) between the
template's brain with 6 mm around it and the brain of the volume, on voxels of 3 mm, from coarse to fine and on one
thread, so that the same volume gives the same alignment. The template has no skull, and a skull in the volume would
draw the brain's edge to it: so it is left out (`ldbench.data.prepare.pixels.slice_depth`). The search starts from
several scales, because it can settle at a wrong one; the optimum with the most information is kept, and all of them
are observed (`ldbench.data.prepare.observations`). The voxels are not touched: only the volume's affine is replaced, so
whatever is cut afterwards is interpolated once.

Refuses an alignment that no head needs: scales outside 0.6 to 1.6, a turn beyond 45 degrees, or a brain that no adult
has. Refuses too where another optimum is as good and lies elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.processing import resample_from_to
from numpy.typing import NDArray
from scipy import ndimage

from ldbench.data.prepare.observations import observe
from ldbench.data.prepare.pixels.nifti import Volume
from ldbench.data.prepare.pixels.slice_depth import Brain
from ldbench.errors import FaultyImageError, UsageError

MIDDLE_MM = (0.0, -18.0)  # of the template's grid, right and anterior
_STARTS = (0.9, 1.1, 1.3)  # scales from the volume to the template
METHOD = (
    f"affine to ICBM152, Mattes mutual information of the brains at 3 mm, best from scales {_STARTS}; "
    f"square around {MIDDLE_MM}"
)
_VOXEL_MM = 3.0
_BELOW_TOP_MM, _ABOVE_TOP_MM = 150.0, 15.0  # the neck below it would draw the starting point down
_AROUND_MM = 6.0
_BINS = 32
_SCALES = (0.6, 1.6)
_TURN_DEGREES = 45.0
_BRAIN_CM3 = (800.0, 2300.0)  # furrows and ventricles included; adults have about 1,000 to 2,000
_TEMPLATE_CM3 = 1883.0  # of the template's own mask
_AS_GOOD = 0.98  # of the best optimum's information
_APART_MM = 5.0  # on average over the template's brain
_SHRINK, _SMOOTH_MM = (3, 2, 1), (6.0, 3.0, 0.0)
_STEP_MM, _SMALLEST_STEP_MM, _ITERATIONS = 4.0, 0.02, 150

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Optimum:
    """Where a search ended: its mutual information, and the affine from the volume's world to the template's."""

    information: float
    to_mni: Matrix

    @property
    def brain_cm3(self) -> float:
        """The volume of the template's brain where the alignment says that it lies."""
        return _TEMPLATE_CM3 / abs(float(np.linalg.det(self.to_mni[:3, :3])))

    @property
    def scale(self) -> float:
        """The geometric mean of its scales."""
        return float(np.cbrt(abs(np.linalg.det(self.to_mni[:3, :3]))))

    def scales_and_turn(self) -> tuple[NDArray[np.float64], float]:
        """Its three scales, and its turn in degrees."""
        left, scales, right = np.linalg.svd(self.to_mni[:3, :3])
        return scales, float(np.degrees(np.arccos(np.clip((np.trace(left @ right) - 1) / 2, -1, 1))))

    def is_plausible(self) -> bool:
        """Whether a head could need it."""
        scales, degrees = self.scales_and_turn()
        within = _SCALES[0] <= scales.min() and scales.max() <= _SCALES[1]
        return bool(within and degrees <= _TURN_DEGREES and _BRAIN_CM3[0] <= self.brain_cm3 <= _BRAIN_CM3[1])


def aligned(volume: Volume, brain: Brain) -> Volume:
    """The volume with its affine in MNI152 coordinates; `brain` is where `slice_depth` found it.

    Raises FaultyImageError where no plausible alignment is found, or two that are as good.
    """
    from nilearn.datasets import load_mni152_template

    template = load_mni152_template(resolution=1)
    fixed = _coarse(np.asarray(template.dataobj, dtype=np.float32), template.affine, -np.inf, np.inf)
    moving = _coarse(volume.voxels(...), volume.affine, brain.top - _BELOW_TOP_MM, brain.top + _ABOVE_TOP_MM)
    moving = _brain_alone(moving, volume, brain)
    optima = sorted((_registered(fixed, moving, start) for start in _STARTS), key=lambda one: -one.information)
    best, others = optima[0], optima[1:]
    observe(
        alignment_information=round(best.information, 4), alignment_scale=round(best.scale, 3),
        alignment_brain_cm3=round(best.brain_cm3),
        alignment_others="; ".join(f"{other.information:.4f} at scale {other.scale:.3f}" for other in others),
    )
    _check(volume, best, others, nib.affines.apply_affine(fixed.affine, np.argwhere(np.asarray(fixed.dataobj) > 0)))
    return replace(volume, affine=best.to_mni @ volume.affine)


def simple_itk(setting: str) -> Any:
    """SimpleITK, or a UsageError that says which setting needs it."""
    try:
        return import_module("SimpleITK")
    except ImportError as error:
        raise UsageError(
            f"preprocessing: expected SimpleITK for {setting}, got none; pip install SimpleITK, or drop the setting"
        ) from error


def _coarse(voxels: NDArray[np.float32], affine: Matrix, low: float, high: float) -> nib.Nifti1Image:
    """The part between two heights on a coarse grid along the RAS axes, smoothed to it, black outside."""
    sizes = nib.affines.voxel_sizes(affine)
    smooth = ndimage.gaussian_filter(voxels, np.maximum(_VOXEL_MM / sizes - 1, 0) / 2)
    (across, along, up), grid = nib.spaces.vox2out_vox((voxels.shape, affine), (_VOXEL_MM,) * 3)
    first = int(np.clip((low - grid[2, 3]) / _VOXEL_MM, 0, up - 1))
    last = int(np.clip((high - grid[2, 3]) / _VOXEL_MM, first, up - 1))
    grid = grid @ nib.affines.from_matvec(np.eye(3), [0, 0, first])
    shape = (across, along, last - first + 1)
    placed = resample_from_to(nib.Nifti1Image(smooth, affine), (shape, grid), order=1, cval=_black(voxels))
    return nib.Nifti1Image.from_image(placed)


def _black(voxels: NDArray[np.float32]) -> float:
    """0, or the least voxel where that is negative: 0 is no black in Hounsfield units or standard scores."""
    return float(voxels.min(initial=0))


def _brain_alone(image: nib.Nifti1Image, volume: Volume, brain: Brain) -> nib.Nifti1Image:
    """The image, black wherever the volume has no brain."""
    voxels = np.asarray(image.dataobj, dtype=np.float32)
    to_volume = np.linalg.inv(volume.affine) @ image.affine
    places = nib.affines.apply_affine(to_volume, np.moveaxis(np.indices(voxels.shape), 0, -1))
    inside = brain.holds(places)
    return nib.Nifti1Image(np.where(inside, voxels, np.float32(_black(voxels[inside]))), image.affine)


def _registered(fixed: nib.Nifti1Image, moving: nib.Nifti1Image, scale: float) -> Optimum:
    """Where the search ends that starts with the middles of both on each other and the moving image scaled."""
    sitk = simple_itk("align")
    target, source = _image(sitk, fixed), _image(sitk, moving)
    centred = sitk.CenteredTransformInitializer(
        target, source, sitk.AffineTransform(3), sitk.CenteredTransformInitializerFilter.MOMENTS
    )
    start = sitk.AffineTransform(centred)
    start.SetMatrix([float(number) for number in (np.eye(3) / scale).ravel()])
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricFixedMask(sitk.BinaryDilate(target > 0, [round(_AROUND_MM / _VOXEL_MM)] * 3))
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(_STEP_MM, _SMALLEST_STEP_MM, _ITERATIONS)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(_SHRINK)
    method.SetSmoothingSigmasPerLevel(_SMOOTH_MM)
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(start, inPlace=True)
    with _one_thread(sitk):
        method.Execute(target, source)
    matrix, centre = np.array(start.GetMatrix()).reshape(3, 3), np.array(start.GetCenter())
    to_moving = nib.affines.from_matvec(matrix, np.array(start.GetTranslation()) + centre - matrix @ centre)
    return Optimum(-float(method.GetMetricValue()), np.asarray(np.linalg.inv(to_moving), dtype=np.float64))


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


def _check(volume: Volume, best: Optimum, others: Sequence[Optimum], template: NDArray[np.float64]) -> None:
    if not best.is_plausible():
        scales, degrees = best.scales_and_turn()
        raise FaultyImageError(
            f"{volume.path}: expected an alignment with scales from {_SCALES[0]} to {_SCALES[1]}, a turn below "
            f"{_TURN_DEGREES:g} degrees and a brain of {_BRAIN_CM3[0]:g} to {_BRAIN_CM3[1]:g} cm3, got "
            f"{scales.min():.2f} to {scales.max():.2f}, {degrees:.0f} and {best.brain_cm3:.0f}; leave it out",
            "alignment",
        )
    for other in others:
        apart = _apart(best, other, template)
        if apart > _APART_MM and other.information >= _AS_GOOD * best.information and other.is_plausible():
            raise FaultyImageError(
                f"{volume.path}: expected one best alignment, got two {apart:.0f} mm apart, with mutual information "
                f"{best.information:.3f} and {other.information:.3f}; leave it out", "alignment unsettled",
            )


def _apart(one: Optimum, two: Optimum, template: NDArray[np.float64]) -> float:
    """How far apart two alignments put the template's brain in the volume's world, in mm, on average."""
    first, second = (nib.affines.apply_affine(np.linalg.inv(each.to_mni), template) for each in (one, two))
    return float(np.linalg.norm(first - second, axis=1).mean())
