"""Small volumes that tests share, written along any axes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

SIDE, VOLUMES = 12, 6  # of `balls`


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


def balls(folder: Path, seed: int, axes: str = "RAS", noise: float = 10.0) -> Path:
    """Volumes of a ball on noise, unlike each other."""
    random, grid = np.random.default_rng(seed), (np.arange(SIDE) + 0.5) / SIDE
    x, y, z = np.meshgrid(grid, grid, grid, indexing="ij")
    for number in range(VOLUMES):
        middle, radius = random.uniform(0.4, 0.6, 3), random.uniform(0.2, 0.4)
        inside = (x - middle[0]) ** 2 + (y - middle[1]) ** 2 + (z - middle[2]) ** 2 < radius**2
        levels = 60 + inside * random.uniform(50, 150) + random.normal(0, noise, inside.shape)
        write(folder / f"sub-{number}.nii", np.clip(levels, 0, 255).astype(np.uint8), axes)
    return folder
