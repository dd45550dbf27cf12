"""Several processes at one run: each takes its part, the first speaks and writes, and the images are those of one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ldbench.api import Case, Context, Generator, Request
from ldbench.errors import UsageError
from ldbench.records import result as results
from ldbench.records.run_folder import RunFolder
from ldbench.run import processes
from ldbench.run.generate import generate, requests_for
from ldbench.run.pipeline import _fit_folder, run
from ldbench.run.processes import Processes, current_processes, is_first_process
from ldbench.run.settings import Settings
from tests.conftest import cheap_card, small_card
from tests.forked import ldbench, started
from tests.stand_ins.backbone import save_random_backbone

CASES = tuple(Case(f"case-{index}", "a prompt", {"diagnosis": "CN"}) for index in range(8))


@dataclass
class Noise(Generator):
    """Pixels from each request's own noise; notes which cases it was asked for."""

    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})
    asked: list[list[str]] = field(default_factory=list, init=False)

    def generate(self, requests: Sequence[Request], context: Context) -> torch.Tensor:
        self.asked.append([request.case.id for request in requests])
        return torch.stack([request.noise(context.image_shape) for request in requests]).sigmoid()


@dataclass
class Together(Noise):
    """Shares the work of a fit."""

    fits_together: ClassVar[bool] = True


def test_one_process_is_the_rule_and_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert current_processes("cpu") == Processes(0, 1, 0)
    assert current_processes("cpu").is_first
    assert is_first_process()
    current_processes("cpu").wait()
    monkeypatch.setenv("WORLD_SIZE", "1")  # accelerate launch with one process
    assert current_processes("cpu") == Processes(0, 1, 0)


def test_only_the_first_process_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"WORLD_SIZE": "2", "RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}.items():
        monkeypatch.setenv(name, value)
    assert not is_first_process()
    assert not Processes(1, 2, 1).is_first


MEETING = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}


@pytest.mark.parametrize(
    ("environment", "warning"),
    [
        ({}, ""), ({"RANK": "3"}, ""), ({"WORLD_SIZE": ""}, ""), ({"RANK": "3", "LOCAL_RANK": "3", **MEETING}, ""),
        ({"WORLD_SIZE": "1", "RANK": "0", "LOCAL_RANK": "0"}, ""),
        ({"WORLD_SIZE": "auto"}, "WORLD_SIZE='auto' is no number of processes"),
        ({"WORLD_SIZE": "0"}, "WORLD_SIZE='0' is no number of processes"),
        ({"WORLD_SIZE": "2"}, "WORLD_SIZE=2 goes with a RANK below it, got none"),
        ({"WORLD_SIZE": "2", "RANK": "7", **MEETING}, "WORLD_SIZE=2 goes with a RANK below it, got 7"),
        ({"WORLD_SIZE": "2", "RANK": "1"}, "WORLD_SIZE=2 goes with MASTER_ADDR and MASTER_PORT, got none"),
        ({"WORLD_SIZE": "2", "RANK": "1", "MASTER_ADDR": "a"}, "WORLD_SIZE=2 goes with MASTER_PORT, got none"),
    ],
)
def test_what_a_launcher_left_behind_is_one_process(
    environment: dict[str, str], warning: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK", *MEETING):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    processes._warn_left_over.cache_clear()
    assert current_processes("cpu") == Processes()
    assert is_first_process()
    said = capsys.readouterr().err
    assert said.startswith(f"warning: {warning}: left over from another launch" if warning else "")
    assert said.count("\n") == bool(warning)


ANYTHING = st.one_of(st.text(max_size=5), st.integers(-1, 4).map(str))


@given(st.dictionaries(st.sampled_from(["WORLD_SIZE", "RANK", "LOCAL_RANK", *MEETING]), ANYTHING))
def test_a_launch_is_a_rank_below_a_number_of_processes_and_a_place_to_meet(environment: dict[str, str]) -> None:
    launched = processes.launch(environment)
    if launched is not None:
        rank, count = launched
        assert 0 <= rank < count
        assert count > 1
        assert environment["MASTER_ADDR"]
        assert environment["MASTER_PORT"]


@pytest.mark.parametrize("rank", [0, 1])
def test_processes_that_never_come_are_one_line(rank: int, monkeypatch: pytest.MonkeyPatch) -> None:
    port = str(free_port())
    launched = {"WORLD_SIZE": "2", "RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    for name, value in launched.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("TORCHELASTIC_USE_AGENT_STORE", raising=False)
    monkeypatch.setattr(processes, "_MEETING", timedelta(seconds=1))
    expected = rf"^WORLD_SIZE=2: .* to meet at 127\.0\.0\.1:{port} within 1 s, got fewer; "
    with pytest.raises(UsageError, match=expected) as stop:
        current_processes("cpu")
    assert "\n" not in str(stop.value)


@pytest.mark.parametrize(("backend", "early"), [("gloo", True), ("nccl", False)])
def test_the_others_are_left_at_exit_over_nccl_only_after_a_run_that_ended_well(
    backend: str, early: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_exit: list[object] = []
    for name, value in {"WORLD_SIZE": "2", "RANK": "1", **MEETING}.items():
        monkeypatch.setenv(name, value)
    state = SimpleNamespace(process_index=1, num_processes=2, local_process_index=1)
    monkeypatch.setattr(processes, "_joined", lambda *_: state)
    monkeypatch.setattr(Processes, "wait", lambda self: at_exit.append("waited"))
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_backend", lambda: backend)
    monkeypatch.setattr(processes.atexit, "register", at_exit.append)
    monkeypatch.setattr(processes.atexit, "unregister", lambda leave: leave in at_exit and at_exit.remove(leave))
    for _ in range(2):  # a process may do several runs, of which the last may fail
        begun = current_processes("auto")
        assert at_exit == [processes._leave] * early
        begun.end()
        assert at_exit == ["waited", processes._leave]
        at_exit.remove("waited")
    current_processes("auto")
    assert at_exit == [processes._leave] * early
    at_exit.clear()
    Processes().end()
    assert at_exit == ["waited"]


@pytest.mark.parametrize(("count", "size"), [(1, 3), (2, 3), (3, 1), (2, 50), (12, 1)])
def test_processes_take_turns_at_batches_and_leave_the_bytes_of_one(count: int, size: int, tmp_path: Path) -> None:
    context, requests = Context(torch.device("cpu"), 0, tmp_path, (3, 16, 16)), requests_for(CASES, "t", 0)
    alone = Noise()
    one, many = RunFolder(tmp_path / "one"), RunFolder(tmp_path / "many")
    generate(alone, requests, context, one, size)
    generators = [Noise() for _ in range(count)]
    waits: list[int] = []
    for process in reversed(range(count)):  # the first comes last, as if it had waited
        where = replace(context, process=process, processes=count)
        generate(generators[process], requests, where, many, size, lambda: waits.append(1))
        assert (tmp_path / "many/manifest.json").exists() == (process == 0)
    assert len(waits) == count
    assert sorted(batch for each in generators for batch in each.asked) == alone.asked
    for case in CASES:
        assert many.image(case.id).read_bytes() == one.image(case.id).read_bytes()
    assert (tmp_path / "many/manifest.json").read_bytes() == (tmp_path / "one/manifest.json").read_bytes()


def test_a_generator_fits_in_a_folder_of_its_own_unless_it_shares_the_work(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert _fit_folder(folder, Noise(), Processes()).name == "fit"
    assert _fit_folder(folder, Together(), Processes(1, 2, 1)).name == "fit"
    assert [_fit_folder(folder, Noise(), Processes(i, 2, i)).name for i in (0, 1)] == ["fit-0", "fit-1"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def launch(count: int, *arguments: str) -> str:
    """`accelerate launch -m ldbench ...` on the CPU; what it printed."""
    options = ["--multi_gpu", "--num_processes", str(count), "--num_machines", "1", "--mixed_precision", "no",
               "--dynamo_backend", "no", "--main_process_port", str(free_port())]  # fmt: skip
    launcher = subprocess.Popen(
        [sys.executable, "-m", "accelerate.commands.launch", *options, "-m", "ldbench", *arguments, "--device", "cpu"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        printed = launcher.communicate(timeout=540)[0]
    finally:
        if launcher.poll() is None:
            os.killpg(launcher.pid, signal.SIGKILL)  # its children too
            launcher.wait()
    assert launcher.returncode == 0, printed
    return printed


def launch_by_hand(folder: Path, *arguments: str, code: int = 0) -> list[str]:
    """Two processes by the variables alone that a launcher sets, as a cluster's script does; what each printed, once
    both have ended with this exit code."""
    meeting = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port := free_port())}
    outs = [folder / f"said-{port}-{rank}" for rank in range(2)]
    begun = [
        started(ldbench, *arguments, "--device", "cpu", out=out,
                environment={**os.environ, "RANK": str(rank), "LOCAL_RANK": str(rank), **meeting})
        for rank, out in enumerate(outs)
    ]  # fmt: skip
    for process in begun:
        process.join(timeout=540)
    for process in begun:
        process.kill()  # one that waits for another
        process.join()
    printed = [out.read_text(encoding="utf-8") for out in outs]
    assert [process.exitcode for process in begun] == [code] * 2, "\n".join(printed)
    return printed


def pixels(folder: Path) -> np.ndarray:
    """All images of a run, `(N, H, W, C)`, in the order of their names."""
    paths = sorted(folder.rglob("images/*.png"))
    return np.stack([np.asarray(Image.open(path), dtype=np.int16) for path in paths])


@pytest.mark.slow
def test_two_processes_train_and_generate_what_one_does(tmp_path: Path) -> None:
    """Five steps of fine-tuning whose batches are cut in two, then batches of images taken in turns."""
    card, backbone = str(cheap_card(tmp_path)), str(save_random_backbone(tmp_path / "backbone", halvings=3))
    few = {"steps": "5", "batch_size": "6", "images": "16", "sampling_steps": "3", "backbone": backbone}
    settings = [f"--set={name}={value}" for name, value in few.items()]
    asked = ("run", card, "basic-ft-ld", *settings, "--batch-size", "3", "--out", str(tmp_path / "two"))
    printed = launch_by_hand(tmp_path, *asked)
    assert [said.count("\nkid") for said in printed] == [1, 0], printed  # the second process says nothing
    run(card, "basic-ft-ld", Settings(tmp_path / "one", device="cpu", batch_size=3, overrides=few))
    one, two = pixels(tmp_path / "one"), pixels(tmp_path / "two")
    assert one.shape == two.shape == (8, 64, 64, *one.shape[3:])
    assert np.abs(one - two).max() <= 1
    assert one.std() > 5
    first, second = (results.read(next((tmp_path / name).rglob("result.json"))) for name in ("one", "two"))
    assert first.environment is not None
    assert second.environment is not None
    assert "processes" not in first.environment.device
    assert second.environment.device == f"{first.environment.device} (2 processes)"
    values = [{score.metric: score.value for score in result.scores} for result in (first, second)]
    assert values[0].keys() == {"kid"}
    assert values[1] == pytest.approx(values[0], rel=0.01)
    assert sorted(path.name for path in (tmp_path / "two").rglob("fit*")) == ["fit"]


@pytest.mark.slow
def test_a_generator_that_does_not_share_fits_once_a_process(tmp_path: Path) -> None:
    card, alone = str(cheap_card(tmp_path)), f"{Path(__file__).parents[1] / 'stand_ins' / 'lone_generator.py'}:Alone"
    printed = launch(2, "run", card, alone, "--batch-size", "3", "--out", str(tmp_path / "runs"))
    assert printed.count("kid ↓") == 1, printed
    told = {path.parent.name: path.read_text(encoding="utf-8") for path in (tmp_path / "runs").rglob("process")}
    assert told == {"fit-0": "0 of 2", "fit-1": "1 of 2"}
    assert len(list((tmp_path / "runs").rglob("images/*.png"))) == 8


@pytest.mark.slow
def test_where_the_first_process_cannot_begin_or_score_the_others_end_with_it(tmp_path: Path) -> None:
    card = str(small_card(tmp_path, metrics="[metrics.laterality]\n"))  # which brains refuse
    asked = ("run", card, "mean-image", "--out", str(tmp_path / "runs"))
    first, other = launch_by_hand(tmp_path, *asked, code=2)
    assert "error: laterality: expected 95% of the real test scans" in first
    assert "error: the first process ended: laterality: expected 95% of the real test scans" in other
    (folder,) = (RunFolder(path.parent) for path in (tmp_path / "runs").rglob("run.json"))
    with folder.claimed():
        first, other = launch_by_hand(tmp_path, *asked, code=2)
    assert f"error: {folder.path}: another run is at work there" in first
    assert f"error: the first process ended: {folder.path}: another run is at work there" in other
