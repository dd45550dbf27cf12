"""Anyone's own images: a CSV that says what they are, and a folder that holds them.

Columns `image` (a path below the root), `subject`, the class attribute, and `years` if the images of a subject have an
order in time; of the further columns only those that `attributes` names, as a hospital's table may hold names and
record numbers. `folder_table` says how cells are read. PNG, JPEG, TIFF, DICOM and NIfTI.

One plane becomes a picture as `ldbench.data.prepare.pixels.grey` says, whatever its format: levels by `window`, colour
to grey by ITU-R 601-2 luma, a centred square of millimetres with black borders. A NIfTI volume is cut as
`ldbench.data.prepare.pixels.volumes` says, by the settings `preprocessing`; of them `untold_axes` and `oblique` hold
for a NIfTI of one plane too.

A link counts as the file that it leads to, wherever that lies. Refuses
paths that leave the root, several frames, transparency, NaN, and an image without contrast: one line each.
"""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
from numpy.typing import NDArray

from ldbench.api import Found, ParameterValue, Skipped, SourceImage
from ldbench.data.prepare.pixels.dicom import read_dicom
from ldbench.data.prepare.pixels.dicom_file import begins_as_dicom
from ldbench.data.prepare.pixels.grey import FILE, check_window, even_square, levels
from ldbench.data.prepare.pixels.nifti import read_plane
from ldbench.data.prepare.pixels.pictures import read_picture
from ldbench.data.prepare.pixels.volumes import Preprocessing, axial_slice
from ldbench.data.prepare.readers.csv_text import folded, known
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
from ldbench.errors import ImageError, UsageError, unknown_name

_SHARED = ("size", "low_percentile", "high_percentile", "window")
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
_DICOM = (".dcm", ".dicom", ".ima")
_NIFTI = (".nii", ".nii.gz")


@dataclass(frozen=True)
class FolderReader:
    """`Reader` of a CSV and a folder. `classes` are those to use; with none given, all that the CSV names.

    `attributes` are the further columns that the manifest gets beside the class. `preprocessing` says how a volume is
    cut; size, percentiles and window are the reader's own, for planes and volumes alike. `window` is "file" (what the
    file says is black and white, else percentiles), "percentile", or "LOW,HIGH" in the file's units.
    """

    csv: Path = Path("manifest.csv")
    dataset: str = "folder"
    class_attribute: str = "diagnosis"
    classes: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    size: int = 512
    low_percentile: float = 0.5
    high_percentile: float = 99.5
    window: str = FILE
    preprocessing: Preprocessing = field(default_factory=Preprocessing)

    def __post_init__(self) -> None:
        """Raises UsageError for a setting out of range."""
        if not 8 <= self.size <= 4096:
            raise UsageError(f"size: expected 8 to 4096, got {self.size}")
        if not 0 <= self.low_percentile < self.high_percentile <= 100:
            got = f"{self.low_percentile:g} and {self.high_percentile:g}"
            raise UsageError(f"folder: expected percentiles rising from 0 to 100, got {got}")
        check_window("folder", self.window)
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
        """Every row of the CSV, as an image or with the reason it is left out; DataError for what is no such
        table, UnknownNameError for a class to use that no row has."""
        seen: set[str] = set()
        rows = folder_rows(self.csv, self.class_attribute, self.attributes)
        subjects: dict[str, dict[str, None]] = {}
        for row in rows:
            subjects.setdefault(_key(row), {}).update({row.subject: None} if row.subject else {})
        labels = {label for row in rows if (label := self._label(row))}
        if absent := [name for name in self.classes if name not in labels]:
            remedy = f"no row has it in column {self.class_attribute!r}; correct --classes or the table"
            raise unknown_name("class", absent[0], labels, remedy)
        return found_of(self._source(root, row, seen, list(subjects[_key(row)])) for row in rows)

    def pixels(self, source: SourceImage) -> NDArray[np.float32]:
        """The image `(size, size) float32 in [0, 1]`. Raises ImageError naming the file."""
        path, suffix, of_file = source.path, _suffix(source.path), self.window == FILE
        if suffix in _NIFTI:
            cut = self.preprocessing
            steepest = cut.oblique_degrees if cut.oblique == "refuse" else 180.0
            grey = read_plane(path, untold_axes=cut.untold_axes, oblique_degrees=steepest)
            if grey is None:
                return axial_slice(path, cut)
        else:
            grey = read_dicom(path, voi=of_file) if suffix in _DICOM else read_picture(path, by_depth=of_file)
        picture = levels(path, grey, self.window, (self.low_percentile, self.high_percentile))
        return even_square(picture, grey.spacing, self.size)

    def further_files(self, source: SourceImage) -> Sequence[Path]:
        """Where a volume's mask may lie, if masks are asked for."""
        return self.preprocessing.masks_of(source.path) if source.path.name.lower().endswith(_NIFTI) else ()

    def settings(self) -> Mapping[str, ParameterValue]:
        """The choices that pixels depend on; which images there are is the manifest's."""
        own: dict[str, ParameterValue] = {
            "class_attribute": self.class_attribute, "classes": ",".join(self.classes), "size": self.size,
            "low_percentile": self.low_percentile, "high_percentile": self.high_percentile,
            "window": self.window, "range": "DICOM by its window, integers by their bits, others by percentiles",
            "grey": "ITU-R 601-2 luma", "square": "centred in mm, black borders",
            "resize": "PIL lanczos on float32, antialiased",
        }
        return {**own, **{f"volume.{name}": value for name, value in self.preprocessing.settings().items()}}

    def _source(self, root: Path, row: FolderRow, seen: set[str], subjects: Sequence[str]) -> SourceImage | Skipped:
        at = f"(line {row.line})"
        label = row.image or f"line {row.line}"
        needed = {IMAGE: row.image, SUBJECT: row.subject, self.class_attribute: self._label(row)}
        for column, cell in needed.items():
            if not cell:
                expected = f"expected a value in column {column!r}, got a blank or missing cell {at}"
                return Skipped(label, expected, "fault", "blank-cell")
        inside = _inside(row)
        absolute = PurePosixPath(inside).is_absolute() or PureWindowsPath(inside).is_absolute()
        if absolute or inside.split("/")[0] == "..":
            return Skipped(label, f"expected a path below --root, got another {at}", "fault", "outside-root")
        if len(subjects) > 1:  # of any of them it may come into two splits
            told = f"expected one subject of the image, got {' and '.join(subjects)} in several lines {at}"
            return Skipped(label, told, "fault", "several-subjects")
        if _key(row) in seen:
            return Skipped(label, f"the image stands in an earlier line too {at}", "fault", "listed-twice")
        path = _named(root, inside)
        when = number(row.years)
        if row.years and when is None:
            return Skipped(label, f"expected a number in column {YEARS}, got {row.years!r:.40} {at}", "fault", "years")
        seen.add(_key(row))
        if self.classes and self._label(row) not in self.classes:
            text = f"expected one of {', '.join(self.classes)}, got {self.class_attribute} {self._label(row)}"
            if folded(self._label(row)) in map(folded, self.classes):
                return Skipped(inside, f"{text}, another spelling of one {at}", "fault", "class-spelling")
            return Skipped(inside, text, "rule", "class")
        image = SourceImage(inside, path, row.subject, inside, row.attributes, when)
        if not path.is_file():
            got = "a link that leads to none" if path.is_symlink() else "none"
            return Skipped(label, f"expected a file, got {got} {at}", "fault", "missing-file", image)
        return image

    def _label(self, row: FolderRow) -> str:
        """The class as the table spells it, "" where it is unknown."""
        return str(row.attributes.get(self.class_attribute, ""))


def _inside(row: FolderRow) -> str:
    """The path of a row's image below the root, in one spelling."""
    return posixpath.normpath(row.image.replace("\\", "/"))


def _key(row: FolderRow) -> str:
    """The same in one form of accents."""
    return unicodedata.normalize("NFC", _inside(row))


def _suffix(path: Path) -> str:
    """The suffix that decides; a file without one may be DICOM, as scanners and archives write it."""
    name = path.name.lower()
    for suffix in (*_NIFTI, *_DICOM, *_PICTURES):
        if name.endswith(suffix):
            return suffix
    with path.open("rb") as file:
        if begins_as_dicom(file.read(132)):
            return _DICOM[0]
    raise ImageError(f"{path}: expected one of {', '.join((*_PICTURES, *_DICOM, *_NIFTI))}, got another suffix")


def _named(root: Path, inside: str) -> Path:
    """The file of a name, whose accents a Mac may have spelt in another form than the table."""
    forms = (inside, *(unicodedata.normalize(form, inside) for form in ("NFC", "NFD")))
    return next((path for form in forms if (path := root / form).is_file()), root / inside)
