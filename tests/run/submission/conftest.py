"""A finished run of drawn pictures, its archive, and ways to forge one."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from PIL import Image

from ldbench.api import Score
from ldbench.errors import ResultError
from ldbench.records import result as results
from ldbench.records.result import ModelRef, Result, TaskRef
from ldbench.run.submission.contents import LIMITS, LISTING, Limits, Listing, PackedFile
from ldbench.run.submission.pack import pack
from ldbench.run.submission.unpack import unpacked

Change = Callable[[zipfile.ZipInfo], None]


def png(shade: int, size: tuple[int, int] = (8, 8)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (shade, shade, shade)).save(buffer, "PNG")
    return buffer.getvalue()


def pictures(folder: Path, ids: list[str]) -> None:
    """Images and their manifest, as a run leaves them."""
    (folder / "images").mkdir(parents=True)
    rows = []
    for shade, name in enumerate(ids):
        (folder / "images" / f"{name}.png").write_bytes(png(shade))
        rows.append({"id": name, "file": f"images/{name}.png", "sha256": hashlib.sha256(png(shade)).hexdigest()})
    (folder / "manifest.json").write_text(json.dumps({"images": rows}), encoding="utf-8")


def finished_run(folder: Path, task: str = "sandbox-brain-disease", **changed: object) -> Path:
    """The folder of a run with a null pass, as far as packing looks at it."""
    pictures(folder, ["a-1", "b-2", "c"])
    pictures(folder / "null", ["a-1.null"])
    for name in ("samples.png", "edits.png"):
        (folder / name).write_bytes(png(9))
    (folder / "fit").mkdir()
    (folder / "fit" / "state.safetensors").write_bytes(b"weights")
    (folder / "run.json").write_text("{}", encoding="utf-8")
    (folder / ".lock").touch()
    score = Score("minimality", 0.1, 0.05, 0.15, 3, "lower")
    record = {"seed": 0, "split_hash": "5" * 64, "images_hash": "6" * 64, **changed}
    task_ref = TaskRef(task, 1, "disease-counterfactual", "9" * 64)
    results.write(Result(task_ref, ModelRef("mine", None, None), "measured", [score], **record), folder / "result.json")
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return finished_run(tmp_path / "mine-1234" / "seed-0")


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("packed")
    return pack(finished_run(folder / "mine" / "seed-0"), folder / "x.zip").path.read_bytes()


def members(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def listed(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files with a listing that fits them."""
    entries = (PackedFile(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items())
    listing = json.dumps(asdict(Listing(tuple(sorted(entries, key=lambda entry: entry.path))))).encode()
    return {**files, LISTING: listing}


def zipped(files: list[tuple[str, bytes]], change: Change = lambda info: None, compress: int = 0) -> bytes:
    """An archive as `pack` lays it out, but with whatever names and headers are asked for."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compress) as archive:
        for name, data in files:
            info = zipfile.ZipInfo("x")
            info.filename, info.compress_type = name, compress
            change(info)
            archive.writestr(info, data)
    return buffer.getvalue()


def refused(archive: bytes, folder: Path, message: str, limits: Limits = LIMITS) -> None:
    path = folder / "given.zip"
    path.write_bytes(archive)
    with pytest.raises(ResultError, match=message) as caught, unpacked(path, limits):
        pass
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()
