"""Progress: bars on a terminal, few lines in a log, nothing on standard output."""

from __future__ import annotations

import errno
import io
import sys

import pytest
from rich.console import Console
from rich.progress import Progress

from ldbench.run import progress
from ldbench.run.progress import Bars, Lines, live_progress


def test_a_log_gets_the_end_of_each_stage_and_not_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    report = Lines("demo")
    for step in range(1, 101):
        report("fit", step, 100, "loss 0.1")
    report("score", 1, 1)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == ["demo: fit 100/100 loss 0.1 0:00:00", "demo: score 1/1 0:00:00"]


def test_a_stage_that_says_so_has_a_line_where_it_begins_and_one_that_failed_begins_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10000, 3700))
    monkeypatch.setattr("ldbench.run.progress.time.monotonic", lambda: float(next(clock)))
    report = Lines("demo")
    report("score", 0, 2, "fid")
    report("score", 0, 2, "fid")
    report("score", 2, 2)
    assert capsys.readouterr().err.splitlines() == [
        "demo: score 0/2 fid", "demo: score 0/2 fid", "demo: score 2/2 1:01:40"
    ]


def test_a_long_stage_says_how_much_is_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 4))
    monkeypatch.setattr("ldbench.run.progress.time.monotonic", lambda: float(next(clock)))
    report = Lines("demo")
    for step in range(1, 7):
        report("fit", step, 10)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["demo: fit 4/10 0:00:12, about 0:00:18 left"]


def test_a_log_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sys, "stderr", Full())
    report = Lines("demo")
    for step in range(1, 4):
        report("fit", step, 3)
    assert not report.started


def test_a_stage_that_starts_again_gets_a_bar_of_its_own() -> None:
    display = Progress(console=Console(file=io.StringIO(), force_terminal=True))
    bars = Bars(display, "demo")
    for done in (1, 2, 1, 2):
        bars("classifier", done, 2, "loss 0.5")
    assert [(task.completed, task.total) for task in display.tasks] == [(2, 2), (2, 2)]


def test_a_title_and_a_note_are_drawn_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=120)
    monkeypatch.setattr(progress, "Console", lambda **_: console)
    with live_progress("t[new].toml [/old]") as report:
        report("fit", 1, 2, "a [judge] on the card")
    assert "t[new].toml [/old]: fit" in drawn.getvalue()
    assert "a [judge] on the card" in drawn.getvalue()


def test_without_a_terminal_there_are_lines() -> None:
    with live_progress("demo") as report:
        assert isinstance(report, Lines)
