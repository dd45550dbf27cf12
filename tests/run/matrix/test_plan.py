"""The matrix: what it refuses before it starts, what a run needs of a cluster, and what it shows."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ldbench.errors import LdbenchError, UsageError
from ldbench.run.matrix.display import MatrixBars, MatrixLines, Tally, line, matrix_display
from ldbench.run.matrix.plan import Job, JobOutcome, Matrix, plan
from ldbench.run.matrix.ray_cluster import Cluster, _device, handed_on, with_ray
from ldbench.run.matrix.sequence import _how
from ldbench.run.matrix.worker import ProgressFile, Standing, standing
from tests.conftest import small_card

HERE = Path(__file__).parents[2]
SLOW = f"{HERE / 'stand_ins' / 'slow_generator.py'}:Slow"


def wanted(folder: Path, **changes: Any) -> Matrix:
    """A small matrix with some of its fields changed."""
    small = Matrix([str(small_card(folder))], ["real", "mean-image"], [0, 1], folder / "runs")
    return dataclasses.replace(small, **changes)


def a_job(folder: Path, seed: int = 0) -> Job:
    """A job that nobody runs."""
    at = str(folder / f"seed-{seed}")
    return Job(f"small real seed {seed}", "small.toml", "real", seed, "cpu", 50, str(folder), at, str(folder))


def test_the_plan_holds_whole_seeds_first_and_a_folder_for_each_run(tmp_path: Path) -> None:
    jobs = plan(wanted(tmp_path))
    assert [(job.model, job.seed) for job in jobs] == [
        ("real", 0), ("mean-image", 0), ("real", 1), ("mean-image", 1)
    ]  # fmt: skip
    assert len({job.folder for job in jobs}) == 4
    assert Path(jobs[3].folder).match("runs/small/mean-image-*/seed-1")
    assert not (tmp_path / "runs").exists()


def test_a_setting_is_for_all_models_or_for_the_one_it_names(tmp_path: Path) -> None:
    settings = ["pause=2", f"{SLOW}:broken=true", f"{SLOW}:pause=3"]
    (job,) = plan(wanted(tmp_path, models=[SLOW], seeds=[0], settings=settings))
    assert job.overrides == {"pause": "3", "broken": "true"}
    named = wanted(tmp_path, models=["real", SLOW], seeds=[0], settings=settings[1:])
    assert [job.overrides for job in plan(named)] == [{}, {"pause": "3", "broken": "true"}]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tasks": ["small"]}, "unknown task 'small'"),
        ({"models": ["real", "mean-imag"]}, "unknown model 'mean-imag': did you mean mean-image"),
        ({"models": ["real", "copy-source"]}, "copy-source can't do text-to-image"),
        ({"models": ["real", "real"]}, "--models: real is given twice"),
        ({"seeds": [0, 1, 0]}, "--seeds: 0 is given twice"),
        ({"settings": ["steps=3"]}, "unknown parameter of .*'steps'.* write --set MODEL:key=value"),
        ({"settings": ["reel:steps=3"]}, "unknown model in --set 'reel': did you mean real"),
        ({"settings": ["steps"]}, "expected key=value, got 'steps'"),
        ({"models": [SLOW], "settings": ["pause=long"]}, "--set pause=long: expected"),
        ({"batch_size": 0}, "--batch-size: expected an int of 1 or more"),
        ({"device": "abacus"}, "--device: expected auto, cpu, cuda"),
    ],
)
def test_an_impossible_run_is_refused_before_the_first_starts(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(LdbenchError, match=message):
        plan(wanted(tmp_path, **changes))
    assert not (tmp_path / "runs").exists()


def test_two_runs_that_would_share_a_folder_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    with pytest.raises(UsageError, match="expected a folder each"):
        plan(wanted(tmp_path, tasks=[str(small_card(tmp_path)), str(small_card(other))]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "expected one of them"),
        ({"workers": 2, "address": "auto"}, "expected one of them"),
        ({"workers": 0}, "--workers: expected 1 or more, got 0"),
        ({"workers": 1, "cpus": 0}, "--cpus-per-run: expected 1 or more"),
        ({"workers": 1, "gpus": -0.5}, "--gpus-per-run: expected 0 or more"),
        ({"workers": 1, "retries": -1}, "--retries: expected 0 or more"),
    ],
)
def test_a_cluster_that_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Cluster(**options)


def of_nodes(*nodes: dict[str, float]) -> ModuleType:
    """As much of Ray as tells what its machines have."""
    listed = [{"Resources": node, "Alive": True} for node in nodes]
    listed.append({"Resources": {"CPU": 64.0, "GPU": 8.0}, "Alive": False})
    ray: Any = SimpleNamespace(nodes=lambda: listed)
    return ray  # type: ignore[no-any-return]


def test_a_run_gets_a_gpu_where_there_is_one_and_the_device_allows_it() -> None:
    here, there = {"CPU": 2.0}, {"CPU": 8.0, "GPU": 1.0}
    assert _device(of_nodes(here), Cluster(workers=2), "auto") == (0, "cpu")
    assert _device(of_nodes(here, there), Cluster(address="auto"), "auto") == (1, "cuda")
    assert _device(of_nodes(here, there), Cluster(address="auto"), "cpu") == (0, "cpu")
    assert _device(of_nodes(here, there), Cluster(address="auto", gpus=0.5), "cuda") == (0.5, "cuda")
    for cluster, device in (
        (Cluster(address="auto", cpus=9), "cpu"), (Cluster(address="auto", gpus=2), "cuda"),
        (Cluster(address="auto", gpus=0), "cuda"), (Cluster(address="auto"), "cuda:1"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match="expected"):
            _device(of_nodes(here, there), cluster, device)


def test_a_run_elsewhere_is_told_where_data_and_weights_lie_and_no_secret() -> None:
    told = {
        "LDBENCH_CACHE": "a", "LDBENCH_ALLOW_DOWNLOAD": "1", "LDBENCH_WEIGHTS_INCEPTION_V3": "b",
        "LDBENCH_WEIGHTS_DINOV2": "c",
    }
    assert handed_on({**told, "HF_TOKEN": "secret", "PATH": "d", "LDBENCH_OTHER_TOKEN": "secret"}) == told


def test_without_ray_one_line_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"need Ray; pip install 'ldbench\[ray\]'"):
        next(with_ray([a_job(tmp_path)], Cluster(workers=2), lambda: None))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("somewhere", "expected auto, HOST:PORT or ray://HOST:PORT, got 'somewhere'"),
        ("127.0.0.1:1", "expected a Ray cluster to listen there, got .*refused"),
    ],
)
def test_an_address_where_nobody_listens_is_refused_at_once(address: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        next(with_ray([a_job(tmp_path)], Cluster(address=address), lambda: None))


def test_a_temporary_folder_too_deep_for_sockets_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/" + "deep/" * 9)
    with pytest.raises(UsageError, match=r"at most 40 characters.*set TMPDIR=/tmp"):
        next(with_ray([a_job(tmp_path)], Cluster(workers=2), lambda: None))


def test_progress_is_read_by_another_process_and_written_seldom(tmp_path: Path) -> None:
    job = a_job(tmp_path)
    assert standing(job) is None
    Path(job.folder).mkdir()
    logged: list[int] = []
    report = ProgressFile(job.run_folder.progress, lambda stage, done, total, note="": logged.append(done))
    for done in range(1000):
        report("train", done, 1000, "loss 0.1")
    moment = standing(job)
    assert moment is not None
    assert moment == Standing("train", moment.done, 1000, "loss 0.1")
    assert moment.done < 999
    assert logged == list(range(1000))
    assert [path.name for path in Path(job.folder).iterdir()] == [".progress"]


def test_the_tally_estimates_from_what_was_computed_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    jobs = [a_job(tmp_path, seed) for seed in range(4)]
    tally = Tally(jobs, started=time.monotonic() - 100)
    tally.outcomes[jobs[0]] = JobOutcome("read back", 0.1)
    assert "left" not in tally.times()
    tally.outcomes[jobs[1]] = JobOutcome("done", 99.0)
    assert tally.times() == "0:01:40, about 0:03:20 left"
    tally.outcomes[jobs[2]] = JobOutcome("failed", 1.0, "it broke")
    assert tally.summary() == "4 runs: 1 done, 1 read back, 1 failed, 1 not ended; 0:01:40"
    assert line(jobs[2], tally.outcomes[jobs[2]]) == "failed          1.0 s  small real seed 2  it broke"


def test_a_log_says_what_is_at_work_when_a_minute_has_passed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = [a_job(tmp_path, seed) for seed in (0, 1)]
    for job, done in zip(jobs, (3, 4), strict=True):
        Path(job.folder).mkdir()
        job.run_folder.progress.write_text(json.dumps(["train", done, 9, ""]), encoding="utf-8")
    shown = MatrixLines(Tally(jobs), sys.stdout)
    shown.look()
    assert capsys.readouterr().err == ""
    shown.ended(jobs[0], JobOutcome("done", 1.0))
    shown.printed -= 60
    shown.look()
    printed = capsys.readouterr()
    assert printed.out.startswith("done            1.0 s  small real seed 0")
    assert printed.err.startswith("matrix: runs 1/2 0:00:")
    assert printed.err.endswith("left; at work: small real seed 1 train 4/9\n")


def test_a_terminal_shows_a_bar_for_each_run_at_work_and_the_lines_go_to_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    jobs = [a_job(tmp_path, seed) for seed in (0, 1)]
    for job in jobs:
        Path(job.folder).mkdir()
        job.run_folder.progress.write_text(json.dumps(["train", 3, 9, "[loss] 0.1"]), encoding="utf-8")
    with matrix_display(Tally(jobs)) as shown:
        assert isinstance(shown, MatrixBars)
        shown.look()
        assert [shown.display.tasks[at].completed for at in shown.bars.values()] == [3, 3]
        shown.ended(jobs[0], JobOutcome("done", 1.0))
        assert list(shown.bars) == [jobs[1]]
        assert shown.display.tasks[0].completed == 1
    printed = capsys.readouterr()
    assert printed.out == f"{line(jobs[0], JobOutcome('done', 1.0))}\n"
    assert "small real seed 1: train" in printed.err
    assert "[loss] 0.1" in printed.err


def test_how_a_process_ended_is_said_in_words() -> None:
    said = "(out of memory, with which LDBENCH_IMAGES_AT_ONCE=N helps, or somebody's kill)"
    assert _how(-9) == f"its process was killed by SIGKILL {said}"
    assert _how(-11) == "its process was killed by SIGSEGV"
    assert _how(7) == "its process ended with exit code 7 before the run did"
