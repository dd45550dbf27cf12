"""DICOM files of one grey frame, as a modality or an archive writes them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage


def film(path: Path, values: NDArray[np.generic], *, kind: str = "MONOCHROME2", **elements: Any) -> Path:
    """Write a frame; `elements` are further ones by keyword, or others than usual."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=["film"])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.Rows, data.Columns, data.SamplesPerPixel = values.shape[0], values.shape[1], 1
    bits = 8 * values.itemsize
    data.PhotometricInterpretation, data.BitsAllocated, data.BitsStored, data.HighBit = kind, bits, bits, bits - 1
    data.PixelRepresentation = int(values.dtype.kind == "i")
    data.PixelData = values.tobytes() + b"\0" * (values.nbytes % 2)
    data["PixelData"].VR = "OB" if bits == 8 else "OW"
    for name, value in elements.items():
        setattr(data, name, value)
    data.save_as(path, enforce_file_format=True)
    return path


def without_preamble(path: Path, *, implicit: bool = True) -> Path:
    """The file's data set alone, as some archives hold it."""
    whole = pydicom.dcmread(path)
    plain = pydicom.Dataset(whole)
    out = io.BytesIO()
    plain.save_as(out, implicit_vr=implicit, little_endian=True)
    path.write_bytes(out.getvalue())
    return path
