"""The whole table of CheXpert, where somebody has it: the package torchxrayvision ships it, and ldbench does not.

`LDBENCH_REAL_CHEXPERT` names a `train.csv` or `chexpert_train.csv.gz`; without it the installed package is looked for.
"""

from __future__ import annotations

import gzip
import os
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from ldbench.data.prepare.readers.chexpert import CheXpertReader

pytestmark = pytest.mark.slow

ROWS = 223_414
USABLE = {"pleural effusion": 19_014, "no finding": 12_180, "cardiomegaly": 5_170, "pneumonia": 1_785}


@pytest.fixture
def table() -> bytes:
    """The table's content, or a skip that says where it would be looked for."""
    named, package = os.environ.get("LDBENCH_REAL_CHEXPERT"), find_spec("torchxrayvision")
    if named is None and (package is None or package.origin is None):
        pytest.skip("no CheXpert table: install torchxrayvision, or set LDBENCH_REAL_CHEXPERT to one")
    path = Path(named) if named else Path(str(package.origin)).parent / "data" / "chexpert_train.csv.gz"  # type: ignore[union-attr]
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def test_the_real_table_reads_without_a_fault(table: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "train.csv").write_bytes(table)
    on_disk = Path.is_file  # the films are not there, and 223,414 empty ones would take longer than the reading
    monkeypatch.setattr(Path, "is_file", lambda path: path.suffix == ".jpg" or on_disk(path))
    found = CheXpertReader(tables="train").found(tmp_path)
    assert len(found.images) + len(found.skipped) == ROWS
    assert [left for left in found.skipped if left.kind == "fault"] == []
    assert Counter(image.attributes["finding"] for image in found.images) == USABLE
    assert len({image.subject for image in found.images}) == len(found.images) == 38_149
