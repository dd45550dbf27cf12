"""A file of statistics: safetensors, which holds numbers and texts and runs no code when it is read.

`counts` has the number of images of each group; `METRIC.means` and `METRIC.triangles` are those of
`ldbench.score.metrics.group_statistics`, the triangles of all groups one after the other. Texts: what it is, the record
as JSON, and a SHA-256 of record and numbers, as safetensors itself does not notice a flipped bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ldbench.errors import DataError, UsageError
from ldbench.records.files import got_instead, json_of, whole_file
from ldbench.records.from_table import built
from ldbench.score.metrics.group_statistics import FEWEST, GroupStatistics, triangle_size
from ldbench.score.metrics.intervals import GROUPS
from ldbench.score.reference.metrics import FROM_STATISTICS
from ldbench.score.reference.record import SCHEMA_VERSION, Reference, ReferenceRecord

SUFFIX = ".safetensors"
_WHAT, _RECORD, _SHA256, _COUNTS = "ldbench reference", "record", "sha256", "counts"
_EXPECTED = "a folder of real images, or a file that `ldbench reference` wrote"
_REMEDY = "have it written, or copied, again"
_TYPES = ("F64", "I64")

_Arrays = Mapping[str, npt.NDArray[Any]]


def check_free(path: Path) -> None:
    """`UsageError` where no file of statistics can be written to this path; before anything is computed."""
    if path.suffix != SUFFIX:
        raise UsageError(f"{path}: expected the name of a file that ends in {SUFFIX}, got {path.name}; change it")
    if path.exists():
        raise UsageError(f"{path}: expected a name that is free, got one in use; choose another, or remove it first")


def write_reference(reference: Reference, path: Path) -> None:
    """Write statistics, whole or not at all. Raises `UsageError` for a path that it cannot write to."""
    from safetensors.numpy import save_file

    arrays = dict[str, npt.NDArray[Any]]()
    for name, each in reference.statistics.items():
        arrays |= {
            _COUNTS: each.counts_g, f"{name}.means": each.means_gd, f"{name}.triangles": np.concatenate(each.triangles),
        }
    text = json.dumps(asdict(reference.record), sort_keys=True, allow_nan=False)
    said = {"format": _WHAT, _RECORD: text, _SHA256: _digest(text, arrays)}
    try:
        with whole_file(path) as part:
            mode = part.stat().st_mode
            save_file(arrays, part, metadata=said)
            part.chmod(mode)  # it puts a file of its own there, which nobody else may read
    except OSError as error:
        raise UsageError(f"{path}: can't write it: {error.strerror or error}; name another file") from error


def read_reference(path: Path) -> Reference:
    """The statistics in a file. Raises `DataError` for any other file, a damaged one, or one of a newer version."""
    from safetensors import SafetensorError, safe_open

    _check_kind(path)
    try:
        with safe_open(path, "np") as file:
            said = file.metadata() or {}
            if said.get("format") != _WHAT:  # before it is read: a model's file may be large, in types that numpy lacks
                raise DataError(f"{path}: expected {_EXPECTED}, got another safetensors file; name that one")
            names = file.keys()
            types = {name: file.get_slice(name).get_dtype() for name in names}
            if other := next((name for name in names if types[name] not in _TYPES), None):
                raise DataError(
                    f"{path}: expected numbers of type {' or '.join(_TYPES)}, got {types[other]} in {other}; {_REMEDY}"
                )
            arrays = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        got, remedy = f"{' '.join(str(error).split()):.120}", _REMEDY
        if path.suffix != SUFFIX:  # nobody meant statistics
            got, remedy = f"a file of another kind ({path.suffix or 'without an ending'})", "name one of these"
        raise DataError(f"{path}: expected {_EXPECTED}, got {got}; {remedy}") from error
    record = _record(path, said.get(_RECORD, ""))
    if said.get(_SHA256) != _digest(said[_RECORD], arrays):
        raise DataError(f"{path}: expected the numbers that its digest is of, got others; {_REMEDY}")
    return Reference(str(path), record, _statistics(path, record, arrays))


def _check_kind(path: Path) -> None:
    """`DataError` that says more of files that other packages write."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise DataError(f"can't read {path}: {error.strerror}; expected {_EXPECTED}") from error
    if start[:2] == b"PK":
        raise DataError(
            f"{path}: expected {_EXPECTED}, got a zip archive, such as the .npz of pytorch-fid and clean-fid: mean and "
            "covariance alone, without number or groups of images, allow no interval; ask for a file of `ldbench "
            "reference`"
        )


def _record(path: Path, text: str) -> ReferenceRecord:
    try:
        table = json_of(text)
    except ValueError as error:
        raise DataError(f"{path}: expected a record in JSON, got {got_instead(error)}; {_REMEDY}") from error
    version = table.get("schema_version") if isinstance(table, dict) else None
    if version != SCHEMA_VERSION:
        newer = isinstance(version, int) and version > SCHEMA_VERSION
        raise DataError(
            f"{path}: expected schema_version {SCHEMA_VERSION}, got {version!r:.40}; "
            + (f"update ldbench, a newer one wrote it ({table.get('ldbench')!r:.40})" if newer else _REMEDY)
        )
    return built(ReferenceRecord, table, str(path), DataError, _REMEDY)


def _statistics(path: Path, record: ReferenceRecord, arrays: _Arrays) -> dict[str, GroupStatistics]:
    """The statistics of each metric; `DataError` where numbers and record do not fit together."""
    counts_g = arrays.get(_COUNTS, np.zeros(0, np.int64))
    units = record.images if record.subjects is None else record.subjects
    sound = counts_g.shape == (GROUPS,) and counts_g.dtype == np.int64 and bool((counts_g >= FEWEST).all())
    if not (sound and counts_g.sum() == record.images and GROUPS * FEWEST <= units <= record.images):
        raise DataError(f"{path}: expected {GROUPS} groups of {record.images} images, got others; {_REMEDY}")
    found = dict[str, GroupStatistics]()
    for name, each in record.metrics.items():
        means_gd, triangles = (arrays.get(f"{name}.{part}", np.zeros(0)) for part in ("means", "triangles"))
        sizes = [triangle_size(count, each.features) for count in counts_g.tolist()]
        shapes = means_gd.shape == (GROUPS, each.features) and triangles.shape == (sum(sizes),)
        numbers = all(part.dtype == np.float64 and bool(np.isfinite(part).all()) for part in (means_gd, triangles))
        if not (name in FROM_STATISTICS and shapes and numbers):
            raise DataError(
                f"{path}: expected finite statistics of {each.features} features for {name}, got others; {_REMEDY}"
            )
        found[name] = GroupStatistics(counts_g, means_gd, np.split(triangles, np.cumsum(sizes)[:-1]), units)
    if not found or len(arrays) != 1 + 2 * len(found):
        named = ", ".join(found) or "a metric"
        raise DataError(f"{path}: expected statistics of {named}, got {', '.join(sorted(arrays)):.120}; {_REMEDY}")
    return found


def _digest(record: str, arrays: _Arrays) -> str:
    digest = hashlib.sha256(record.encode())
    for name in sorted(arrays):
        digest.update(f"\0{name}\0".encode())
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()
