"""Small volumes that tests of slices share, written along any axes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray


def write(
    path: Path, voxels_ras: NDArray[Any], axes: str = "RAS", sizes: Sequence[float] = (1.0, 1.0, 1.0)
) -> Path:
    """A volume whose array lies along `axes` and whose header says so; `sizes` are those along right, front and up."""
    image = nib.Nifti1Image(voxels_ras, np.diag([*sizes, 1.0])).as_reoriented(
        nib.orientations.ornt_transform(
            nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(tuple(axes))
        )
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)
    return path
