"""The command `ldbench reference`: a file, what is in it, and what it tells of single images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ldbench.errors import DataError, UsageError
from tests.command_line import called, said
from tests.score.folders.disc_folders import fill

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("folders")
    for seed, (name, count) in enumerate({"real": 200, "a": 20, "b": 20}.items()):
        fill(root / name, count, seed)
    return root


def test_what_it_writes_stands_for_the_folder(folders: Path, tmp_path: Path) -> None:
    file = tmp_path / "real.safetensors"
    asked = ("--metric", "frd,viewed_fid", "--set", "viewed_fid:resize=32", "--blur", 1, "--side", 32)
    written = called("reference", folders / "real", file, *asked)
    assert written.exit_code == 0
    line = f"{file}: statistics of 200 images for frd (radiomics), viewed_fid (efficientnet-lite0); "
    assert written.stdout.startswith(line)
    assert "warning: frd: a group has 10 images, no more than radiomics has features" in written.stderr
    ways = [(folders / "real", *asked), (file, "--metric", "frd,viewed_fid")]
    there, here = (
        json.loads(said("measure", real, folders / "a", folders / "b", *options, "--format", "json"))
        for real, *options in ways
    )
    for one, other in zip(here["folders"], there["folders"], strict=True):
        assert one["options"] == other["options"]
        for score, expected in zip(one["scores"], other["scores"], strict=True):
            assert score["value"] == pytest.approx(expected["value"], rel=1e-9)
            assert score["ci_high"] == pytest.approx(expected["ci_high"], rel=1e-9)
    assert [each["verdict"] for each in here["differences"]] == [each["verdict"] for each in there["differences"]]


def test_metrics_without_statistics_are_refused_if_they_look_at_real_images(folders: Path, tmp_path: Path) -> None:
    file = tmp_path / "real.safetensors"
    said("reference", folders / "real", file, "--metric", "frd")
    shown = called("measure", file, folders / "a", "--metric", "frd,ms_ssim_diversity")
    assert shown.exit_code == 0
    table, _ = shown.stdout.split("\nIn brackets")
    assert [line.split()[0] for line in table.splitlines()] == ["frd", "ms_ssim_diversity"]
    assert "images: 200 real, 20 generated\n" in shown.stderr
    error = called("measure", file, folders / "a", "--metric", "fid").exception
    assert isinstance(error, UsageError)
    assert "expected one that" in str(error)


def test_a_name_in_use_and_another_file_are_one_line(folders: Path, tmp_path: Path) -> None:
    error = called("reference", folders / "real", folders / "real" / "image-000.png").exception
    assert isinstance(error, UsageError)
    assert "ends in .safetensors" in str(error)
    error = called("measure", folders / "real" / "image-000.png", folders / "a").exception
    assert isinstance(error, DataError)
    assert "expected a folder of real images, or a file that `ldbench reference` wrote" in str(error)
    error = called("reference", folders / "real", tmp_path / "x.safetensors", "--volumes", "axial,coronal").exception
    assert "--volumes axial,coronal: expected one plane, got 2; write a file of each" in str(error)
    error = called("reference", folders / "real", tmp_path / "x.safetensors", "--set", "fid=3").exception
    assert "expected METRIC:key=value" in str(error)
