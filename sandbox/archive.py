"""The files of a frozen data set: `images.npz`, one array a split and role, and `manifest.csv`, one row an image.

`dataset` reads them. Equal arrays make equal bytes.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

Pictures = npt.NDArray[np.uint8]


def subject_mark(seed: int, frozen_seed: int) -> str:
    """What stands in the ids of a seed's subjects, so that those of two seeds differ; nothing for the frozen data's.

    24 bits of a hash, without a salt. Who tries seeds finds a small one by them, and by how its numbers are dealt: of
    drawn bits it takes 112 or more that no trying ends (a host's seed has 128).
    """
    return "" if seed == frozen_seed else "-" + hashlib.sha256(f"sandbox {seed}".encode()).hexdigest()[:6]


def array_name(split: str, role: str) -> str:
    """The array of `images.npz` that holds a split's images of a role: `test`, `test_later`, ..."""
    return split if role == "scan" else f"{split}_{role}"


def write_manifest(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str | int]]) -> None:
    """Write one row an image, in the order of `columns`."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
    """Write named arrays as np.savez does, but packed by bzip2, which makes films a quarter smaller than deflate does.

    np.load reads either; the fixed date makes equal arrays equal bytes.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2, compresslevel=9) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_BZIP2
            archive.writestr(entry, buffer.getvalue())
