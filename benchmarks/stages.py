"""Commands one after another, each with a time limit, and a record that lets a second try go on after the first.

The record is one JSON file, written anew after every stage. A stage that is in it is not run again; one that the time
left doesn't reach is named and comes in the next try. A stage that fails does not stop the others: what it said last is
in the record. Imports nothing of the suite, so that a broken installation is a failed stage like any other.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

OK, FAILED, OUT_OF_TIME, LEFT_OUT = "ok", "failed", "out of time", "left out"
SAID_LINES = 40
LEAST_SECONDS = 5.0  # with less than this left no stage is begun
FIGURES = "{figures}"  # in a command: the file into which it writes its figures


@dataclass(frozen=True)
class Stage:
    """A command with the seconds that it may take.

    `lacks` says why it can't be run here ("": it can). `product` is what a later stage needs of it: where that is
    missing it is run again.
    """

    name: str
    command: Sequence[str]
    limit: float
    lacks: str = ""
    product: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """How a stage ended, after how many seconds, its figures, and the last lines that it printed."""

    outcome: str
    seconds: float = 0.0
    command: str = ""
    figures: Mapping[str, Any] | None = None
    said: Sequence[str] = ()


@dataclass
class Record:
    """The outcomes so far, by name, in a file beside which every stage's whole output goes into one log."""

    path: Path
    machine: Mapping[str, str]
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    @classmethod
    def taken_up(cls, path: Path, machine: Mapping[str, str]) -> Record:
        """The record at `path`, or an empty one; stages that were left out are forgotten."""
        record = cls(path, machine)
        if path.is_file():
            before = json.loads(path.read_text(encoding="utf-8"))["stages"]
            record.outcomes = {
                name: Outcome(**one) for name, one in before.items() if one["outcome"] != LEFT_OUT
            }
        return record

    def add(self, name: str, outcome: Outcome) -> None:
        """Note an outcome and write the file."""
        self.outcomes[name] = outcome
        stages = {name: asdict(one) for name, one in self.outcomes.items()}
        replaced(self.path, json.dumps({"machine": dict(self.machine), "stages": stages}, indent=1) + "\n")


def replaced(path: Path, text: str) -> None:
    """Write a file anew, whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def run_stages(
    stages: Sequence[Stage], record: Record, deadline: float, environment: Mapping[str, str],
    say: Callable[[str], None] = print,
) -> None:
    """Run what the record lacks, in order, until `deadline` on the clock of `time.monotonic`."""
    for stage in stages:
        done = record.outcomes.get(stage.name)
        if done is not None and (done.outcome != OK or stage.product is None or stage.product.exists()):
            say(f"{stage.name}: {done.outcome} in an earlier try")
            continue
        left = deadline - time.monotonic()
        if stage.lacks or left < LEAST_SECONDS:
            outcome = Outcome(LEFT_OUT, said=[stage.lacks or "no time was left"])
        else:
            outcome = run_stage(stage, min(stage.limit, left), record.path.with_suffix(".log"), environment)
        record.add(stage.name, outcome)
        last = f" ({outcome.said[-1]})" if outcome.outcome != OK and outcome.said else ""
        say(f"{stage.name}: {outcome.outcome} after {outcome.seconds:.0f} s{last}")


def run_stage(stage: Stage, limit: float, log: Path, environment: Mapping[str, str]) -> Outcome:
    """Run one command in a process group of its own, which is ended with all its children at the limit.

    Its temporary files, gigabytes for a backbone's checkpoint, go with it however it ends.
    """
    figures = log.with_name(f"{stage.name}.figures")
    command = [word.replace(FIGURES, str(figures)) for word in stage.command]
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, log.open("a+", encoding="utf-8", errors="replace") as file:
        file.write(f"\n== {stage.name}: {' '.join(command)}\n")
        file.flush()
        before = file.tell()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
            # unbuffered: a stage that is killed has said all, and lines stand in their order
            env={**environment, "TMPDIR": scratch, "PYTHONUNBUFFERED": "1"},
        )
        try:
            code = process.wait(limit)
            outcome = OK if code == 0 else FAILED
        except subprocess.TimeoutExpired:
            outcome = OUT_OF_TIME
        finally:
            _end(process)
        file.seek(before)
        said = file.read().splitlines()[-SAID_LINES:]
    measured = json.loads(figures.read_text(encoding="utf-8")) if outcome == OK and figures.is_file() else None
    figures.unlink(missing_ok=True)
    return Outcome(outcome, round(time.monotonic() - start, 1), _shown(stage.command), measured, said)


def _shown(command: Sequence[str]) -> str:
    """The command without the machine's own folders."""
    words = ("python" if word == sys.executable else word for word in command)
    return " ".join(words).replace(f"{Path.cwd()}{os.sep}", "").replace(f"{tempfile.gettempdir()}{os.sep}", "")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and what it started, where anything of them is left."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()
