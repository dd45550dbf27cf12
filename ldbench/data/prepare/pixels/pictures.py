"""Pixels of one file as they mean it: PNG, JPEG and TIFF by Pillow, DICOM by pydicom, a plane of NIfTI by nibabel.

Several frames or pages, transparency and a compressed DICOM that no installed package decodes are an `ImageError`
naming the file and what would help.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ldbench.data.decoding import DAMAGE, check_area, decoding, one_line
from ldbench.errors import FaultyImageError, ImageError

MAX_PIXELS = 8192 * 8192  # a bomb is refused from its header
_FORMATS = ("PNG", "JPEG", "TIFF")
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # TIFF 6.0, section 3
_16_BIT = ("I;16", "I;16L", "I;16B", "I;16N")


@dataclass(frozen=True)
class Grey:
    """Grey values `(H, W)`; `range` is what black and white are, None where the image itself must tell.

    `inverted`: the least value is white.
    """

    values: NDArray[Any]
    range: tuple[float, float] | None
    inverted: bool = False


def read_picture(path: Path) -> Grey:
    """A PNG, JPEG or TIFF, upright as its EXIF says. Raises ImageError."""
    with decoding(path, "PNG, JPEG or TIFF", MAX_PIXELS, "convert it"):
        with Image.open(path, formats=_FORMATS) as image:
            _check(path, image)
            image.verify()  # a PNG's checksums, which decoding alone does not ask for
        with Image.open(path, formats=_FORMATS) as image:  # anew, as `verify` uses the first one up
            upright = ImageOps.exif_transpose(image)
            inverted = image.mode in _16_BIT and image.format == "TIFF" and _white_is_zero(image)
            return _grey(path, upright, inverted)


def read_dicom(path: Path) -> Grey:
    """One grey frame of a DICOM file, rescaled by its slope and intercept. Raises ImageError."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        dataset = pydicom.dcmread(path)
        kind = str(dataset.get("PhotometricInterpretation", "none"))
        frames = int(dataset.get("NumberOfFrames", 1) or 1)
        if kind not in ("MONOCHROME1", "MONOCHROME2") or frames != 1:
            raise ImageError(f"{path}: expected one grey frame, got {kind}, {frames} frames; export the one meant")
        slope = float(dataset.get("RescaleSlope", 1) or 1)
        intercept = float(dataset.get("RescaleIntercept", 0) or 0)
        values = _decoded(path, dataset)
    except InvalidDicomError as error:
        raise ImageError(f"{path}: expected a DICOM file, got something else; copy it again") from error
    except DAMAGE as error:
        raise ImageError(f"can't read {path}: {one_line(error)}; expected a whole DICOM file") from error
    if values.ndim != 2:
        raise ImageError(f"{path}: expected pixels (H, W), got {values.shape}; export one frame")
    return Grey(values.astype(np.float64) * slope + intercept, None, inverted=kind == "MONOCHROME1")


def read_plane(path: Path) -> Grey | None:
    """A NIfTI of one plane, row 0 anterior and column 0 the subject's left; None for a volume. Raises ImageError."""
    import nibabel as nib

    try:
        image: Any = nib.load(path)
        shape = image.shape
        if len(shape) > 2 and any(side != 1 for side in shape[2:]):
            return None
        plane = np.asarray(image.dataobj).reshape(*shape[:2], 1)
        turned = nib.as_closest_canonical(nib.Nifti1Image(plane, image.affine))
    except (nib.filebasedimages.ImageFileError, nib.spatialimages.HeaderDataError, *DAMAGE) as error:
        raise ImageError(f"can't read {path}: {one_line(error)}; expected a NIfTI file") from error
    values = np.asarray(turned.dataobj)
    if values.shape[2] != 1:
        raise ImageError(f"{path}: expected an axial plane, got one that lies along another axis; turn it")
    return Grey(values[:, :, 0].T[::-1], None)


def _decoded(path: Path, dataset: Any) -> NDArray[Any]:
    try:
        values: NDArray[Any] = dataset.pixel_array
    except (NotImplementedError, RuntimeError, AttributeError, ImportError) as error:
        syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
        name = getattr(syntax, "name", "an unknown transfer syntax")
        raise FaultyImageError(
            f"{path}: can't decode {name}: {one_line(error)[:160]}; "
            'pip install "pydicom[basic]" pylibjpeg-openjpeg, or decompress it (gdcmconv --raw)', "compressed",
        ) from error
    return values


def _check(path: Path, image: Image.Image) -> None:
    check_area(path, image, MAX_PIXELS)
    if getattr(image, "n_frames", 1) != 1:
        raise ImageError(f"{path}: expected one picture, got several pages or frames; save the one that is meant")
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        raise ImageError(f"{path}: expected no transparency, got mode {image.mode}; flatten it")


def _white_is_zero(image: Image.Image) -> bool:
    """Pillow inverts such TIFFs at 8 bits and leaves them as they are at 16."""
    tags: Any = getattr(image, "tag_v2", {})
    return bool(tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO)


def _grey(path: Path, image: Image.Image, inverted: bool) -> Grey:
    if image.mode in _16_BIT:
        return Grey(np.asarray(image).astype(np.uint16), (0, 65535), inverted)
    if image.mode in ("I", "F"):
        return Grey(np.asarray(image), None)
    if image.mode not in ("1", "L", "P", "RGB"):
        raise ImageError(f"{path}: expected a grey or RGB picture, got mode {image.mode}; convert it")
    return Grey(np.asarray(image.convert("RGB").convert("L") if image.mode == "P" else image.convert("L")), (0, 255))
