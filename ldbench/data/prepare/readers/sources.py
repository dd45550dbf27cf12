"""The data sets that are read as their owners ship them, by name; a reader is imported when data are prepared."""

from __future__ import annotations

from ldbench.api import DataSource, Reader


def _chexpert() -> type[Reader]:
    from ldbench.data.prepare.readers.chexpert import CheXpertReader

    return CheXpertReader


def _chexpert_findings() -> type[Reader]:
    from ldbench.data.prepare.readers.chexpert import CheXpertFindingsReader

    return CheXpertFindingsReader


def _oasis3() -> type[Reader]:
    from ldbench.data.prepare.readers.oasis3 import Oasis3Reader

    return Oasis3Reader


def _adni1() -> type[Reader]:
    from ldbench.data.prepare.readers.adni1 import Adni1Reader

    return Adni1Reader


def _folder() -> type[Reader]:
    from ldbench.data.prepare.readers.from_folder import FolderReader

    return FolderReader


# test images: the paper's 100 CN and 100 AD over both sets, from three tenths of the subjects: a tenth has too few AD
_BRAINS: dict[str, str | int | float] = {
    "test_per_class": 50, "test_classes": "CN,AD", "fractions": "0.6,0.1,0.3", "min_years": 1.0,
}

CHEXPERT = DataSource(
    name="chexpert",
    summary="CheXpert: frontal radiographs of four classes; 400 test images, 100 of each (paper, Sec. 4.1).",
    reader=_chexpert, plan={"test_per_class": 100},
)
CHEXPERT_FINDINGS = DataSource(
    name="chexpert-findings",
    summary="CheXpert: all frontal radiographs with all of their findings; patients are split as in chexpert.",
    reader=_chexpert_findings, plan={"test_per_class": 500, "split_as": "chexpert"},
)
OASIS3 = DataSource(
    name="oasis3",
    summary="OASIS-3: axial slices of T1 scans, the nearest clinical visit of each, and pairs of one subject.",
    reader=_oasis3, plan=_BRAINS,
)
ADNI1 = DataSource(
    name="adni1",
    summary="ADNI-1: axial slices of T1 scans, the nearest clinical visit of each, and pairs of one subject.",
    reader=_adni1, plan=_BRAINS,
)
FOLDER = DataSource(
    name="folder", summary="Your own images: PNG, JPEG, TIFF, DICOM or NIfTI, and a CSV that says what they are.",
    reader=_folder,
)
