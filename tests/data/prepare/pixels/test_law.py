"""A drawn disc and ruler come out with their millimetres, orientation and grey levels, whatever file held them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, RLELossless

from ldbench.api import SourceImage
from ldbench.data.prepare.readers.from_folder import FolderReader
from tests.stand_ins.films import film

HIGH, WIDE = 48.0, 60.0  # mm; the picture is a square of 60
DISC, RADIUS = (16.0, 18.0), 11.0  # mm from its upper left corner, down and across
RULER = (32.0, 40.0, 20.0, 55.0)  # top, bottom, left, right
AIR, BONE, GRADUATED = 0.1, 0.55, 0.9  # of the range
SIZE = 120
MM = SIZE / WIDE  # pixels of the prepared picture
LAW = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=(Phase.explicit, Phase.generate),  # shrinking would take minutes and gain nothing over so few choices
)

down_spacings = st.sampled_from([0.5, 1.0, 1.5, 1.92, 3.0])  # 48 mm are whole pixels, 60 mm are not always
across_spacings = st.sampled_from([0.5, 1.0, 1.5, 2.4, 3.0])
flips = st.tuples(st.booleans(), st.booleans(), st.booleans())  # transposed, from below, from the right


def drawing(down: float, across: float) -> NDArray[np.float64]:
    """The scene in [0, 1] on pixels of this size, each the mean of 8 x 8 points in it."""
    y = (np.arange(round(HIGH / down) * 8) + 0.5) * down / 8
    x = (np.arange(round(WIDE / across) * 8) + 0.5) * across / 8
    points = np.full((len(y), len(x)), AIR)
    points[np.hypot(y[:, None] - DISC[0], x[None] - DISC[1]) < RADIUS] = BONE
    points[((y > RULER[0]) & (y < RULER[1]))[:, None] & ((x > RULER[2]) & (x < RULER[3]))] = GRADUATED
    return points.reshape(len(y) // 8, 8, len(x) // 8, 8).mean((1, 3))


def prepared(path: Path, window: str = "file") -> NDArray[np.float32]:
    source = SourceImage(path.name, path, "s", path.name, {"diagnosis": "CN"})
    return FolderReader(size=SIZE, window=window).pixels(source)


def check_law(picture: NDArray[np.float32], coarsest: float, tolerance: float) -> None:
    """Millimetres to half a source pixel, places likewise, and levels of the three flat regions."""
    top = (WIDE - HIGH) / 2 * MM
    rows, columns = np.arange(SIZE) + 0.5 - top, np.arange(SIZE) + 0.5
    slack = coarsest / 2 + 1.5 / MM
    bone = (picture > (AIR + BONE) / 2) & (rows < 30 * MM)[:, None]
    high, wide = bone[:, int(DISC[1] * MM)].sum() / MM, bone[int(DISC[0] * MM + top)].sum() / MM
    assert abs(high - 2 * RADIUS) < slack
    assert abs(wide - 2 * RADIUS) < slack
    y, x = np.nonzero(bone)
    assert abs(rows[y].mean() / MM - DISC[0]) < slack
    assert abs(columns[x].mean() / MM - DISC[1]) < slack
    along = picture[int(36 * MM + top)] > (AIR + GRADUATED) / 2
    assert abs(along.sum() / MM - (RULER[3] - RULER[2])) < slack
    assert abs(columns[along].mean() / MM - (RULER[2] + RULER[3]) / 2) < slack
    for (row, column), level in (((16, 18), BONE), ((16, 48), AIR), ((36, 40), GRADUATED)):
        assert abs(float(picture[int(row * MM + top), int(column * MM)]) - level) < tolerance
    assert max(picture[:3].max(), picture[-3:].max()) < 0.05  # the square's borders are black


def stored(values: NDArray[Any], flip: tuple[bool, bool, bool]) -> NDArray[Any]:
    transposed, below, right = flip
    values = values[::-1] if below else values
    values = values[:, ::-1] if right else values
    return np.ascontiguousarray(values.T if transposed else values)


def nifti_plane(path: Path, values: NDArray[Any], down: float, across: float, flip: tuple[bool, bool, bool]) -> Path:
    """Rows of `values` run to posterior, columns to the right; the array as `flip` says, the affine saying so."""
    array = stored(values, flip)
    transposed, below, right = flip
    affine = np.zeros((4, 4))
    along, sideways = (0, 1) if transposed else (1, 0)  # array axes of the world's y and x: NIfTI's first is x
    array = array.T  # (column, row), as scanners write
    affine[0, sideways], affine[1, along] = across * (-1 if right else 1), -down * (-1 if below else 1)
    affine[2, 2], affine[3, 3] = 5, 1
    unit = {"mm": 1.0, "micron": 1000.0, "meter": 0.001}[path.stem.split("-")[0]]
    affine[:3] *= unit
    image = nib.Nifti1Image(array[:, :, None], affine, dtype=array.dtype)
    image.header.set_xyzt_units(path.stem.split("-")[0])
    nib.save(image, path)
    return path


@pytest.mark.slow
@LAW
@given(
    down_spacings, across_spacings, flips, st.sampled_from(["mm", "micron", "meter"]),
    st.sampled_from([".nii", ".nii.gz"]), st.sampled_from(["u1", "i2", "u2", "i4", "i8", "f4", "f8", ">i2"]),
)
def test_nifti(
    tmp_path: Path, down: float, across: float, flip: tuple[bool, bool, bool], unit: str, suffix: str, kind: str
) -> None:
    values = (drawing(down, across) * 200).astype(kind)
    path = nifti_plane(tmp_path / f"{unit}-a{suffix}", values, down, across, flip)
    check_law(prepared(path, "0,200"), max(down, across), 0.1)  # Lanczos rings where pixels are coarse


VIEWS = {  # the directions of a usual slice's columns and rows in LPS+
    "axial": ([1, 0, 0], [0, 1, 0]), "coronal": ([1, 0, 0], [0, 0, -1]), "sagittal": ([0, 1, 0], [0, 0, -1]),
    "tilted": ([1, 0, 0], [0, 0.94, 0.3412]),
}


@pytest.mark.slow
@LAW
@given(
    down_spacings, across_spacings, flips, st.sampled_from([*VIEWS, ""]),
    st.sampled_from(["PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio"]),
    st.sampled_from(["u1", "u2", "i2"]), st.sampled_from(["MONOCHROME1", "MONOCHROME2"]),
    st.sampled_from(["LINEAR", "LINEAR_EXACT", "lut", "stated"]), st.sampled_from(["plain", "deflated", "rle"]),
)
def test_dicom(
    tmp_path: Path, down: float, across: float, flip: tuple[bool, bool, bool], view: str, tag: str, kind: str,
    colour: str, shown: str, encoding: str,
) -> None:
    flip = flip if view else (False, False, False)  # a film lies as it is stored
    scene = drawing(down, across)
    values = stored(((1 - scene if colour == "MONOCHROME1" else scene) * 200).astype(kind), flip)
    transposed, below, right = flip
    spacing = (across, down) if transposed else (down, across)
    ratio = [round(1000 * side) for side in spacing]
    more: dict[str, Any] = {tag: ratio if tag == "PixelAspectRatio" else list(spacing)}
    if view:
        columns, rows = (np.array(direction, dtype=float) for direction in VIEWS[view])
        columns, rows = columns * (-1 if right else 1), rows * (-1 if below else 1)
        both = (rows, columns) if transposed else (columns, rows)
        more["ImageOrientationPatient"] = [f"{part:.6g}" for part in np.concatenate(both)]
    if shown == "lut":
        table = pydicom.Dataset()
        table.LUTDescriptor = [401, 0, 16]
        table.LUTData = np.linspace(0, 65535, 401).astype("<u2").tobytes()
        more["VOILUTSequence"] = [table]
    elif shown != "stated":  # black is 0 and white 400, after the rescaling by 2
        more |= {"VOILUTFunction": shown, "WindowWidth": 401 if shown == "LINEAR" else 400}
        more["WindowCenter"] = 200.5 if shown == "LINEAR" else 200
    path = film(tmp_path / "a.dcm", values, kind=colour, RescaleSlope=2, RescaleIntercept=0, **more)
    if encoding != "plain":
        data = pydicom.dcmread(path)
        data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        if encoding == "rle":
            data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            data.compress(RLELossless, encoding_plugin="pydicom")
        data.save_as(path)
    picture = prepared(path, "0,400" if shown == "stated" else "file")
    check_law(picture, max(down, across), 0.1)


@pytest.mark.parametrize(
    ("name", "kind", "largest"),
    [
        ("a.png", np.uint8, 255), ("a.png", np.uint16, 65535), ("a.tif", np.uint8, 255), ("a.tif", np.uint16, 65535),
        ("a.jpg", np.uint8, 255), ("a.tif", np.float32, 1.0), ("a.tif", np.int32, 100_000),
    ],
)
def test_pictures_have_square_pixels(tmp_path: Path, name: str, kind: type, largest: float) -> None:
    Image.fromarray((drawing(1.0, 1.0) * largest).astype(kind)).save(tmp_path / name)
    picture = prepared(tmp_path / name, "file" if kind in (np.uint8, np.uint16) else f"0,{largest}")
    check_law(picture, 1.0, 0.03)
