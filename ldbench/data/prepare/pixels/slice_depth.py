"""How deep a head is cut: the top and the breadth of the brain in a volume, with a skull around it or without.

Foreground is what Otsu's threshold leaves. The top is the highest level with 20 cm2 of it, the breadth the left-right
extent of the 90 mm below. Breadth stands in for height because where a scan ends in the neck says nothing of the brain.
Heads that nod, and brains of other proportions, are cut some millimetres higher or lower; nothing here knows a
ventricle when it sees one.

A scalp must not count, or a brain would be cut higher with its skull than without. From the surface of a head inwards
lie bright scalp, dark bone and bright brain; a brain without its skull is bright from the surface on. So the median at
each depth below the surface, over the upper 60 mm of the head, shows whether there is bone and how deep it lies. Where
there is, all that is no deeper is taken away, Otsu's threshold is found anew, and the brain is the largest piece that
an opening leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ldbench.data.prepare.pixels.nifti import Volume
from ldbench.errors import FaultyImageError, ImageError

_TOP_CM2 = 20.0  # foreground that makes a level part of the head
_MIDDLE = 99.0  # per cent of the foreground from left to right that its breadth spans
_BELOW_TOP_MM = 90.0  # ears and shoulders lie lower
_BREADTH_MM = (80.0, 230.0)
_COARSE_MM = 3.0  # spacing of the voxels that are looked at; along up all of them are, for the top
_LOOK_MM = 150.0  # below the head's top; the neck lies lower
_UPPER_MM = 60.0  # of the head: between skin and brain is nothing but bone there
_DEPTHS_MM = np.arange(3.0, 41.0)
_BONE_MM = 25.0  # bone lies no deeper
_WINDOW_MM = 3.0
_DARKER = 0.75  # than what lies outside it and inside it
_INNER_MM = 5.0  # from the darkest depth to the brain, or more
_CLOSING_MM = 6.0  # ears and nostrils in the head's surface
_OPENING_MM = 6.0  # sinuses, meninges and marrow are thinner
_FURROWS_MM = 9.0

METHOD = (
    f"Otsu; top {_TOP_CM2:g} cm2; middle {_MIDDLE:g} % of the {_BELOW_TOP_MM:g} mm below it; of the brain alone where "
    f"the median below the surface falls below {_DARKER:g} of both sides within {_BONE_MM:g} mm"
)

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]
Places = tuple[NDArray[np.int64], ...]


@dataclass(frozen=True)
class Brain:
    """Where a brain lies in the world, in mm: z of its top and its extent from left to right.

    `bone` is the depth of the skull's darkest layer below the skin, None for a brain without its skull. Where there is
    one, `piece` says which voxels at `places` on the three axes are brain.
    """

    top: float
    breadth: float
    bone: float | None = None
    piece: Mask | None = None
    places: Places = ()

    def plane(self, depth: float) -> float:
        """World z of the plane `depth` breadths below the top."""
        return self.top - depth * self.breadth

    def holds(self, voxels: NDArray[np.float64]) -> Mask:
        """Which of these voxel coordinates (..., 3) lie in the brain, its furrows and ventricles included."""
        if self.piece is None:
            return np.ones(voxels.shape[:-1], dtype=np.bool_)
        spacing = (_COARSE_MM,) * 3
        margin = int(_FURROWS_MM / _COARSE_MM) + 1
        padded = np.pad(self.piece, margin)
        closed = _shrunk(_grown(padded, _FURROWS_MM, spacing), _FURROWS_MM, spacing)
        whole = ndimage.binary_fill_holes(closed)[(slice(margin, -margin),) * 3]
        at = [np.interp(voxels[..., axis], place, np.arange(len(place))) for axis, place in enumerate(self.places)]
        return np.asarray(ndimage.map_coordinates(whole.astype(np.float32), at, order=1) >= 0.5)


@dataclass(frozen=True)
class Sampled:
    """The voxels of a volume at `places` on its three axes, and its lengths: `spacing` of the places, all in mm."""

    path: Path
    voxels: Floats
    places: Places
    affine: NDArray[np.float64]
    up: int
    level: float  # the spacing of voxels along `up`
    ceiling: float  # world z of the highest corner

    @property
    def spacing(self) -> tuple[float, ...]:
        """Of the places on each axis; one in the middle may be smaller."""
        sizes = nib.affines.voxel_sizes(self.affine)
        return tuple(float(size * np.diff(place).max()) for size, place in zip(sizes, self.places, strict=True))

    def heights(self) -> NDArray[np.float64]:
        """World z of all voxels, shaped as they are."""
        parts = (weight * place for weight, place in zip(self.affine[2, :3], self.places, strict=True))
        across, along, upward = np.ix_(*parts)
        return np.asarray(across + along + upward + self.affine[2, 3], dtype=np.float64)


def find_brain(volume: Volume) -> Brain:
    """The brain in a volume. Raises ImageError where no head is found, or no brain in its skull.

    It looks at every voxel along the axis nearest to up, and at every 3 mm along the others, symmetrically from both
    ends, so that a volume and its flipped or transposed copies give the same answer.
    """
    seen = _sampled(volume)
    if seen.voxels.min() == seen.voxels.max():
        raise FaultyImageError(f"{seen.path}: expected a head, got a volume of one value; leave it out", "no contrast")
    threshold = _otsu(seen.voxels)
    top, breadth = _extent(seen, seen.voxels > threshold, "head")
    upper = _coarse(seen, top)
    depths = _depths(upper, upper.voxels > threshold)
    bone = _bone(upper, depths, top)
    if bone is None:
        return Brain(top, breadth)
    inner = np.where(depths > bone + _INNER_MM, upper.voxels, upper.voxels.min())
    threshold = _otsu(inner)
    piece = _opened(inner > threshold, upper.spacing)
    within = _between(piece, upper.places[seen.up], seen.places[seen.up], seen.up)
    top, breadth = _extent(seen, within & (seen.voxels > threshold), "brain in its skull")
    return Brain(top, breadth, bone, piece, upper.places)


def corners(volume: Volume) -> NDArray[np.float64]:
    """World positions of the eight corner voxels, (8, 3) in mm."""
    ends = np.stack(np.meshgrid(*([0, side - 1] for side in volume.stored.shape), indexing="ij"), -1).reshape(-1, 3)
    return np.asarray(nib.affines.apply_affine(volume.affine, ends), dtype=np.float64)


def _sampled(volume: Volume) -> Sampled:
    affine, sizes = volume.affine, nib.affines.voxel_sizes(volume.affine)
    up = int(np.abs(affine[2, :3] / sizes).argmax())
    steps = [1 if axis == up else _step(sizes[axis]) for axis in range(3)]
    places = tuple(_symmetric(side, step) for side, step in zip(volume.stored.shape, steps, strict=True))
    voxels = volume.voxels(*np.ix_(*places))
    return Sampled(volume.path, voxels, places, affine, up, float(sizes[up]), float(corners(volume)[:, 2].max()))


def _coarse(seen: Sampled, top: float) -> Sampled:
    """At every 3 mm along `up` too, and no more of the neck than is needed."""
    middle = [float(place[[0, -1]].mean()) for place in seen.places]
    along = seen.places[seen.up]
    heights = seen.affine[2, 3] + sum(seen.affine[2, axis] * middle[axis] for axis in range(3) if axis != seen.up)
    near = np.isin(along, _symmetric(len(along), _step(seen.level)))
    near &= heights + seen.affine[2, seen.up] * along >= top - _LOOK_MM
    places = tuple(along[near] if axis == seen.up else place for axis, place in enumerate(seen.places))
    return Sampled(
        seen.path, seen.voxels.compress(near, seen.up), places, seen.affine, seen.up, seen.level, seen.ceiling
    )


def _extent(seen: Sampled, foreground: Mask, what: str) -> tuple[float, float]:
    """World z of the foreground's top and its breadth, in mm. Raises ImageError for what is no `what`."""
    where = np.nonzero(foreground)
    points = nib.affines.apply_affine(
        seen.affine, np.stack([place[at] for place, at in zip(seen.places, where, strict=True)], 1)
    )
    levels = np.rint((seen.ceiling - points[:, 2]) / seen.level).astype(np.int64)
    sizes = nib.affines.voxel_sizes(seen.affine)
    steps = [1 if axis == seen.up else _step(sizes[axis]) for axis in range(3)]
    areas = np.bincount(levels, minlength=1) * (np.prod(sizes * steps) / seen.level / 100)  # cm2
    first = int((areas >= _TOP_CM2).argmax())
    if areas[first] < _TOP_CM2 or first == 0:
        got = "it reaches the volume's uppermost plane" if first == 0 and areas[0] >= _TOP_CM2 else "no such plane"
        raise ImageError(
            f"{seen.path}: expected air above a {what} of {_TOP_CM2:g} cm2 or more, got {got}; leave it out"
        )
    top = seen.ceiling - first * seen.level
    left, right = np.percentile(points[points[:, 2] >= top - _BELOW_TOP_MM, 0], (50 - _MIDDLE / 2, 50 + _MIDDLE / 2))
    if not _BREADTH_MM[0] <= right - left <= _BREADTH_MM[1]:
        low, high = _BREADTH_MM
        raise ImageError(
            f"{seen.path}: expected a {what} {low:g} to {high:g} mm broad, got {right - left:.0f}; leave it out"
        )
    return top, float(right - left)


def _depths(upper: Sampled, foreground: Mask) -> Floats:
    """How deep each voxel lies below the surface of the largest piece, in mm; 0 outside. Holes are filled first: where
    bone is black, scalp and brain are two pieces."""
    margin = int(_CLOSING_MM / _COARSE_MM) + 2
    padded = np.pad(foreground, margin, mode="edge")  # what a face of the volume cuts goes on behind it
    closed = _shrunk(_grown(padded, _CLOSING_MM, upper.spacing), _CLOSING_MM, upper.spacing)
    solid = np.stack([ndimage.binary_fill_holes(plane) for plane in np.moveaxis(closed, upper.up, 0)], upper.up)
    return np.asarray(_distance(_largest(solid), upper.spacing)[(slice(margin, -margin),) * 3], dtype=np.float32)


def _bone(upper: Sampled, depths: Floats, top: float) -> float | None:
    """The depth that is darker than what lies outside and inside of it; None where there is no such depth."""
    part = (upper.heights() > top - _UPPER_MM) & (depths > 0)
    voxels, deep = upper.voxels[part] - upper.voxels.min(), depths[part]
    windows = [np.abs(deep - depth) <= _WINDOW_MM / 2 for depth in _DEPTHS_MM]
    there = np.array([window.any() for window in windows])
    medians = np.array([np.median(voxels[window]) if window.any() else 0.0 for window in windows])
    outside, inside = np.maximum.accumulate(medians), np.maximum.accumulate(medians[::-1])[::-1]
    around = np.minimum(outside, inside)
    dark = there & (_DEPTHS_MM <= _BONE_MM) & (medians < _DARKER * around)
    if not dark.any():
        return None
    falls = np.where(dark, around - medians, -np.inf)
    return float(_DEPTHS_MM[int(falls.argmax())])


def _opened(core: Mask, spacing: Sequence[float]) -> Mask:
    """The largest piece that is left when thin parts are taken away."""
    seeds = _shrunk(core, _OPENING_MM, spacing)
    return core & _grown(_largest(seeds), _OPENING_MM, spacing) if seeds.any() else seeds


def _between(mask: Mask, coarse: NDArray[np.int64], fine: NDArray[np.int64], axis: int) -> Mask:
    """A mask at `coarse` places on an axis, at `fine` ones: as the nearest is, or either of two."""
    places = np.interp(fine, coarse, np.arange(len(coarse)))
    below, above = np.ceil(places - 0.5).astype(np.int64), np.floor(places + 0.5).astype(np.int64)
    inside = (fine >= coarse.min()) & (fine <= coarse.max())
    near = mask.take(below, axis) | mask.take(above, axis)
    return np.asarray(near & np.expand_dims(inside, [other for other in range(3) if other != axis]))


def _step(size: float) -> int:
    return max(1, round(_COARSE_MM / float(size)))


def _symmetric(side: int, step: int) -> NDArray[np.int64]:
    """Every `step`-th index from both ends to the middle."""
    half = np.arange(0, (side + 1) // 2, step, dtype=np.int64)
    return np.union1d(half, side - 1 - half)


def _otsu(voxels: Floats) -> float:
    from skimage.filters import threshold_otsu

    otsu: Callable[[Floats], float] = threshold_otsu  # scikit-image leaves it unannotated
    return otsu(voxels)


def _largest(mask: Mask) -> Mask:
    pieces, count = ndimage.label(mask)
    if not count:
        return mask
    return np.asarray(pieces == np.bincount(pieces.ravel())[1:].argmax() + 1)


def _distance(mask: Mask, spacing: Sequence[float]) -> NDArray[np.float64]:
    return np.asarray(ndimage.distance_transform_edt(mask, sampling=spacing))


def _grown(mask: Mask, by: float, spacing: Sequence[float]) -> Mask:
    return np.asarray(_distance(~mask, spacing) <= by)


def _shrunk(mask: Mask, by: float, spacing: Sequence[float]) -> Mask:
    return np.asarray(_distance(mask, spacing) > by)
