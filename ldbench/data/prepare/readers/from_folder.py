"""Anyone's own images: a CSV that says what they are, and a folder that holds them.

Columns `image` (a path below the root), `subject`, the class attribute, and `years` if the images of a subject have an
order in time; of the further columns only those that `attributes` names, as a hospital's table may hold names and
record numbers. `folder_table` says how cells are read. PNG, JPEG, TIFF, DICOM and NIfTI.

Grey values: 8 and 16-bit pictures are divided by 255 and 65535; floats, wider integers, DICOM and NIfTI go from one
percentile of the image to another. Colour becomes grey by ITU-R 601-2 luma. Then a centred square with black borders
and Pillow's LANCZOS on float32, which widens with the scale when an image shrinks (antialiasing). A NIfTI volume is cut
as `ldbench.data.prepare.pixels.volumes` says, by the settings `preprocessing`.

Refuses paths that leave the root, several frames, transparency, NaN, and an image without contrast: one line each.
"""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ldbench.api import Found, ParameterValue, Skipped, SourceImage
from ldbench.data.prepare.pixels.pictures import Grey, read_dicom, read_picture, read_plane
from ldbench.data.prepare.pixels.volumes import Preprocessing, axial_slice, middle_square, resized
from ldbench.data.prepare.readers.csv_text import known
from ldbench.data.prepare.readers.folder_table import (
    IMAGE,
    SUBJECT,
    YEARS,
    FolderRow,
    check_attributes,
    folder_rows,
    number,
)
from ldbench.data.prepare.readers.listing import found_of
from ldbench.errors import FaultyImageError, ImageError, UsageError

_SHARED = ("size", "low_percentile", "high_percentile")
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
_DICOM = (".dcm", ".dicom", ".ima")
_NIFTI = (".nii", ".nii.gz")


@dataclass(frozen=True)
class FolderReader:
    """`Reader` of a CSV and a folder. `classes` are those to use; with none given, all that the CSV names.

    `attributes` are the further columns that the manifest gets beside the class. `preprocessing` says how a volume is
    cut; size and percentiles are the reader's own, for planes and volumes alike.
    """

    csv: Path = Path("manifest.csv")
    dataset: str = "folder"
    class_attribute: str = "diagnosis"
    classes: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    size: int = 512
    low_percentile: float = 0.5
    high_percentile: float = 99.5
    preprocessing: Preprocessing = field(default_factory=Preprocessing)

    def __post_init__(self) -> None:
        """Raises UsageError for a setting out of range."""
        if not 8 <= self.size <= 4096:
            raise UsageError(f"folder: expected a size from 8 to 4096, got {self.size}")
        if not 0 <= self.low_percentile < self.high_percentile <= 100:
            got = f"{self.low_percentile:g} and {self.high_percentile:g}"
            raise UsageError(f"folder: expected percentiles rising from 0 to 100, got {got}")
        shared, usual = {name: getattr(self, name) for name in _SHARED}, Preprocessing()
        for name, value in shared.items():
            given = getattr(self.preprocessing, name)
            if given not in (value, getattr(usual, name)):
                raise UsageError(f"folder: expected {name} = {given}, got preprocessing.{name}; drop the prefix")
        object.__setattr__(self, "preprocessing", replace(self.preprocessing, **shared))
        check_attributes(self.class_attribute, self.attributes)
        unknowable = [name for name in self.classes if not known(name)]
        if unknowable:
            got = f"{unknowable[0]!r}, which is how tables spell a value that nobody knows"
            raise UsageError(f"folder: expected names of classes, got {got}; rename it in the table")

    def found(self, root: Path) -> Found:
        """Every row of the CSV, as an image or with the reason it is left out; DataError for what is no such table."""
        seen: set[str] = set()
        base = root.resolve()
        rows = folder_rows(self.csv, self.class_attribute, self.attributes)
        return found_of(self._source(base, row, seen) for row in rows)

    def pixels(self, source: SourceImage) -> NDArray[np.float32]:
        """The image `(size, size) float32 in [0, 1]`. Raises ImageError naming the file."""
        suffix = _suffix(source.path)
        if suffix in _NIFTI:
            grey = read_plane(source.path)
            if grey is None:
                return axial_slice(source.path, self.preprocessing)
        else:
            grey = read_dicom(source.path) if suffix in _DICOM else read_picture(source.path)
        picture = self._scaled(source.path, grey)
        return resized(middle_square(picture, max(picture.shape)), self.size, Image.Resampling.LANCZOS)

    def settings(self) -> Mapping[str, ParameterValue]:
        """The choices that pixels depend on; which images there are is the manifest's."""
        own: dict[str, ParameterValue] = {
            "class_attribute": self.class_attribute, "classes": ",".join(self.classes), "size": self.size,
            "low_percentile": self.low_percentile, "high_percentile": self.high_percentile,
            "range": "8 and 16 bits by their type, others by percentiles", "grey": "ITU-R 601-2 luma",
            "square": "centred, black borders", "resize": "PIL lanczos on float32, antialiased",
        }
        return {**own, **{f"volume.{name}": value for name, value in self.preprocessing.settings().items()}}

    def _source(self, root: Path, row: FolderRow, seen: set[str]) -> SourceImage | Skipped:
        at = f"(line {row.line})"
        label = row.image or f"line {row.line}"
        needed = {IMAGE: row.image, SUBJECT: row.subject, self.class_attribute: self._label(row)}
        for column, cell in needed.items():
            if not cell:
                return Skipped(label, f"expected a {column}, got a blank or missing cell {at}", "fault", "blank-cell")
        inside = posixpath.normpath(row.image.replace("\\", "/"))
        path = _named(root, inside)
        absolute = PurePosixPath(inside).is_absolute() or PureWindowsPath(inside).is_absolute()
        if absolute or not path.resolve().is_relative_to(root):
            return Skipped(label, f"expected a path below --root, got another {at}", "fault", "outside-root")
        if unicodedata.normalize("NFC", inside) in seen:
            return Skipped(label, f"the image stands in an earlier line too {at}", "fault", "listed-twice")
        if not path.is_file():
            return Skipped(label, f"expected a file, got none {at}", "fault", "missing-file")
        when = number(row.years)
        if row.years and when is None:
            return Skipped(label, f"expected a number in column {YEARS}, got {row.years!r:.40} {at}", "fault", "years")
        seen.add(unicodedata.normalize("NFC", inside))
        if self.classes and self._label(row) not in self.classes:
            got = f"{self.class_attribute} {self._label(row)}"
            return Skipped(inside, f"expected one of {', '.join(self.classes)}, got {got}", "rule", "class")
        return SourceImage(inside, path, row.subject, inside, row.attributes, when)

    def _label(self, row: FolderRow) -> str:
        """The class as the table spells it, "" where it is unknown."""
        return str(row.attributes.get(self.class_attribute, ""))

    def _scaled(self, path: Path, grey: Grey) -> NDArray[np.float32]:
        values = grey.values.astype(np.float32)
        if not np.isfinite(values).all():
            text = f"{path}: expected finite pixels, got NaN or infinite ones; leave the file out"
            raise FaultyImageError(text, "NaN")
        if grey.range is not None:
            low, high = grey.range
        else:
            low, high = (float(x) for x in np.percentile(values, (self.low_percentile, self.high_percentile)))
        if not high > low or values.min() == values.max():
            raise FaultyImageError(
                f"{path}: expected an image with contrast, got {low:g} nearly everywhere; leave it out", "no contrast"
            )
        scaled = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
        upright: NDArray[np.float32] = 1 - scaled if grey.inverted else scaled
        return upright


def _suffix(path: Path) -> str:
    """The suffix that decides; a file without one is DICOM, as scanners and archives write it."""
    name = path.name.lower()
    for suffix in (*_NIFTI, *_DICOM, *_PICTURES):
        if name.endswith(suffix):
            return suffix
    with path.open("rb") as file:
        if file.read(132)[128:] == b"DICM":
            return _DICOM[0]
    raise ImageError(f"{path}: expected one of {', '.join((*_PICTURES, *_DICOM, *_NIFTI))}, got another suffix")


def _named(root: Path, inside: str) -> Path:
    """The file of a name, whose accents a Mac may have spelt in another form than the table."""
    forms = (inside, *(unicodedata.normalize(form, inside) for form in ("NFC", "NFD")))
    return next((path for form in forms if (path := root / form).is_file()), root / inside)
