"""Head volumes from the ICBM152 template that nilearn ships, with headers as they are met in the wild.

A scalp is drawn around the template's brain, for clinical scans have one. Everything is a function of its arguments.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import nibabel as nib
import numpy as np
from nibabel.processing import resample_from_to
from nilearn.datasets import load_mni152_template
from numpy.typing import NDArray
from scipy import ndimage

Transform = Literal["sform", "qform", "both", "none"]


@dataclass(frozen=True)
class Head:
    """A T1-like head: `voxels` (X, Y, Z) float32 from 0 to about 1000 on RAS axes, `affine` in mm."""

    voxels: NDArray[np.float32]
    affine: NDArray[np.float64]


def template_head(voxel: float = 4.0, *, scalp: bool = True) -> Head:
    """The template at a voxel size, with air around it and, unless it is stripped, dark bone and bright scalp."""
    template = load_mni152_template(resolution=1)
    affine = np.diag([voxel, voxel, voxel, 1.0])
    affine[:3, 3] = -98.0, -134.0, -72.0
    shape = tuple(int(side // voxel) for side in (197, 233, 189))
    brain = np.asarray(resample_from_to(template, (shape, affine), order=1).dataobj, dtype=np.float32)
    outside = ndimage.distance_transform_edt(brain < 0.1, sampling=voxel)
    shell = (outside > 5) & (outside <= 12)
    voxels = 800 * brain + (700.0 * shell if scalp else 0.0)
    return Head(voxels.astype(np.float32), affine)


def individual(head: Head, seed: int) -> Head:
    """Somebody else's head: other proportions by up to 4 %, other contrast, some noise."""
    rng = np.random.default_rng(seed)
    affine = np.diag([*rng.uniform(0.96, 1.04, 3), 1.0]) @ head.affine
    voxels = 1000 * (head.voxels / 1000) ** rng.uniform(0.8, 1.2) + rng.normal(0, 8, head.voxels.shape)
    return Head(np.clip(voxels, 0, None).astype(np.float32), affine)


def turned(head: Head, degrees: float) -> Head:
    """The same voxels in a scanner that was turned about the left-right axis."""
    turn = np.eye(4)
    turn[:3, :3] = nib.eulerangles.euler2mat(x=np.radians(degrees))
    return replace(head, affine=turn @ head.affine)


def write_volume(
    path: Path,
    head: Head,
    *,
    axes: str = "RAS",
    kind: Any = np.int16,
    scaled: bool = True,
    transform: Transform = "sform",
) -> Path:
    """Write a head as `.nii` or `.nii.gz` with its array along `axes`.

    An integer `kind` that is `scaled` gets a slope and intercept that use its whole range.
    """
    start = nib.orientations.axcodes2ornt("RAS")
    voxels = head.voxels if scaled else head.voxels.astype(kind)
    image = nib.Nifti1Image(voxels, head.affine).as_reoriented(
        nib.orientations.ornt_transform(start, nib.orientations.axcodes2ornt(tuple(axes)))
    )
    affine = image.affine.copy()  # set_sform changes it in place
    image.set_data_dtype(kind)
    image.set_sform(affine if transform in ("sform", "both") else None, code=int(transform in ("sform", "both")))
    image.set_qform(affine if transform in ("qform", "both") else None, code=int(transform in ("qform", "both")))
    return write_image(path, image)


def write_image(path: Path, image: nib.Nifti1Image) -> Path:
    """The image's bytes, zipped without a time where the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = image.to_bytes()
    path.write_bytes(gzip.compress(content, 4, mtime=0) if path.name.endswith(".gz") else content)
    return path
