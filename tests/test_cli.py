"""The command line as a user meets it: exit codes, one-line errors, nothing heavy before it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import small_card


def ldbench(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ldbench", *arguments], capture_output=True, text=True, cwd=cwd, timeout=300
    )


def test_lists_name_what_is_installed() -> None:
    tasks, models, metrics = (ldbench("list", what).stdout for what in ("tasks", "models", "metrics"))
    assert "sandbox-brain-t2i" in tasks
    assert "sandbox-chest-t2i" in tasks
    names = {line.split()[0] for line in models.splitlines()}
    assert names >= {"real", "mean-image", "copy-source", "oracle", "sd", "sd-ld", "basic-ft", "basic-ft-ld"}
    assert {"fid", "kid", "ssim", "psnr", "lpips", "auc"} <= {line.split()[0] for line in metrics.splitlines()}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "sandbox-brain-t2", "real"), "unknown task 'sandbox-brain-t2': did you mean sandbox-brain-t2i"),
        (("run", "sandbox-brain-t2i", "basic-tf"), "did you mean basic-ft"),
        (("run", "sandbox-brain-t2i", "basic-ft", "--set", "stepz=3"), "stepz"),
        (("run", "sandbox-brain-t2i", "basic-ft", "--set", "steps=many"), "steps"),
        (("run", "sandbox-brain-t2i", "basic-ft", "--set", "steps"), "--set: expected key=value, got 'steps'"),
        (("run", "sandbox-brain-t2i", "real", "--device", "abacus"), "--device: expected auto, cpu, cuda"),
        (("run", "sandbox-brain-t2i", "real", "--batch-size", "0"), "--batch-size: expected 1 or more, got 0"),
        (("score", "sandbox-brain-t2i", "no-such-folder"), "no-such-folder"),
        (("report", "no-such-folder"), "no-such-folder"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    done = ldbench(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.rglob("result.json"))


@pytest.mark.slow
def test_run_then_report_prints_a_table(tmp_path: Path) -> None:
    card = str(small_card(tmp_path))
    for model in ("real", "mean-image"):
        done = ldbench("run", card, model, "--out", str(tmp_path / "runs"))
        assert done.returncode == 0, done.stderr
        assert "auc" in done.stdout
    table = ldbench("report", str(tmp_path / "runs"))
    assert table.returncode == 0, table.stderr
    assert "mean-image" in table.stdout
    written = ldbench("report", str(tmp_path / "runs"), "--format", "json", "--out", str(tmp_path / "boards"))
    assert written.returncode == 0, written.stderr
    assert (tmp_path / "boards/small.json").exists()
