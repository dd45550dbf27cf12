"""Pixels of one DICOM file as the standard means them: one grey frame, by pydicom and the decoders it finds.

In order: stored values; padding (PixelPaddingValue and its range limit) is no field of view; the modality LUT or slope
and intercept; the first VOI LUT or window where it is asked for; MONOCHROME1 turned over. Elements of enhanced files
are found in their functional groups. Pixels lie as far apart as PixelSpacing says, or ImagerPixelSpacing,
NominalScannedPixelSpacing or PixelAspectRatio.

A slice with an orientation is turned to how radiologists see it, whatever way it is stored: column 0 the patient's
right, row 0 anterior for axial slices and superior for coronal ones; column 0 anterior in sagittal ones. A film has no
such orientation and stays as it is stored.

A file without the preamble or without a transfer syntax is read in the standard's default encoding, and a note counts
it. Refuses colour, several frames, an orientation that is none, and what no installed package decodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ldbench.data.decoding import DAMAGE, one_line
from ldbench.data.prepare.pixels.grey import Grey, Range, check_spacing
from ldbench.data.prepare.pixels.pictures import MAX_PIXELS
from ldbench.errors import FaultyImageError, ImageError

NO_PREAMBLE = "DICOM without its preamble"
NO_SYNTAX = "DICOM without a transfer syntax"
NO_WINDOW = "DICOM window unusable and ignored"
FROM_BELOW = "DICOM axial with the right on the left"
_MAGIC = slice(128, 132)
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")  # of a file without a preamble, in either byte order
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_UNIT = 0.01  # how far from length 1 and a right angle an orientation's two directions may be
_BROKEN = (*DAMAGE, AttributeError, KeyError, TypeError, NotImplementedError, OverflowError, RuntimeError, ImportError)


def begins_as_dicom(head: bytes) -> bool:
    """Whether the first 132 bytes of a file are those of a DICOM file, with or without its preamble."""
    return head[_MAGIC] == b"DICM" or head[:2] in _FIRST_GROUPS


def read_dicom(path: Path, *, voi: bool = True) -> Grey:
    """One grey frame of a DICOM file in the modality's units, or, with `voi`, as the file says that it is shown.

    Raises ImageError.
    """
    from pydicom.errors import InvalidDicomError

    try:
        dataset, notes = _opened(path)
        _check(path, dataset)
        stored = _decoded(path, dataset)
        return _grey(path, dataset, stored, voi, notes)
    except InvalidDicomError as error:
        raise ImageError(f"{path}: expected a DICOM file, got something else; copy it again") from error
    except ImageError:
        raise
    except _BROKEN as error:
        raise ImageError(f"can't read {path}: {one_line(error)}; expected a whole DICOM file") from error


def _opened(path: Path) -> tuple[Any, list[str]]:
    """The data set, with the elements of its functional groups, and what it was read by default for."""
    import pydicom
    from pydicom import uid

    with path.open("rb") as file:
        head = file.read(_MAGIC.stop)
    bare = head[_MAGIC] != b"DICM"
    dataset: Any = pydicom.dcmread(path, force=bare and begins_as_dicom(head))
    notes = [NO_PREAMBLE] if bare else []
    if not dataset.file_meta.get("TransferSyntaxUID"):
        implicit, little = dataset.original_encoding  # as the first element is written; the standard's default is both
        explicit = uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian if implicit else explicit
        notes += [] if bare else [NO_SYNTAX]
    for name in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in list(dataset.get(name) or ())[:1]:
            for element in group:
                if element.VR == "SQ" and element.value:
                    dataset.update(element.value[0])
    return dataset, notes


def _check(path: Path, dataset: Any) -> None:
    kind, frames = str(dataset.get("PhotometricInterpretation", "none")), int(dataset.get("NumberOfFrames", 1) or 1)
    grey = kind in ("MONOCHROME1", "MONOCHROME2")
    if not grey or frames != 1:
        text = f"{path}: expected one grey frame, got {kind}, {frames} frames; export the one meant"
        raise FaultyImageError(text, "several frames" if grey else "colour")
    if int(dataset.Rows) * int(dataset.Columns) > MAX_PIXELS:
        raise ImageError(f"{path}: expected at most {MAX_PIXELS} pixels, got {dataset.Columns} x {dataset.Rows}")


def _decoded(path: Path, dataset: Any) -> NDArray[Any]:
    syntax = dataset.file_meta.TransferSyntaxUID
    compressed = syntax.is_encapsulated if syntax.is_transfer_syntax else True
    if not compressed and "PixelData" in dataset and dataset["PixelData"].is_undefined_length:
        text = f"{path}: expected a transfer syntax that says how it is compressed, got none; export it again"
        raise FaultyImageError(text, "compressed")
    try:
        values: NDArray[Any] = dataset.pixel_array
    except _BROKEN as error:
        if not compressed:
            raise
        text = f"{path}: can't decode {syntax.name}: {one_line(error)[:160]}; {_remedy(syntax)}"
        raise FaultyImageError(text, "compressed") from error
    if values.ndim != 2:
        raise ImageError(f"{path}: expected pixels (H, W), got {values.shape}; export one frame")
    return values


def _remedy(syntax: Any) -> str:
    """What would help where a file's compression is not undone: the package that undoes it, unless it is here."""
    from pydicom import uid
    from pydicom.pixels.decoders.base import get_decoder

    package = "python-gdcm"
    if syntax in uid.JPEG2000TransferSyntaxes or "High-Throughput" in syntax.name:
        package = "pylibjpeg pylibjpeg-openjpeg"
    elif syntax == uid.JPEGExtended12Bit:
        package = "pylibjpeg pylibjpeg-libjpeg"  # of 12 bits; under the GPL, which is why no extra installs it
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        return "export it uncompressed"
    if decoder.is_available and syntax != uid.JPEGExtended12Bit:
        return "copy it again"
    return f"pip install {package}, or decompress it (gdcmconv --raw)"


def _grey(path: Path, dataset: Any, stored: NDArray[Any], voi: bool, notes: Sequence[str]) -> Grey:
    outside = _outside(dataset, stored)
    values, shown, of_window = _displayed(dataset, _modality(dataset, stored), voi)
    down, across = check_spacing(path, _spacing(dataset))
    planes = [values] if outside is None else [values, outside]
    directions = dataset.get("ImageOrientationPatient")
    of_view: list[str] = []
    if directions:
        transposed, up, back, axial = _view(path, [float(part) for part in directions])
        planes = [_turned(plane, transposed, up, back) for plane in planes]
        down, across = (across, down) if transposed else (down, across)
        of_view = [FROM_BELOW] if axial else []
    inverted = str(dataset.PhotometricInterpretation) == "MONOCHROME1"
    outside = planes[1] if len(planes) > 1 else None
    return Grey(planes[0], shown, inverted, outside, (down, across), (*notes, *of_window, *of_view))


def _outside(dataset: Any, stored: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Where stored values are padding (PS3.3, C.7.5.1.1.2); None where none is."""
    value = dataset.get("PixelPaddingValue")
    if value is None or stored.dtype.kind == "f":
        return None
    limit = dataset.get("PixelPaddingRangeLimit")
    # some write the value's bits as a number without a sign
    unsigned = np.array([int(value), int(value if limit is None else limit)]) & (2 ** (8 * stored.itemsize) - 1)
    low, high = sorted(unsigned.astype(f"u{stored.itemsize}").view(stored.dtype.newbyteorder("=")))
    outside: NDArray[np.bool_] = (stored >= low) & (stored <= high)
    return outside if outside.any() else None


def _modality(dataset: Any, stored: NDArray[Any]) -> NDArray[np.float64]:
    table = dataset.get("ModalityLUTSequence")
    if table:
        return _looked_up(dataset, table[0], stored)[0]
    slope = float(dataset.get("RescaleSlope", 1) or 1)
    intercept = float(dataset.get("RescaleIntercept", 0) or 0)
    return stored.astype(np.float64) * slope + intercept


def _displayed(dataset: Any, values: NDArray[np.float64], voi: bool) -> tuple[NDArray[Any], Range | None, list[str]]:
    """Values, what of them is black and white, and a note on a window that is none (PS3.3, C.11.2)."""
    table = dataset.get("VOILUTSequence")
    if voi and table:
        return *_looked_up(dataset, table[0], values), []
    centre, width = _first(dataset, "WindowCenter"), _first(dataset, "WindowWidth")
    if not voi or centre is None or width is None:
        return values, None, []
    function = str(dataset.get("VOILUTFunction") or "LINEAR").upper()
    if function == "LINEAR":  # of whole numbers, each of them 1 wide
        centre, width = centre - 0.5, width - 1
    if not (np.isfinite(centre) and np.isfinite(width) and width > 0):
        return values, None, [NO_WINDOW]
    if function == "SIGMOID":
        return 1 / (1 + np.exp(-4 * (values - centre) / width)), (0.0, 1.0), []
    return values, (centre - width / 2, centre + width / 2), []


def _looked_up(dataset: Any, table: Any, values: NDArray[Any]) -> tuple[NDArray[np.float64], Range]:
    """Values through a LUT, and the range of its entries. pydicom's own wraps around where entries have 8 bits."""
    entries, first, bits = (int(part) for part in table.LUTDescriptor)
    data = table.LUTData
    if isinstance(data, bytes):
        entry = "u1" if len(data) in (entries, entries + 1) and bits <= 8 else "u2"
        order = "<" if dataset.file_meta.TransferSyntaxUID.is_little_endian else ">"
        data = np.frombuffer(data, order + entry)
    levels = np.asarray(data, dtype=np.float64)[: entries or 2**16]
    return np.interp(values, first + np.arange(len(levels)), levels), (0.0, float(2**bits - 1))


def _first(dataset: Any, name: str) -> float | None:
    """The first number of an element; None for none."""
    value = dataset.get(name)
    numbers = [value] if isinstance(value, int | float | str) else list(value or ())
    return float(numbers[0]) if numbers and str(numbers[0]).strip() else None


def _spacing(dataset: Any) -> tuple[float, float]:
    for name in _SPACINGS:
        spacing = dataset.get(name)
        if spacing:
            down, across = (float(side) for side in spacing)
            return down, across
    ratio = dataset.get("PixelAspectRatio")
    if ratio:
        high, wide = (float(side) for side in ratio)
        return (high / wide if wide else float("nan")), 1.0
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
