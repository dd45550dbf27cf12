"""Whether a folder holds what its tables name: most of the files, images to train on, and a test set.

A root that is the wrong one mostly shows so: a data set of what happens to lie there would look like any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ldbench.api import Found, Reader
from ldbench.data.prepare.manifest import ManifestRow
from ldbench.errors import DataError

_ROOT = "name the folder that holds them by --root"


def check_files(reader: Reader, root: Path, found: Found) -> None:
    """`DataError` where more than half of the files that the tables name are missing."""
    missing = [left.name for left in found.skipped if left.image]
    named = len(found.images) + len(missing)
    if 2 * len(missing) > named:
        raise DataError(
            f"{reader.dataset}: expected most of the {named} files that its tables name below --root {root}, got "
            f"{len(found.images)}; the first that is missing: {min(missing)}; {_ROOT}, or copy them there"
        )


def check_splits(reader: Reader, root: Path, rows: Iterable[ManifestRow], missing: int) -> None:
    """`DataError` where nothing is left to train on or to test with; `missing` files are named and not there."""
    roles = [(row.split, row.role) for row in rows]
    train, test = sum(split == "train" for split, _ in roles), roles.count(("test", "scan"))
    if train and test:
        return
    remedy = f"{missing} files that its tables name are missing: {_ROOT}" if missing else (
        "it has too few subjects for these --fractions; change them, or name a folder with more by --root"
    )  # fmt: skip
    raise DataError(
        f"{reader.dataset}: expected images to train on and a test set below {root}, got {train} of the train split "
        f"and a test set of {test}; {remedy}"
    )
