"""The command line as a user meets it: exit codes, one-line errors, nothing heavy before it is needed."""

from __future__ import annotations

import errno
import itertools
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from ldbench.api import MetricAxis
from ldbench.cli.list_ import Catalogue
from ldbench.cli.main import GO_ON, main
from ldbench.plugins.kinds import NETWORKS
from tests.command_line import called
from tests.conftest import small_card
from tests.in_turn import in_turn


def test_lists_name_what_is_installed() -> None:
    tasks, models, metrics = (called("list", what).stdout for what in ("tasks", "models", "metrics"))
    assert "sandbox-brain-t2i" in tasks
    assert "sandbox-chest-t2i" in tasks
    names = {line.split()[0] for line in models.splitlines()}
    assert names >= {"real", "mean-image", "copy-source", "oracle", "sd", "sd-ld", "basic-ft", "basic-ft-ld"}
    assert {"fid", "kid", "ssim", "psnr", "lpips", "auc"} <= {line.split()[0] for line in metrics.splitlines()}
    asked = [line.split()[1] for line in metrics.splitlines()]
    assert [axis for axis, _ in itertools.groupby(asked)] == list(get_args(MetricAxis))


@pytest.mark.slow
@pytest.mark.parametrize("what", [each.value for each in Catalogue])
def test_a_list_as_json_has_what_its_lines_have(what: str) -> None:
    lines, text = (
        called("list", what, *form).stdout for form in ((), ("--format", "json"))
    )
    found = json.loads(text)
    assert [line.split()[0] for line in lines.splitlines()] == [each.get("name") or each["id"] for each in found]
    for line, each in zip(lines.splitlines(), found, strict=True):
        assert (each.get("summary") or each.get("title")) in line


def test_networks_are_listed_with_the_licence_of_their_weights_where_it_is_known() -> None:
    found = json.loads(called("list", "networks", "--format", "json").stdout)
    licences = {each["name"]: each["licence"] for each in found}
    assert licences.items() >= {"efficientnet-lite0": "Apache-2.0", "clip": "MIT", "torchscript": None}.items()
    loaded = {name: NETWORKS.load(name).licence or None for name in licences if licences[name]}
    assert loaded.items() <= licences.items()
    table = (Path(__file__).parents[2] / "docs/metrics.md").read_text(encoding="utf-8")
    for name, licence in licences.items():
        [row] = [line for line in table.splitlines() if re.match(rf"\| `{name}(:NAME)?` \|", line)]
        assert row.rstrip("| ").rpartition("| ")[2] == (licence or "not said")
    lines = called("list", "networks").stdout.splitlines()
    for line, (name, licence) in zip(lines, licences.items(), strict=True):
        assert re.match(rf"{name} +{licence or 'licence not said'} ", line)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "sandbox-brain-t2", "real"), "unknown task 'sandbox-brain-t2': did you mean sandbox-brain-t2i"),
        (("run", "sandbox-brain-t2i", "basic-tf"), "did you mean basic-ft"),
        (("run", "sandbox-brain-t2i", "basic-ft", "--set", "stepz=3"), "stepz"),
        (("run", "sandbox-brain-t2i", "basic-ft", "--set", "steps=many"), "steps"),
        (("run", "sandbox-brain-t2i", "basic-ft", "--set", "steps"), "--set: expected key=value, got 'steps'"),
        (("run", "sandbox-brain-t2i", "real", "--device", "abacus"), "--device: expected auto, cpu, cuda"),
        (("run", "sandbox-brain-t2i", "real", "--batch-size", "0"), "--batch-size: expected an int of 1 or more"),
        (("run", "sandbox-brain-t2i", "mean-image", "mean-imag"), "unknown model 'mean-imag': did you mean mean-image"),
        (("run", "sandbox-brain-t2i", "mean-image", "copy-source"), "copy-source can't do text-to-image"),
        (("score", "sandbox-brain-t2i", "no-such-folder"), "no-such-folder"),
        (("report", "no-such-folder"), "no-such-folder"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ldbench", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert message in said
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert not list(tmp_path.rglob("result.json"))


WINDOWS = """
import os, sys
sys.modules["fcntl"] = sys.modules["resource"] = None
from ldbench.api import MetricAxis
from ldbench.cli.main import main
os.name = "nt"
sys.argv = ["ldbench", "report", "runs"]
main()
"""


def test_windows_is_refused_in_one_line() -> None:
    ended = subprocess.run([sys.executable, "-c", WINDOWS], capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 2
    assert ended.stderr == "error: expected Linux or macOS, got Windows; use its subsystem for Linux (WSL)\n"


@pytest.mark.parametrize(
    ("arguments", "work", "said"),
    [
        ("submit .", "ldbench.run.submission.pack.pack", "interrupted\n"),
        ("data render sandbox-brain --seed 1", "ldbench.data.render.render", "interrupted\n"),
        (
            "run sandbox-brain-t2i real", "ldbench.run.task_runs.run_as_set",
            "interrupted; it goes on from here when the same command is given again\n",
        ),
    ],
)
def test_control_c_is_one_line_and_only_what_goes_on_is_said_to(
    arguments: str, work: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(*given: object, **named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ldbench", *arguments.split()])
    monkeypatch.setattr(work, interrupted)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert capsys.readouterr().err.endswith(said)


TERMINATED = """
import os, signal, sys
from ldbench.cli.main import main
from ldbench.run import task_runs
task_runs.run_as_set = lambda *given, **named: os.kill(os.getpid(), signal.SIGTERM)
sys.argv = ["ldbench", "run", "sandbox-brain-t2i", "real"]
main()
"""


def test_a_batch_system_that_ends_a_run_gets_the_line_of_control_c() -> None:
    ended = subprocess.run([sys.executable, "-c", TERMINATED], capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == -signal.SIGTERM
    assert ended.stderr.endswith("interrupted; it goes on from here when the same command is given again\n")


@pytest.mark.parametrize("command", GO_ON)
def test_what_goes_on_is_a_command(command: str) -> None:
    assert called(*command.split(), "--help").exit_code == 0


def test_a_disk_that_refuses_is_one_line_and_a_defect_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refusals = iter([
        OSError(errno.ENOSPC, "No space left on device"), PermissionError(errno.EACCES, "Permission denied", "runs/a"),
    ])

    def refused(path: Path, out: Path | None = None) -> None:
        raise next(refusals, FileNotFoundError(errno.ENOENT, "No such file or directory", "x"))

    monkeypatch.setattr(sys, "argv", ["ldbench", "submit", "."])
    monkeypatch.setattr("ldbench.run.submission.pack.pack", refused)
    for said in ("can't write: No space left on device", "can't use runs/a: Permission denied"):
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        assert capsys.readouterr().err == f"error: {said}; free space, or choose a folder that you may write\n"
    with pytest.raises(FileNotFoundError):
        main()


@pytest.mark.slow
def test_run_then_report_prints_a_table(tmp_path: Path) -> None:
    done, table, written = in_turn(
        [
            ["run", str(small_card(tmp_path)), "real", "mean-image"], ["report", "runs"],
            ["report", "runs", "--format", "json", "--out", "boards"],
        ],
        tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "auc" in done.stdout
    assert table.returncode == 0, table.stderr
    assert "mean-image" in table.stdout
    assert written.returncode == 0, written.stderr
    assert (tmp_path / "boards/small.json").exists()
