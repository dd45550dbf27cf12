"""Anyone's own images: a CSV that says what they are, and a folder that holds them.

Columns `image` (a path below the root), `subject`, the class attribute, any further attributes, and `years` if the
images of a subject have an order in time; empty cells are what nobody knows. PNG, JPEG, TIFF, DICOM and NIfTI.

Grey values: 8 and 16-bit pictures are divided by 255 and 65535; floats, wider integers, DICOM and NIfTI go from one
percentile of the image to another. Colour becomes grey by ITU-R 601-2 luma. Then a centred square with black borders
and Pillow's LANCZOS on float32, which widens with the scale when an image shrinks (antialiasing). A NIfTI volume is cut
as `ldbench.data.prepare.pixels.volumes` says, by the settings `preprocessing`.

Refuses paths that leave the root, several frames, transparency, NaN, and an image without contrast: one line each.
"""

from __future__ import annotations

import math
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ldbench.api import Found, ParameterValue, Skipped, SourceImage
from ldbench.data.prepare.pixels.pictures import Grey, read_dicom, read_picture, read_plane
from ldbench.data.prepare.pixels.volumes import Preprocessing, axial_slice, middle_square, resized
from ldbench.data.prepare.readers.listing import found_of
from ldbench.data.prepare.readers.tables import read_cells
from ldbench.errors import DataError, FaultyImageError, ImageError, UsageError

IMAGE, SUBJECT, YEARS = "image", "subject", "years"
_RESERVED = ("image_id", "split", "role", "source", "file", "sha256")
_SHARED = ("size", "low_percentile", "high_percentile")
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
_DICOM = (".dcm", ".dicom", ".ima")
_NIFTI = (".nii", ".nii.gz")


@dataclass(frozen=True)
class FolderReader:
    """`Reader` of a CSV and a folder. `classes` are those to use; with none given, all that the CSV names.

    `preprocessing` says how a volume is cut; size and percentiles are the reader's own, for planes and volumes alike.
    """

    csv: Path = Path("manifest.csv")
    dataset: str = "folder"
    class_attribute: str = "diagnosis"
    classes: tuple[str, ...] = ()
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

    def found(self, root: Path) -> Found:
        """Every row of the CSV, as an image or with the reason it is left out; DataError for a missing column."""
        table = _read_table(self.csv, self.class_attribute)
        numeric = {name: _numbers(cells) for name, cells in table.items() if name not in (IMAGE, SUBJECT, YEARS)}
        images: list[SourceImage | Skipped] = []
        seen: set[str] = set()
        base = root.resolve()
        for row in range(len(table[IMAGE])):
            cells = {name: values[row] for name, values in table.items()}
            attributes = {name: value for name, values in numeric.items() if (value := values[row]) is not None}
            images.append(self._source(base, row + 2, cells, attributes, seen))
        return found_of(images)

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

    def _source(
        self, root: Path, line: int, cells: Mapping[str, str], attributes: Mapping[str, str | int | float],
        seen: set[str],
    ) -> SourceImage | Skipped:
        name = cells[IMAGE].strip()
        label = name or f"line {line}"
        for column in (IMAGE, SUBJECT, self.class_attribute):
            if not cells[column].strip():
                return Skipped(label, f"expected a {column}, got a blank cell (line {line})", "fault", "blank-cell")
        inside = posixpath.normpath(name.replace("\\", "/"))
        path = root / inside
        if PurePosixPath(inside).is_absolute() or not path.resolve().is_relative_to(root):
            return Skipped(label, f"expected a path below --root, got another (line {line})", "fault", "outside-root")
        if inside in seen:
            return Skipped(label, f"the image stands in an earlier line too (line {line})", "fault", "listed-twice")
        if not path.is_file():
            return Skipped(label, f"expected a file, got none (line {line})", "fault", "missing-file")
        years = cells.get(YEARS, "").strip()
        when = _number(years) if years else None
        if years and when is None:
            return Skipped(label, f"expected a number in column {YEARS}, got {years!r:.40}", "fault", "years")
        seen.add(inside)
        if self.classes and str(attributes[self.class_attribute]) not in self.classes:
            got = f"{self.class_attribute} {attributes[self.class_attribute]}"
            return Skipped(inside, f"expected one of {', '.join(self.classes)}, got {got}", "rule", "class")
        return SourceImage(inside, path, cells[SUBJECT].strip(), inside, attributes, when)

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


def _read_table(path: Path, class_attribute: str) -> dict[str, list[str]]:
    """The CSV's cells as text, by column."""
    table = read_cells(path, "a CSV with a header (--csv)", (IMAGE, SUBJECT, class_attribute))
    for name in _RESERVED:
        if name in table.columns:
            raise DataError(f"{path}: the column {name!r} has a name that the manifest needs itself; rename it")
    return {str(name): table[name].tolist() for name in table.columns}


def _numbers(cells: list[str]) -> list[str | int | float | None]:
    """A column as integers, else as numbers, if all its cells spell one, else as text; None for empty cells."""
    stripped = [cell.strip() for cell in cells]
    values = [_number(cell) for cell in stripped if cell]
    if any(value is None for value in values):
        return [cell or None for cell in stripped]
    whole = all(cell.lstrip("+-").isdigit() for cell in stripped if cell)
    return [(int(cell) if whole else float(cell)) if cell else None for cell in stripped]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
