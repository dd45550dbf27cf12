"""DICOM files of given values, sound and damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.uid import JPEG2000Lossless, RLELossless

from tests.stand_ins.films import film


def dicom(
    path: Path, values: NDArray[np.uint16], kind: str = "MONOCHROME2", slope: float = 1, syntax: str = ""
) -> Path:
    film(path, values, kind=kind, RescaleSlope=slope, RescaleIntercept=-100)
    data = pydicom.dcmread(path)
    if syntax == "rle":
        data.compress(RLELossless, encoding_plugin="pydicom")
    if syntax == "j2k":  # what no decoder is installed for, or what is none
        data.PixelData = pydicom.encaps.encapsulate([b"\xff\x4f\xff\x51 no codestream"])
        data["PixelData"].is_undefined_length = True
        data.file_meta.TransferSyntaxUID = JPEG2000Lossless
    data.save_as(path, enforce_file_format=True)
    return path
