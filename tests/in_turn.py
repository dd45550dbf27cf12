"""Command lines of the suite, one after another in one process, where a process each would cost more."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.forked import started

_PROGRAM = """
import contextlib, io, json, sys

def call(line):
    from ldbench.cli.main import main
    sys.argv = ["ldbench", *line]
    main()

def look(line):
    before, code, out, err = set(sys.modules), 0, io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            __import__(line[1]) if line[0] == "import" else call(line)
        except SystemExit as end:
            code = end.code or 0
    packages = {name.partition(".")[0] for name in set(sys.modules) - before}
    return [code, out.getvalue(), err.getvalue(), sorted(packages)]

for line in json.loads(sys.argv[1]):
    print(json.dumps(look(line)), flush=True)
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended, what it said, and the packages that it was the first to import."""

    returncode: int
    stdout: str
    stderr: str
    packages: frozenset[str]


def in_turn(
    lines: Sequence[Sequence[str]], cwd: Path, environment: Mapping[str, str] | None = None,
    python: str | Path | None = None,
) -> list[Ended]:
    """Run the command lines in this order; one of `import` and a module imports that instead.

    By a fresh process of `python`, or by a fork of one to which torch and diffusers are no new packages.
    """
    words = json.dumps([list(map(str, line)) for line in lines])
    said = _said_by_a_fork(words, cwd, environment) if python is None else _said(python, words, cwd, environment)
    ended = (json.loads(line) for line in said.splitlines())
    return [Ended(code, out, err, frozenset(packages)) for code, out, err, packages in ended]


def _said(python: str | Path, words: str, cwd: Path, environment: Mapping[str, str] | None) -> str:
    command = [python, "-c", _PROGRAM, words]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _said_by_a_fork(words: str, cwd: Path, environment: Mapping[str, str] | None) -> str:
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = started(_run, words, out=out, err=err, cwd=cwd, environment=environment)
        process.join()
        assert process.exitcode == 0, err.read_text(encoding="utf-8")
        return out.read_text(encoding="utf-8")


def _run(words: str) -> None:
    sys.argv = ["-c", words]
    exec(_PROGRAM, {"__name__": "__main__"})
