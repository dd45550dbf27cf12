"""Grey values of one DICOM frame as the standard means them.

In order: stored values; padding (PixelPaddingValue and its range limit) is no field of view, nor is a CT's value below
that of any matter; the modality LUT or slope and intercept; the first VOI LUT or window where it is asked for;
MONOCHROME1 turned over. Pixels lie as far apart as PixelSpacing says, or ImagerPixelSpacing, NominalScannedPixelSpacing
or PixelAspectRatio.

A slice with an orientation is turned to how radiologists see it, whatever way it is stored: column 0 the patient's
right, row 0 anterior for axial slices and superior for coronal ones; column 0 anterior in sagittal ones. A film has no
such orientation and stays as it is stored. Refuses an orientation that is none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ldbench.data.decoding import one_line
from ldbench.data.prepare.observations import note
from ldbench.data.prepare.pixels.dicom_file import BROKEN, open_dicom, stored_values
from ldbench.data.prepare.pixels.grey import Grey, Range, check_spacing
from ldbench.errors import FaultyImageError, ImageError

CT_UNWINDOWED = "CT without a window in its file"
NO_WINDOW = "DICOM window unusable and ignored"
FROM_BELOW = "DICOM axial with the right on the left"
NO_SPACING = "DICOM pixel spacing of 0 ignored"
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_UNIT = 0.01  # how far from length 1 and a right angle an orientation's two directions may be
_NO_MATTER_HU = -1200.0  # air has -1000, and noise around it; scanners fill the corners with -2000 or -3024


def read_dicom(path: Path, *, voi: bool = True) -> Grey:
    """One grey frame of a DICOM file in the modality's units, or, with `voi`, as the file says that it is shown.

    Raises ImageError.
    """
    from pydicom.errors import BytesLengthException, InvalidDicomError

    try:
        dataset = open_dicom(path)
        return _grey(path, dataset, stored_values(path, dataset), voi)
    except InvalidDicomError as error:
        raise ImageError(f"{path}: expected a DICOM file, got something else; copy it again") from error
    except ImageError:
        raise
    except (BytesLengthException, *BROKEN) as error:
        raise ImageError(f"can't read {path}: {one_line(error)}; expected a whole DICOM file") from error


def _grey(path: Path, dataset: Any, stored: NDArray[Any], voi: bool) -> Grey:
    in_units = _modality(path, dataset, stored)
    outside = _outside(dataset, stored, in_units)
    values, shown = _displayed(path, dataset, in_units, voi)
    down, across = _spacing(path, dataset)
    planes = [values] if outside is None else [values, outside]
    directions = dataset.get("ImageOrientationPatient")
    if directions:
        transposed, up, back, axial = _view(path, [float(part) for part in directions])
        planes = [_turned(plane, transposed, up, back) for plane in planes]
        down, across = (across, down) if transposed else (down, across)
        if axial:
            note(FROM_BELOW)
    inverted = str(dataset.PhotometricInterpretation) == "MONOCHROME1"
    outside = planes[1] if len(planes) > 1 else None
    return Grey(planes[0], shown, inverted, outside, (down, across))


def _outside(dataset: Any, stored: NDArray[Any], in_units: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Where stored values are padding (PS3.3, C.7.5.1.1.2) or a CT's no matter; None where nothing is.

    Lossy compression blurs padding to values beside it, and not every scanner declares what it fills corners with.
    """
    outside = np.zeros(stored.shape, dtype=bool)
    value, limit = dataset.get("PixelPaddingValue"), dataset.get("PixelPaddingRangeLimit")
    if value is not None and stored.dtype.kind != "f":
        # some write the value's bits as a number without a sign
        bits = np.array([int(value), int(value if limit is None else limit)]) & (2 ** (8 * stored.itemsize) - 1)
        low, high = sorted(bits.astype(f"u{stored.itemsize}").view(stored.dtype.newbyteorder("=")))
        outside |= (stored >= low) & (stored <= high)
    if dataset.get("Modality") == "CT" and str(dataset.get("RescaleType") or "HU") == "HU":
        outside |= in_units < _NO_MATTER_HU
    return outside if outside.any() else None


def _modality(path: Path, dataset: Any, stored: NDArray[Any]) -> NDArray[np.float64]:
    table = dataset.get("ModalityLUTSequence")
    if table:
        return _looked_up(path, dataset, table[0], stored)[0]
    slope = float(dataset.get("RescaleSlope", 1) or 1)
    intercept = float(dataset.get("RescaleIntercept", 0) or 0)
    return stored.astype(np.float64) * slope + intercept


def _displayed(
    path: Path, dataset: Any, values: NDArray[np.float64], voi: bool
) -> tuple[NDArray[Any], Range | None]:
    """Values, and what of them is black and white; notes a window that is none (PS3.3, C.11.2)."""
    table = dataset.get("VOILUTSequence")
    if voi and table:
        return _looked_up(path, dataset, table[0], values)
    centre, width = _first(dataset, "WindowCenter"), _first(dataset, "WindowWidth")
    if not voi or centre is None or width is None:
        if voi and dataset.get("Modality") == "CT":
            note(CT_UNWINDOWED)
        return values, None
    function = str(dataset.get("VOILUTFunction") or "LINEAR").upper()
    if function == "LINEAR":  # of whole numbers, each of them 1 wide
        centre, width = centre - 0.5, width - 1
    if not (np.isfinite(centre) and np.isfinite(width) and width > 0):
        note(NO_WINDOW)
        return values, None
    if function == "SIGMOID":
        return 1 / (1 + np.exp(-4 * (values - centre) / width)), (0.0, 1.0)
    return values, (centre - width / 2, centre + width / 2)


def _looked_up(
    path: Path, dataset: Any, table: Any, values: NDArray[Any]
) -> tuple[NDArray[np.float64], Range]:
    """Values through a LUT, and the range of its entries. pydicom's own wraps around where entries have 8 bits.

    Without VRs in the file the first value that is mapped may be read without its sign, which values below 0 betray.
    """
    entries, first, bits = (int(part) for part in table.LUTDescriptor)
    syntax, entries = dataset.file_meta.TransferSyntaxUID, entries or 2**16
    if syntax.is_implicit_VR and first >= 2**15 and values.min() < 0:
        first -= 2**16
    order = "<" if syntax.is_little_endian else ">"
    data = table.LUTData
    if not isinstance(data, bytes):
        data = np.asarray(data, np.int64).astype(order + "u2").tobytes()
    in_bytes = bits <= 8 and len(data) in (entries, entries + 1)
    levels = np.frombuffer(data, "u1" if in_bytes else order + "u2")[:entries].astype(np.float64)
    if len(levels) < entries:
        raise FaultyImageError(
            f"{path}: expected a LUT of {entries} entries as its descriptor says, got {len(levels)}; repair its header",
            "broken header",
        )
    return np.interp(values, first + np.arange(entries), levels), (0.0, float(2**bits - 1))


def _first(dataset: Any, name: str) -> float | None:
    """The first number of an element; None for none."""
    value = dataset.get(name)
    numbers = [value] if isinstance(value, int | float | str) else list(value or ())
    return float(numbers[0]) if numbers and str(numbers[0]).strip() else None


def _spacing(path: Path, dataset: Any) -> tuple[float, float]:
    """How far pixels lie apart, down and across; notes a distance of 0, which is how some say: unknown."""
    zero = False
    for name in _SPACINGS:
        spacing = [float(side) for side in dataset.get(name) or ()]
        if any(spacing):
            return check_spacing(path, spacing if len(spacing) == 2 else (math.nan, math.nan))
        zero |= bool(spacing)
    ratio = [float(side) for side in dataset.get("PixelAspectRatio") or ()]
    if len(ratio) == 2 and all(ratio):
        return check_spacing(path, (ratio[0] / ratio[1], 1.0))
    if zero:
        note(NO_SPACING)
    return 1.0, 1.0


def _view(path: Path, directions: Sequence[float]) -> tuple[bool, bool, bool, bool]:
    """What turns a slice to how it is seen: transpose, then rows and columns from the end; whether it is axial."""
    across, down = np.array(directions[:3]), np.array(directions[3:])
    lengths = [float(part @ part) for part in (across, down)] if len(directions) == 6 else []
    if len(lengths) != 2 or max(abs(length - 1) for length in lengths) > _UNIT or abs(float(across @ down)) > _UNIT:
        got = "\\".join(f"{part:g}" for part in directions)
        raise FaultyImageError(
            f"{path}: expected two directions at a right angle as orientation, got {got}; repair its header",
            "orientation unknown",
        )
    normal = int(np.abs(np.cross(across, down)).argmax())
    first, second = (axis for axis in range(3) if axis != normal)  # LPS+: across runs to the left, or else to posterior
    transposed = abs(across[first] * down[second]) < abs(across[second] * down[first])
    if transposed:
        across, down = down, across
    upward = down[second] < 0
    return bool(transposed), bool(upward if second == 1 else not upward), bool(across[first] < 0), normal == 2


def _turned(plane: NDArray[Any], transposed: bool, up: bool, back: bool) -> NDArray[Any]:
    plane = plane.T if transposed else plane
    plane = plane[::-1] if up else plane
    return plane[:, ::-1] if back else plane
