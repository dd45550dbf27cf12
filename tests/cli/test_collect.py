"""`ldbench collect` as a user meets it: lines, exit codes, and a dry run that writes nothing."""

from __future__ import annotations

from pathlib import Path

from tests.command_line import called
from tests.run.collect.run_copies import Copy


def test_two_folders_become_one_and_a_second_call_has_nothing_to_do(tmp_path: Path) -> None:
    one, two, out = tmp_path / "one", tmp_path / "two", tmp_path / "out"
    Copy("a").write(one)
    Copy("a", day=2).write(two)
    Copy("b").write(two)
    dry = called("collect", one, two, "--out", out, "--dry-run")
    assert not out.exists()
    done = called("collect", one, two, "--out", out)
    assert (dry.exit_code, done.exit_code) == (0, 0)
    assert dry.output == done.output.rstrip("\n") + "; nothing was written\n"
    assert [line.split()[0] for line in done.output.splitlines()] == ["collected", "collected", f"{out}:"]
    again = called("collect", one, two, "--out", out)
    assert (again.exit_code, again.output) == (0, f"{out}: 2 runs: 0 new, 2 there already\n")


def test_a_contradiction_is_one_line_on_standard_error_and_exit_code_2(tmp_path: Path) -> None:
    Copy("a", fid=1.0).write(tmp_path / "one")
    Copy("a", fid=2.0).write(tmp_path / "two")
    Copy("b").write(tmp_path / "two")
    done = called("collect", tmp_path / "one", tmp_path / "two", "--out", tmp_path / "out")
    assert done.exit_code == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("error: small/a-")
    assert "fid 1 and 2, 1 apart (50.00%)" in line
    assert done.stdout.splitlines()[-1].endswith(": 1 runs: 1 new, 0 there already, 1 not taken")
