"""Why a run stopped is kept in its folder: a line, and the traceback through the user's own code."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from ldbench.errors import DataError, GeneratorError, LdbenchError
from ldbench.records.run_folder import RunFolder
from ldbench.records.unfinished import unfinished_below
from ldbench.run.failure import failure_kept
from ldbench.run.pipeline import run
from ldbench.run.settings import Settings
from tests.command_line import called
from tests.conftest import cheap_card

PLUGIN = """
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
import sys
import torch
from ldbench.api import Generator

def own_helper():
    FAULT

@dataclass
class Mine(Generator):
    kinds: ClassVar[frozenset[str]] = frozenset({"text-to-image"})

    def generate(self, requests, context):
        if not Path(__file__).with_name("repaired").exists():
            own_helper()
        return torch.full((len(requests), *context.image_shape), 0.5)
"""


def plugin(folder: Path, fault: str) -> str:
    file = folder / "mine.py"
    file.write_text(PLUGIN.replace("FAULT", fault), encoding="utf-8")
    return f"{file}:Mine"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "said"),
    [("raise ValueError('out of luck')", "ValueError: out of luck"), ("sys.exit()", "SystemExit: "),
     ("sys.exit(0)", "SystemExit: 0"), ("open('no such file')", "FileNotFoundError: ")],
)
def test_a_failure_is_a_line_that_names_the_file_with_the_users_own_lines(
    fault: str, said: str, tmp_path: Path
) -> None:
    model, settings = plugin(tmp_path, fault), Settings(tmp_path / "runs", device="cpu")
    card = str(cheap_card(tmp_path))
    with pytest.raises(GeneratorError) as caught:
        run(card, model, settings)
    (kept,) = (tmp_path / "runs").rglob("error.txt")
    line, _, trace = kept.read_text(encoding="utf-8").partition("\n\n")
    assert str(caught.value) == f"{line}; traceback: {kept}"
    assert said in line
    assert "in own_helper" in trace
    assert fault in trace
    (tmp_path / "repaired").touch()
    (begun,) = unfinished_below([tmp_path])
    assert begun.error in line
    done = called(*shlex.split(begun.command)[1:])
    assert done.stdout.splitlines()[-1] == str(kept.with_name("result.json"))
    assert not kept.exists()


def test_sys_exit_in_one_model_stops_no_other_and_is_a_failure(tmp_path: Path) -> None:
    arguments = ["run", str(cheap_card(tmp_path)), plugin(tmp_path, "sys.exit(0)"), "mean-image", "--device", "cpu"]
    done = called(*arguments, "--out", tmp_path / "runs")
    assert done.exit_code == 2
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("error: "))
    assert "generate raised SystemExit: 0 (mine.py:10)" in line
    assert len(list((tmp_path / "runs").rglob("result.json"))) == 1


def test_an_interruption_is_none_and_what_is_no_plug_ins_has_no_traceback_in_its_line(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with pytest.raises(DataError, match=r"^no such scan$"), failure_kept(folder):
        raise DataError("no such scan")
    assert folder.error.read_text(encoding="utf-8").startswith("no such scan\n\nTraceback")
    with pytest.raises(KeyboardInterrupt), failure_kept(folder):
        raise KeyboardInterrupt
    assert not folder.error.exists()


def test_what_another_process_was_told_is_not_written_over_what_happened(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with pytest.raises(LdbenchError, match=r"^the first process ended: x$"), failure_kept(folder, first=False):
        raise LdbenchError("the first process ended: x")
    assert not folder.error.exists()
    with pytest.raises(GeneratorError, match="; traceback: "), failure_kept(folder, first=False):
        raise GeneratorError("fit raised ValueError") from ValueError("no")
    assert folder.error.exists()


def test_a_process_that_comes_late_keeps_what_ended_the_first(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with pytest.raises(DataError), failure_kept(folder):
        raise DataError("no such scan")
    with pytest.raises(LdbenchError), failure_kept(folder, first=False):
        raise LdbenchError("the first process ended: no such scan")
    assert folder.error.read_text(encoding="utf-8").startswith("no such scan\n")
