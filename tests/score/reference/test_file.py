"""A file of statistics: what is in it, and one line for every file that is none."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from ldbench.data.preparation import PreparationSummary
from ldbench.errors import DataError, UsageError
from ldbench.score.metrics.group_statistics import GroupStatistics, group_statistics, triangle_size
from ldbench.score.reference import file
from ldbench.score.reference.file import check_free, read_reference, write_reference
from ldbench.score.reference.record import FeaturesRecord, Reference, ReferenceRecord

WIDTH = 4
RECORD = ReferenceRecord(
    1, "0.1.0", 210, None, "0" * 64, 32, 32, None, None, "rgb", None, PreparationSummary(210, 0, 0, 0.0, 32.0, 0),
    "cpu", {"frd": FeaturesRecord("radiomics", 32, WIDTH, {"resize": 32})},
)


def statistics() -> GroupStatistics:
    return group_statistics(np.random.default_rng(0).normal(size=(210, WIDTH)), None)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    write_reference(Reference("", RECORD, {"frd": statistics()}), tmp_path / "real.safetensors")
    return tmp_path / "real.safetensors"


def parts(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    with safe_open(path, "np") as opened:
        return load_file(path), dict(opened.metadata())


def rewrite(path: Path, change: Callable[[dict[str, Any], dict[str, np.ndarray]], None]) -> None:
    """The file with a changed record or changed arrays, and the digest of these."""
    arrays, said = parts(path)
    record = json.loads(said["record"])
    change(record, arrays)
    text = json.dumps(record)
    save_file(arrays, path, metadata={**said, "record": text, "sha256": file._digest(text, arrays)})


def test_it_comes_back_as_it_was(written: Path) -> None:
    found, expected = read_reference(written), statistics()
    assert (found.where, found.record) == (str(written), RECORD)
    one = found.statistics["frd"]
    np.testing.assert_array_equal(one.counts_g, expected.counts_g)
    np.testing.assert_array_equal(one.means_gd, expected.means_gd)
    for triangle, other in zip(one.triangles, expected.triangles, strict=True):
        np.testing.assert_array_equal(triangle, other)
    assert one.subjects == expected.subjects == 210


def test_it_holds_numbers_of_groups_and_nothing_else(written: Path) -> None:
    arrays, said = parts(written)
    counts = arrays["counts"].tolist()
    assert {name: each.shape for name, each in arrays.items()} == {
        "counts": (20,), "frd.means": (20, WIDTH), "frd.triangles": (sum(triangle_size(n, WIDTH) for n in counts),),
    }
    numbers = sum(each.nbytes for each in arrays.values())
    assert written.stat().st_size < numbers + sum(map(len, said.values())) + 1000
    assert said.keys() == {"format", "record", "sha256"}


def test_its_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_reference(Reference("", RECORD, {"frd": statistics()}), tmp_path / "real.safetensors")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "real.safetensors").stat().st_mode) == 0o640


def test_a_path_that_cannot_be_written_is_one_line(tmp_path: Path, written: Path) -> None:
    with pytest.raises(UsageError, match=r"real.npz: expected the name of a file that ends in .safetensors, got real"):
        check_free(tmp_path / "real.npz")
    with pytest.raises(UsageError, match="expected a name that is free, got one in use"):
        check_free(written)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match=r"can't write it: .*; name another file"):
        write_reference(Reference("", RECORD, {"frd": statistics()}), tmp_path / "file" / "real.safetensors")


def _newer(record: dict[str, Any], _: dict[str, np.ndarray]) -> None:
    record |= {"schema_version": 2, "ldbench": "9.9", "unheard": 1}


def _small_group(_: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    arrays["counts"][:2] = [1, arrays["counts"][:2].sum() - 1]


def _infinite(_: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    arrays["frd.means"][0, 0] = np.inf


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_newer, r"expected schema_version 1, got 2; update ldbench, a newer one wrote it \('9.9'\)"),
        (lambda record, _: record.pop("images"), "images: expected an integer, got nothing; have it written, or cop"),
        (lambda record, _: record.update(viewing={"blur": -1, "noise": 0}), "viewing.blur: expected"),
        (lambda record, _: record.update(channels="bgr"), "channels: expected"),
        (lambda record, _: record.update(images=300), "expected 20 groups of 300 images, got others"),
        (lambda record, _: record.update(subjects=199), "expected 20 groups of 210 images"),
        (_small_group, "expected 20 groups of 210 images"),
        (_infinite, "expected finite statistics of 4 features for frd, got others"),
        (lambda record, _: record["metrics"]["frd"].update(features=5), "expected finite statistics of 5 features"),
        (lambda record, _: record["metrics"].update(kid=record["metrics"]["frd"]), "4 features for kid, got others"),
        (lambda record, _: record["metrics"].clear(), "expected statistics of a metric, got counts, frd.means"),
        (lambda _, arrays: arrays.update(images=np.zeros(3)), "expected statistics of frd, got counts, frd.means"),
        (lambda _, arrays: arrays.pop("counts"), "expected 20 groups"),
    ],
)
def test_what_does_not_fit_together_is_one_line(written: Path, change: Callable[..., None], said: str) -> None:
    rewrite(written, change)
    with pytest.raises(DataError, match=said) as caught:
        read_reference(written)
    assert str(caught.value).startswith(str(written))
    assert "\n" not in str(caught.value)


def test_a_damaged_or_foreign_file_is_one_line(written: Path, tmp_path: Path) -> None:
    whole = written.read_bytes()
    flipped = bytearray(whole)
    flipped[-3] ^= 1
    other = tmp_path / "other.safetensors"
    save_file({"weight": np.zeros(3)}, other)
    of_a_network = safetensors.torch.save({"weight": torch.zeros(3, dtype=torch.bfloat16)})
    np.savez(tmp_path / "stats.npz", mu=np.zeros(3), sigma=np.eye(3))
    for content, said in (
        (whole[:-20], "expected a folder of real images, or a file that `ldbench reference` wrote, got"),
        (b"", "expected a folder of real images, or a file"), (b"\x89PNG\r\n\x1a\n" + bytes(40), "expected a folder"),
        (bytes(flipped), "expected the numbers that its digest is of, got others; have it written, or copied, again"),
        (other.read_bytes(), "got another safetensors file"), (of_a_network, "got another safetensors file"),
        ((tmp_path / "stats.npz").read_bytes(), "pytorch-fid and clean-fid: .* allow no interval; ask for a file of"),
    ):
        (tmp_path / "given.safetensors").write_bytes(content)
        with pytest.raises(DataError, match=said):
            read_reference(tmp_path / "given.safetensors")
    (tmp_path / "scan.nii.gz").write_bytes(b"\x1f\x8b" + bytes(40))
    with pytest.raises(DataError, match=r"wrote, got a file of another kind \(\.gz\); name one of these"):
        read_reference(tmp_path / "scan.nii.gz")
    with pytest.raises(DataError, match=r"can't read .*nowhere: No such file"):
        read_reference(tmp_path / "nowhere")


def test_a_record_that_is_no_json_is_one_line(written: Path) -> None:
    arrays, said = parts(written)
    save_file(arrays, written, metadata={**said, "record": "{"})
    with pytest.raises(DataError, match="expected a record in JSON"):
        read_reference(written)


def test_subjects_that_no_one_knows_make_the_groups_of_theirs() -> None:
    owners = np.concatenate([np.arange(210), np.zeros(30, np.int64)])
    found = group_statistics(np.random.default_rng(0).normal(size=(240, WIDTH)), owners)
    reference = Reference("", replace(RECORD, images=240, subjects=210), {"frd": found})
    assert reference.subjects is not None
    assert len(np.unique(reference.subjects)) == 210
    assert reference.described["subjects"] == 210
