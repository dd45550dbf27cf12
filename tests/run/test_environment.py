"""The environment record and the choice of a device."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import pytest
import torch

from ldbench.errors import UsageError
from ldbench.records.result import Stage
from ldbench.run.environment import commit_of, describe, pick_device, timed, usable_cores

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


@pytest.fixture(autouse=True)
def _workspace_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WORKSPACE, "")  # which puts it back afterwards
    monkeypatch.delenv(WORKSPACE)


def test_auto_is_a_device_that_this_machine_has() -> None:
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_an_unknown_device_is_refused_with_what_is_expected() -> None:
    with pytest.raises(UsageError, match="expected auto, cpu, cuda or cuda:N, got 'abacus'"):
        pick_device("abacus")


@pytest.mark.parametrize("name", ["mps", "mps:0", "xpu", "meta"])
def test_a_device_of_another_kind_is_refused_before_anything_is_fitted_on_it(name: str) -> None:
    with pytest.raises(UsageError, match=f"expected auto, cpu, cuda or cuda:N, got '{name}'; .* use --device cpu"):
        pick_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a CUDA device")
def test_a_cuda_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="sees no CUDA device; use --device cpu"):
        pick_device("cuda:0")


def test_a_cuda_device_beyond_the_last_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert pick_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(UsageError, match="expected cuda:0 to cuda:1, got 'cuda:2'; this machine has 2"):
        pick_device("cuda:2")


@pytest.mark.parametrize("chosen", [None, ":16:8", ":0:0"])
def test_a_cuda_device_comes_with_cublas_workspaces_for_sums_in_one_order(
    chosen: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before torch looks, once a process; what the user chose stays, and a CPU needs none."""
    if chosen is not None:
        monkeypatch.setenv(WORKSPACE, chosen)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    pick_device("cpu")
    with pytest.raises(UsageError):
        pick_device("cuda:1")
    assert os.environ.get(WORKSPACE) == chosen
    pick_device("auto")
    assert os.environ.get(WORKSPACE) == (chosen or ":4096:8")


def test_each_process_has_a_device_of_its_own_or_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for name in ("auto", "cuda"):
        devices = [pick_device(name, index, 2) for index in range(2)]
        assert {device.index or 0 for device in devices} == {0, 1}
        with pytest.raises(UsageError, match=r"--device cuda: expected a CUDA device for each .* at most 2 here"):
            pick_device(name, 2, 3)
    for name in ("cuda:0", "cuda:1"):
        with pytest.raises(UsageError, match=f"expected auto, cuda or cpu for 2 processes, got '{name}'"):
            pick_device(name, 0, 2)
    assert pick_device("cpu", 1, 2).type == "cpu"


def test_memory_is_measured_on_a_device_that_nothing_has_used_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """As torch behaves: the allocator refuses to reset statistics before CUDA is initialised."""
    started: list[bool] = []

    def reset(device: torch.device) -> None:
        if not started:
            raise RuntimeError("Invalid device argument: did you call init?")

    monkeypatch.setattr(torch.cuda, "init", lambda: started.append(True))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", reset)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 3 * 2**20)
    stages: list[Stage] = []
    with timed("fit", stages, torch.device("cuda:0")):
        pass
    assert stages[0].peak_memory_mib == 3


def test_the_record_names_versions_instructions_and_threads() -> None:
    record = describe(torch.device("cpu"))
    assert record.processor == torch.backends.cpu.get_cpu_capability()
    assert record.python == platform.python_version()
    assert record.threads == torch.get_num_threads()
    assert record.packages["torch"] == torch.__version__.split("+")[0] or record.packages["torch"] == torch.__version__
    assert (record.commit, record.dirty) == commit_of(Path(__file__).resolve().parents[2])


def test_a_checkout_is_known_by_its_commit_and_by_what_was_changed_since(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        return subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    assert commit_of(tmp_path) == (None, None)
    git("init")
    (tmp_path / "file").write_text("one", encoding="utf-8")
    git("add", "file")
    git("commit", "-m", "one")
    commit = git("rev-parse", "HEAD").strip()
    assert commit_of(tmp_path) == (commit, False)
    (tmp_path / "file").write_text("other", encoding="utf-8")
    assert commit_of(tmp_path) == (commit, True)


def test_cores_are_those_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 5, 7}, raising=False)
    assert usable_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1


def test_a_stage_is_noted_only_when_it_ends_well() -> None:
    stages: list[Stage] = []
    with timed("fit", stages, torch.device("cpu")):
        pass
    with pytest.raises(ZeroDivisionError), timed("generate", stages, torch.device("cpu")):
        raise ZeroDivisionError
    assert [stage.name for stage in stages] == ["fit"]
    assert stages[0].seconds >= 0
    assert (stages[0].peak_memory_mib or 0) > 10
