"""The matrix with real processes: each run is what `ldbench run` makes, whatever dies meanwhile."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ldbench.run.matrix.plan import Matrix, plan
from ldbench.run.pipeline import run
from ldbench.run.settings import Settings
from tests.conftest import cheap_card
from tests.run.matrix.conftest import HERE, SLOW, Start, records, unlocked, wait_until

CRASHING = str(HERE / "stand_ins" / "crashing_generators.py")


def two_cards(folder: Path) -> list[str]:
    """Two tasks of four cases, which differ in their names alone."""
    first = cheap_card(folder, cases=4)
    second = folder / "other.toml"
    second.write_text(first.read_text(encoding="utf-8").replace('id = "small"', 'id = "other"'), encoding="utf-8")
    return [str(first), str(second)]


@pytest.mark.slow
def test_ray_killed_and_started_again_gives_what_single_runs_give(
    tmp_path: Path, temporary: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="the extra ldbench[ray] isn't installed")
    cards, out, log = two_cards(tmp_path), tmp_path / "runs", tmp_path / "log"
    arguments = [*cards, "--models", f"mean-image,{SLOW}", "--seeds", "1", "--set", f"{SLOW}:pause=0.5",
                 "--batch-size", "2", "--out", str(out), "--workers", "2", "--cpus-per-run", "1"]  # fmt: skip
    process = start(*arguments, log=log)
    wait_until(lambda: list(out.rglob("result.json")) and list(out.rglob("*Slow*/seed-*/images/*.png")), process, log)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    wait_until(lambda: all(map(unlocked, out.glob("*/*/*"))))  # Ray's workers see it a moment later
    finished = records(out)
    assert 0 < len(finished) < 4
    assert start(*arguments, log=log).wait() == 0, log.read_text(encoding="utf-8")
    lines = log.read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith("read back ") for line in lines) == len(finished)
    assert sum(line.startswith("done ") for line in lines) == 4 - len(finished)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    for card in cards:
        for model, overrides in (("mean-image", {}), (SLOW, {"pause": "0.5"})):
            run(card, model, Settings(tmp_path / "single", 1, batch_size=2, overrides=overrides))
    assert records(out) == records(tmp_path / "single")
    assert not list(out.rglob(".progress"))


@pytest.mark.slow
def test_ray_restarts_a_process_that_died_and_gives_one_up_that_always_dies(
    tmp_path: Path, temporary: Path, start: Start
) -> None:
    pytest.importorskip("ray", reason="the extra ldbench[ray] isn't installed")
    models = [f"{CRASHING}:{name}" for name in ("Exits", "ExitsOnce", "Quits")]
    log, out = tmp_path / "log", tmp_path / "runs"
    process = start(str(cheap_card(tmp_path, cases=4)), "--models", ",".join(models), "--out", str(out),
                    "--workers", "2", "--retries", "1", log=log)  # fmt: skip
    assert process.wait() == 1, log.read_text(encoding="utf-8")
    lines = log.read_text(encoding="utf-8").splitlines()
    ended = [line for line in lines if line.startswith(("done ", "failed "))]
    exits, once, quits = (
        next(line for line in ended if f":{name} seed 0 " in line) for name in ("Exits", "ExitsOnce", "Quits")
    )
    assert len(ended) == 3
    assert exits.startswith("failed ")
    assert "its process died 2 times before the run ended" in exits
    assert quits.startswith("failed ")
    assert "SystemExit: 3" in quits
    assert once.startswith("done ")
    assert any(line.startswith("3 runs: 1 done, 2 failed; ") for line in lines)
    assert [record["model"]["name"] for record in records(out).values()] == ["crashing_generators.py:ExitsOnce"]
    assert not list(temporary.glob("ray-*"))
    (words,) = out.rglob("*Quits*/*/run.log")
    assert "giving up" in words.read_text(encoding="utf-8")


@pytest.mark.slow
def test_one_after_another_a_crash_fails_alone_and_a_stop_leaves_the_rest_to_be_resumed(
    tmp_path: Path, start: Start
) -> None:
    log, out = tmp_path / "log", tmp_path / "runs"
    process = start(str(cheap_card(tmp_path, cases=4)), "--models", f"{CRASHING}:Exits,{SLOW}", "--out", str(out),
                    "--set", f"{SLOW}:pause=60", "--batch-size", "2", log=log)  # fmt: skip
    wait_until(lambda: list(out.rglob("*Slow*/seed-0/images")), process, log)
    (folder,) = out.glob("*/*Slow*/seed-0")
    assert not unlocked(folder)
    process.terminate()  # as Ctrl-C; but a suite started in the background has SIGINT ignored
    assert process.wait(60) == 130
    assert unlocked(folder)
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if "; at work: " not in line]
    assert len(lines) == 3
    assert lines[0].startswith("failed ")
    assert "exit code 7" in lines[0]
    assert lines[1].startswith("stopped; 2 runs: 1 failed, 1 not ended; ")
    assert lines[2].startswith("interrupted; it goes on from here ")


@pytest.mark.slow
def test_a_worker_does_not_outlive_the_process_that_ordered_its_run(tmp_path: Path) -> None:
    (job,) = plan(Matrix([str(cheap_card(tmp_path))], [SLOW], [0], tmp_path / "runs", ["pause=600"]))
    process = subprocess.Popen([sys.executable, "-m", "ldbench.run.matrix.worker"], stdin=subprocess.PIPE,
                               stdout=subprocess.DEVNULL)  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(json.dumps(dataclasses.asdict(job)).encode() + b"\n")
    process.stdin.flush()
    folder = Path(job.folder)
    wait_until(lambda: (folder / "images").exists(), process, folder / "run.log")
    process.stdin.close()
    assert process.wait(30) == 1
    assert unlocked(folder)
