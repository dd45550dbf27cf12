"""A dry run names everything that is missing, counts what is there, and touches nothing."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from ldbench.data.task_data import task_data
from ldbench.errors import LdbenchError
from ldbench.records import result as results
from ldbench.records.result import ModelRef
from ldbench.records.run_folder import RunFolder
from ldbench.run import pipeline
from ldbench.run.context import RunContext
from ldbench.run.dry_run import dry_run
from ldbench.run.pipeline import ready, run
from ldbench.run.scoring import Scored
from ldbench.run.settings import Settings
from ldbench.task import card
from tests.command_line import called, said
from tests.conftest import CHEAP_METRICS, cheap_card
from tests.stand_ins.sources import GREY


def test_a_sandbox_run_lacks_nothing(tmp_path: Path) -> None:
    found = dry_run("sandbox-brain-disease", "pix2pix-zero", Settings(tmp_path / "runs"))
    assert found.missing == ()
    text = "\n".join(found.found)
    assert "700 training examples, 200 cases" in text
    assert "images: 280 of 64 x 64 px" in text
    assert "compute: " in text
    assert not (tmp_path / "runs").exists()


def test_a_run_that_is_there_is_said_and_a_finished_one_asks_for_its_data_alone(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "runs", device="cpu", overrides={"backbone": "nowhere"})
    task = card.load("sandbox-brain-t2i")
    ref = ready(task, "sd", settings.overrides)[1]
    folder = RunFolder.of(settings.out, task.id, ref, 0)
    begins = dry_run(task.id, "sd", settings)
    assert f"run: {folder.path}" in begins.found
    assert any("nowhere" in line for line in begins.missing)
    context = RunContext(task_data(task, 0), ref, settings, torch.device("cpu"), folder)
    folder.images.mkdir(parents=True)
    folder.begin(pipeline._state(context))
    (folder.images / "one.png").touch()
    goes_on = dry_run(task.id, "sd", settings)
    assert f"run: goes on in {folder.path}, with 1 images" in goes_on.found
    assert goes_on.missing == begins.missing
    results.write(pipeline.record(context, Scored([], "a" * 64), [], []), folder.result)
    found = dry_run(task.id, "sd", settings)
    assert found.found[1] == f"run: finished; its result is read back from {folder.result}"
    assert found.missing == ()
    assert dry_run(task.id, "sd", settings, "new").missing == begins.missing  # new cases are generated


def test_a_disk_without_room_and_a_file_in_the_folders_place_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "runs"
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2**20))
    [disk] = dry_run("sandbox-brain-t2i", "lora", Settings(out)).missing
    assert disk.endswith(f"for the fit, got 1.0 MiB free at {out}; free space or choose another --out")
    assert dry_run("sandbox-brain-t2i", "real", Settings(out)).missing == ()
    out.touch()
    [unwritable] = dry_run("sandbox-brain-t2i", "real", Settings(out)).missing
    assert unwritable.startswith(f"{out}: expected a folder that may be written to, got ")
    monkeypatch.setattr(os, "access", lambda *_: False)
    [unwritable] = dry_run("sandbox-brain-t2i", "real", Settings(tmp_path / "other")).missing
    assert unwritable.startswith(f"{tmp_path}: expected a folder that may be written to, got one that may not be; ")


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("edited", ["nothing", "card", "code", "weights"])
def test_it_says_of_a_run_that_is_there_what_the_run_says(edited: str, finished: bool, tmp_path: Path) -> None:
    said, file, weights = list[str](), tmp_path / "grey.py", tmp_path / "weights"
    file.write_text(GREY.replace(":\n    kinds", ":\n    weights: str = ''\n    kinds"), encoding="utf-8")
    weights.write_bytes(b"1")
    settings = Settings(
        tmp_path / "runs", device="cpu", overrides={"weights": str(weights)}, say=said.append, warn=said.append
    )
    path, name = cheap_card(tmp_path), f"{file}:Grey"
    _, result = run(str(path), name, settings)
    if not finished:
        result.unlink()
    with {"card": path, "code": file, "weights": weights}.get(edited, tmp_path / "none").open("a") as text:
        text.write(CHEAP_METRICS.replace("kid", "mmd") if edited == "card" else "# edited\n")
    before = {each: each.read_bytes() for each in (tmp_path / "runs").rglob("*") if each.is_file()}
    dry, complaint = dry_run(str(path), name, settings), ""
    assert {each: each.read_bytes() for each in (tmp_path / "runs").rglob("*") if each.is_file()} == before
    try:
        run(str(path), name, settings)
    except LdbenchError as error:
        complaint = str(error)
    assert dry.missing == ((complaint,) if complaint else ())
    assert bool(complaint) == (edited in ("card", "weights") or (edited == "code" and not finished))
    assert any("read back from" in line for line in dry.found) == (finished and not complaint)
    if edited == "code" and finished:
        assert any(line in said[-1] for line in dry.found)


def test_a_result_of_other_images_that_lies_in_the_runs_folder_is_missing(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "runs", device="cpu")
    path = str(cheap_card(tmp_path))
    ran, result = run(path, "mean-image", settings)
    results.write(dataclasses.replace(ran, model=ModelRef("mean-image", None, None)), result)
    [missing] = dry_run(path, "mean-image", settings).missing
    assert "got one of other images" in missing


@pytest.mark.slow
def test_the_disk_holds_latents_of_every_training_image(tmp_path: Path) -> None:
    """2 moments of 4 x 32 x 32 float32 for each of 700 images, beside the checkpoints."""
    lora, flipped = (
        dry_run("sandbox-brain-t2i", "lora", Settings(tmp_path, overrides={"flip": flip})).found
        for flip in ("false", "true")
    )
    sizes = [float(line.split()[1]) for found in (lora, flipped) for line in found if line.startswith("disk: ")]
    assert sizes[1] - sizes[0] == pytest.approx(700 * 2 * 4 * 32 * 32 * 4 / 2**20, abs=0.2)


def test_everything_that_a_clinical_run_lacks_is_named_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LDBENCH_DATA", raising=False)
    found = dry_run("brain-aging", "instruct-pix2pix-ft-ld", Settings(tmp_path / "runs"))
    text = "\n".join(found.missing)
    assert len(found.missing) == 4, text
    for part in (
        "data/adni1", "data/oasis3", "prepare oasis3 --root", "backbone 'CompVis/stable-diffusion-v1-4'",
        "inception-v3: missing", "lpips-alex: missing",
    ):
        assert part in text
    assert not (tmp_path / "cache").exists()


def test_a_download_that_is_allowed_is_not_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LDBENCH_ALLOW_DOWNLOAD", "1")
    settings = Settings(tmp_path / "runs", overrides={"download": "true"})
    [missing] = dry_run("brain-t2i", "basic-ft", settings).missing
    assert "adni1" in missing


def test_a_weight_file_that_is_another_is_missing_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.pt").write_bytes(b"another network")
    monkeypatch.setenv("LDBENCH_WEIGHTS_INCEPTION_V3", str(tmp_path / "other.pt"))
    lines = dry_run("brain-t2i", "basic-ft", Settings(tmp_path / "runs")).missing
    assert any("inception-v3: " in line and "expected SHA-256 f58cb9b6" in line for line in lines)


def test_the_command_exits_with_2_where_anything_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDBENCH_CACHE", str(tmp_path / "cache"))
    out = ["--dry-run", "--out", str(tmp_path / "runs")]
    said("run", "sandbox-brain-t2i", "sd", *out)
    shown = called("run", "chest-t2i", "sd", *out)
    assert shown.exit_code == 2
    assert "missing: " in shown.output
    assert not (tmp_path / "runs").exists()
