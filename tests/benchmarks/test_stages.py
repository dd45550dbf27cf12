"""Stages one after another: a failure stops nothing, a limit ends what was started, what is recorded is not redone."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.stages import FAILED, FIGURES, LEFT_OUT, OK, OUT_OF_TIME, Outcome, Record, Stage, run_stages

MACHINE = {"device": "none"}


def python(program: str) -> list[str]:
    return [sys.executable, "-S", "-c", program]


def run(stages: Sequence[Stage], folder: Path, seconds: float = 120) -> dict[str, Outcome]:
    record = Record.taken_up(folder / "day.json", MACHINE)
    run_stages(stages, record, time.monotonic() + seconds, os.environ, lambda line: None)
    return record.outcomes


def test_a_stage_that_fails_is_recorded_and_the_rest_runs(tmp_path: Path) -> None:
    figures = python(f"open({FIGURES!r}, 'w').write('{{\"settings\": \"s\", \"rows\": []}}')")
    outcomes = run(
        [
            Stage("broken", python("print('before'); raise SystemExit('no such thing')"), 60),
            Stage("missing", [], 60, lacks="no scripts"),
            Stage("good", figures, 60),
        ],
        tmp_path,
    )
    assert {name: outcome.outcome for name, outcome in outcomes.items()} == {
        "broken": FAILED, "missing": LEFT_OUT, "good": OK,
    }
    assert outcomes["broken"].command.startswith("python -S -c ")
    assert outcomes["broken"].said == ["before", "no such thing"]
    assert outcomes["good"].figures == {"settings": "s", "rows": []}
    written = json.loads((tmp_path / "day.json").read_text(encoding="utf-8"))
    assert written["machine"] == MACHINE
    assert written["stages"]["broken"]["said"] == ["before", "no such thing"]
    assert "no such thing" in (tmp_path / "day.log").read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["day.json", "day.log"]


def test_what_is_recorded_is_not_run_again_and_what_was_left_out_is(tmp_path: Path) -> None:
    count = f"open({str(tmp_path / 'runs')!r}, 'a').write('x')"
    lacking, there = Stage("later", python(count), 60, lacks="no scripts"), Stage("later", python(count), 60)
    first = run([Stage("first", python(count), 60), Stage("bad", python(f"{count}; 1 / 0"), 60), lacking], tmp_path)
    again = run([Stage("first", python(count), 60), Stage("bad", python(f"{count}; 1 / 0"), 60), there], tmp_path)
    assert (tmp_path / "runs").read_text() == "xxx"
    assert (again["first"], again["bad"]) == (first["first"], first["bad"])
    assert (first["later"].outcome, again["later"].outcome) == (LEFT_OUT, OK)


def test_a_stage_whose_product_is_gone_is_run_again(tmp_path: Path) -> None:
    product = tmp_path / "backbone"
    stage = Stage("backbone", python(f"open({str(product)!r}, 'w')"), 60, product=product)
    run([stage], tmp_path)
    product.unlink()
    run([stage], tmp_path)
    assert product.exists()


def test_a_limit_ends_a_stage_with_what_it_started(tmp_path: Path) -> None:
    child = "import time; time.sleep(60)"
    program = (
        "import os; open(os.environ['TMPDIR'] + '/left', 'w'); print(os.environ['TMPDIR']); "
        f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-S', '-c', {child!r}]); "
        "print(child.pid, flush=True); child.wait()"
    )
    start = time.monotonic()
    outcomes = run([Stage("slow", python(program), 3), Stage("next", python("pass"), 60)], tmp_path)
    assert time.monotonic() - start < 40
    assert {name: outcome.outcome for name, outcome in outcomes.items()} == {"slow": OUT_OF_TIME, "next": OK}
    scratch, started = outcomes["slow"].said
    assert not Path(scratch).exists()
    pid = int(started)
    status = Path(f"/proc/{pid}/status")
    for _ in range(100):  # until whoever inherits it has seen to it
        if not status.exists() or "zombie" in status.read_text():
            break
        time.sleep(0.05)
    else:
        pytest.fail("the stage's child is still there")


def test_no_stage_begins_where_no_time_is_left(tmp_path: Path) -> None:
    outcome = run([Stage("late", python("pass"), 60)], tmp_path, seconds=1)["late"]
    assert (outcome.outcome, outcome.said) == (LEFT_OUT, ["no time was left"])
