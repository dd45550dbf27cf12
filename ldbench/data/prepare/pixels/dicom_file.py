"""A DICOM file as pydicom reads it: its elements, and the stored values of its one grey frame.

A file without the preamble or without a transfer syntax is read in the standard's default encoding, and a note counts
it. Elements of enhanced files are found in their functional groups.

Refuses colour, several frames, and what no installed package decodes; the extra `clinical` installs those that decode
JPEG, JPEG Lossless, JPEG-LS, JPEG 2000 and RLE. Each is an `ImageError` naming the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ldbench.data.decoding import DAMAGE, one_line
from ldbench.data.prepare.observations import note
from ldbench.data.prepare.pixels.pictures import MAX_PIXELS
from ldbench.errors import FaultyImageError, ImageError

NO_PREAMBLE = "DICOM without its preamble"
NO_SYNTAX = "DICOM without a transfer syntax"
# what pydicom and its decoders raise for files that are none, or not whole
BROKEN = (*DAMAGE, AttributeError, KeyError, TypeError, NotImplementedError, OverflowError, RuntimeError, ImportError)
_MAGIC = slice(128, 132)
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")  # of a file without a preamble, in either byte order
_GREY = ("MONOCHROME1", "MONOCHROME2")


def begins_as_dicom(head: bytes) -> bool:
    """Whether the first 132 bytes of a file are those of a DICOM file, with or without its preamble."""
    return head[_MAGIC] == b"DICM" or head[:2] in _FIRST_GROUPS


def open_dicom(path: Path) -> Any:
    """The data set of one grey frame. Raises ImageError, and what BROKEN lists."""
    import pydicom
    from pydicom import uid

    with path.open("rb") as file:
        head = file.read(_MAGIC.stop)
    bare = head[_MAGIC] != b"DICM"
    dataset: Any = pydicom.dcmread(path, force=bare and begins_as_dicom(head))
    if bare:
        note(NO_PREAMBLE)
    if not dataset.file_meta.get("TransferSyntaxUID"):
        implicit, little = dataset.original_encoding  # as the first element is written; the standard's default is both
        explicit = uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian if implicit else explicit
        if not bare:
            note(NO_SYNTAX)
    for name in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in list(dataset.get(name) or ())[:1]:
            for element in group:
                if element.VR == "SQ" and element.value:
                    dataset.update(element.value[0])
    _check(path, dataset)
    return dataset


def _check(path: Path, dataset: Any) -> None:
    kind, frames = dataset.get("PhotometricInterpretation"), int(dataset.get("NumberOfFrames", 1) or 1)
    if kind is None:
        raise ImageError(f"{path}: expected a DICOM image, got a DICOM file without one; leave it out")
    if kind not in _GREY or frames != 1:
        name = " ".join(str(kind).split())
        text = f"{path}: expected one grey frame, got {name}, {frames} frames; export the one meant"
        raise FaultyImageError(text, "several frames" if kind in _GREY else "colour")
    if int(dataset.Rows) * int(dataset.Columns) > MAX_PIXELS:
        raise ImageError(f"{path}: expected at most {MAX_PIXELS} pixels, got {dataset.Columns} x {dataset.Rows}")


def stored_values(path: Path, dataset: Any) -> NDArray[Any]:
    """The frame `(H, W)` as it is stored. Raises ImageError, and what BROKEN lists."""
    syntax = dataset.file_meta.TransferSyntaxUID
    compressed = syntax.is_encapsulated if syntax.is_transfer_syntax else True
    if not compressed and "PixelData" in dataset and dataset["PixelData"].is_undefined_length:
        text = f"{path}: expected a transfer syntax that says how it is compressed, got none; export it again"
        raise FaultyImageError(text, "compressed")
    try:
        values: NDArray[Any] = dataset.pixel_array
    except BROKEN as error:
        if not compressed:
            raise
        name = " ".join(syntax.name.split())
        text = f"{path}: can't decode {name}: {one_line(error)[:160]}; {_remedy(syntax)}"
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
