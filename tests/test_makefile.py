"""What the Makefile would install, and when: by `make -n`, so nothing is installed here."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
BASE, ALL = (f"pip install --quiet --no-compile --editable {what}" for what in (".\n", '".['))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in ("Makefile", "constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
        os.utime(tmp_path / name, (1, 1))
    return tmp_path


def make(clone: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Not as a part of a make that runs the tests."""
    outside = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "OUT"}}
    return subprocess.run(["make", "-n", *words], cwd=clone, env=outside, capture_output=True, text=True, check=False)


def stamp(clone: Path, name: str, time: int) -> None:
    (clone / ".venv").mkdir(exist_ok=True)
    (clone / ".venv" / name).touch()
    os.utime(clone / ".venv" / name, (time, time))


@pytest.mark.parametrize("words", [["report"], ["-j4", "report"], ["report", "OUT=elsewhere"]])
def test_a_report_of_nothing_is_one_line_before_anything_is_installed(clone: Path, words: list[str]) -> None:
    answer = make(clone, *words)
    assert (answer.returncode, answer.stdout) == (2, "")
    [line] = answer.stderr.splitlines()
    assert line.endswith("expected the results of make demo, got no such folder; run make demo first.  Stop.")


def test_a_report_of_a_demo_needs_what_a_run_needs(clone: Path) -> None:
    (clone / "runs/demo").mkdir(parents=True)
    said = make(clone, "report").stdout
    assert BASE in said
    assert ALL not in said
    stamp(clone, "base", 2)
    assert "pip" not in make(clone, "report").stdout


def test_the_demo_installs_the_extras_again_only_where_they_were_and_the_pins_changed(clone: Path) -> None:
    assert ALL not in make(clone, "demo").stdout
    stamp(clone, "base", 2)
    stamp(clone, "installed", 3)
    assert "pip" not in make(clone, "demo").stdout
    os.utime(clone / "constraints.txt", (4, 4))
    said = make(clone, "demo").stdout
    assert BASE not in said  # all extras hold it
    assert said.index(ALL) < said.index("ldbench run")
    (clone / ".venv/installed").unlink()
    assert ALL not in (said := make(clone, "demo").stdout)
    assert said.index(BASE) < said.index("ldbench run")
