"""The anatomy under the sandbox brains: axial slices of the ICBM152 average at 1 mm, split into tissues.

The source is the symmetric non-linear ICBM152 2009a template (Fonov et al., NeuroImage 54, 2011) in the copy
that nilearn ships inside its package, so nothing is downloaded. Young adults (18 to 43 years) made the average:
every atrophy in this package is counted from them.

No tissue is drawn by hand; beyond `SLICE_HEIGHTS` there are no lateral ventricles. nilearn and scipy (extra `sandbox`)
are imported inside functions, because the frozen data are read without them.

Array legend: H = W = 192 rows and columns of 1 mm; row 0 is anterior, column 0 is the left side of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ldbench.errors import DataError

Field = npt.NDArray[np.float32]

FRAME = 192
SLICE_HEIGHTS = tuple(range(82, 89))

# Frame corner in template voxels: the frame is centred on the brain, not on the volume.
_LEFT, _BACK = 2, 22
# Box (voxels x, y) that holds the ventricles and the fluid between them at these heights, and nothing of the
# cortex's sulci.
_CENTRAL_X, _CENTRAL_Y = (66, 130), (84, 168)


@dataclass(frozen=True)
class Slice:
    """One axial slice of the template; all fields (192, 192) float32.

    Attributes:
        height: z index in the 1 mm template volume.
        white: fraction of white matter, [0, 1].
        grey: fraction of grey matter, [0, 1].
        inside: 1 inside the skull, 0 outside, soft edge.
        ventricle: soft indicator of the ventricular system, [0, 1].
        ventricle_distance: millimetres from the ventricle wall, negative inside.
        sulcal: fluid outside the ventricles as the template holds it, [0, 1]: where sulci can open.
    """

    height: int
    white: Field
    grey: Field
    inside: Field
    ventricle: Field
    ventricle_distance: Field
    sulcal: Field


def load_slices() -> dict[int, Slice]:
    """Read the template once and cut all `SLICE_HEIGHTS` from it; takes about 2 s.

    Raises DataError where nilearn or scipy isn't installed.
    """
    try:
        from nilearn.datasets import load_mni152_gm_template, load_mni152_template, load_mni152_wm_template
    except ImportError as error:
        raise DataError(
            f"expected nilearn and scipy to rebuild the sandbox brains, got '{error}'; install ldbench[sandbox]"
        ) from error
    volumes = [
        np.asarray(load(resolution=1).dataobj, dtype=np.float32)
        for load in (load_mni152_template, load_mni152_gm_template, load_mni152_wm_template)
    ]
    t1, grey, white = volumes
    return {z: _cut(t1[:, :, z], grey[:, :, z], white[:, :, z], z) for z in SLICE_HEIGHTS}


def _cut(t1: Field, grey: Field, white: Field, height: int) -> Slice:
    """Tissue fractions of one slice in picture orientation, ventricles separated from sulci."""
    from scipy import ndimage

    skull = ndimage.binary_fill_holes(t1 > 0.05)
    fluid = np.clip(1.0 - grey - white, 0.0, 1.0) * skull
    central = np.zeros_like(skull)
    central[slice(*_CENTRAL_X), slice(*_CENTRAL_Y)] = True
    labels, count = ndimage.label((fluid > 0.5) & central)
    sizes = ndimage.sum_labels(np.ones_like(fluid), labels, index=np.arange(1, count + 1))
    large = 1 + np.flatnonzero(np.asarray(sizes) >= 12)
    if large.size == 0:
        raise DataError(f"expected ventricles in template slice {height}, got none; use {SLICE_HEIGHTS}")
    wall = ndimage.binary_closing(np.isin(labels, large), iterations=1)
    distance = ndimage.distance_transform_edt(~wall) - ndimage.distance_transform_edt(wall)
    ventricle = 1.0 / (1.0 + np.exp(np.clip(distance / 0.5, -30, 30)))
    # Fluid next to the wall is the ventricle's own blurred edge, not a sulcus.
    sulcal = fluid * np.clip((distance - 2.0) / 3.0, 0.0, 1.0)
    keep = 1.0 - ventricle
    fields = (
        white * keep, grey * keep, ndimage.gaussian_filter(skull.astype(np.float32), 0.6), ventricle, distance, sulcal,
    )
    return Slice(height, *(_frame(field) for field in fields))


def _frame(field: npt.NDArray[np.floating]) -> Field:
    """Crop to the frame and turn so that anterior is up."""
    cropped = field[_LEFT : _LEFT + FRAME, _BACK : _BACK + FRAME]
    return np.ascontiguousarray(cropped.T[::-1], dtype=np.float32)
