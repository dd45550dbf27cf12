"""Pictures of other code are made again, and what counts as code."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldbench.api import Reader
from ldbench.data.prepare.compose import prepare
from ldbench.data.prepare.made_by import code_files, made_by
from ldbench.data.prepare.readers.adni1 import Adni1Reader
from ldbench.data.prepare.readers.chexpert import CheXpertReader
from ldbench.data.prepare.readers.from_folder import FolderReader
from ldbench.data.prepare.readers.oasis3 import Oasis3Reader
from ldbench.plugins.registry import import_file
from tests.data.prepare.memory_reader import PLAN, MemoryReader

SOURCE = """
from tests.data.prepare.memory_reader import MemoryReader

class Darker(MemoryReader):
    def pixels(self, source):
        return super().pixels(source) * {factor}
"""


def darker(file: Path, factor: float) -> type[MemoryReader]:
    file.write_text(SOURCE.format(factor=factor), encoding="utf-8")
    reader: type[MemoryReader] = import_file(file).Darker
    return reader


def test_a_data_set_that_other_code_began_is_made_anew_and_holds_no_picture_of_it(tmp_path: Path) -> None:
    file, out, log = tmp_path / "darker.py", tmp_path / "out", tmp_path / "log"
    prepare(darker(file, 0.5)(), tmp_path, out, plan=PLAN)
    before = (out / "manifest.csv").read_bytes()
    for image in sorted((out / "images").iterdir())[:4]:
        image.unlink()
    reader = darker(file, 0.25)
    prepare(reader(log=log), tmp_path, out, plan=PLAN)
    assert len(log.read_text(encoding="utf-8").split()) == 120
    prepare(reader(), tmp_path, tmp_path / "fresh", plan=PLAN)
    assert (out / "manifest.csv").read_bytes() == (tmp_path / "fresh" / "manifest.csv").read_bytes() != before
    log.unlink()
    prepare(reader(log=log), tmp_path, out, plan=PLAN)
    assert not log.exists()


@pytest.mark.parametrize("reader", [Adni1Reader, CheXpertReader, FolderReader, Oasis3Reader])
def test_the_suites_readers_are_covered_with_all_that_makes_pixels(reader: type[Reader]) -> None:
    files = code_files(reader)
    module = reader.__module__.removeprefix("ldbench.").replace(".", "/")
    pixels = {f"data/prepare/pixels/{name}.py" for name in ("volumes", "nifti", "alignment", "radiograph", "dicom")}
    assert {f"{module}.py", "data/prepare/one_image.py", "data/decoding.py", *pixels} <= files.keys()
    assert all(file.is_file() for file in files.values())
    assert not {name for name in files if "readers" in name} - {f"{module}.py"}


def test_the_code_of_a_readers_bases_counts(tmp_path: Path) -> None:
    reader = darker(tmp_path / "darker.py", 0.5)
    assert {"darker.py", "tests/data/prepare/memory_reader.py"} <= code_files(reader).keys()
    assert made_by(reader) != made_by(MemoryReader)
