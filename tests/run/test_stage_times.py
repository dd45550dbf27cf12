"""A stage's seconds are of all calls that worked at it, and say so where some are lost."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ldbench.records.files import write_json
from ldbench.records.result import Stage
from ldbench.run import stage_times
from ldbench.run.stage_times import timed_over_calls

CPU = torch.device("cpu")


class Clock:
    """Stands still but where a test turns it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(stage_times.time, "perf_counter", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def worked(
    folder: Path, clock: Clock, seconds: float, *, fails: bool = False, own: bool = True,
    notes: list[str] | None = None, said: str = "",
) -> Stage | None:
    """One call of the stage `fit`, in which the clock goes on and a file is made."""
    stages: list[Stage] = []
    work = folder / "fit"
    try:
        with timed_over_calls("fit", stages, CPU, folder / "times.json", [work] if own else None, notes=notes):
            if notes is not None and said:
                notes.append(said)
            clock.now += seconds
            work.mkdir(parents=True, exist_ok=True)
            (work / "weights").write_text("1")
            if fails:
                raise ZeroDivisionError
    except ZeroDivisionError:
        assert fails
    return stages[0] if stages else None


def test_the_seconds_of_calls_that_failed_are_added(tmp_path: Path, clock: Clock) -> None:
    assert worked(tmp_path, clock, 20, fails=True) is None
    assert worked(tmp_path, clock, 3, fails=True) is None
    made = worked(tmp_path, clock, 10)
    assert made is not None
    assert (made.seconds, made.whole) == (33, True)


def test_what_calls_said_of_memory_is_kept_for_as_long_as_their_work_is(tmp_path: Path, clock: Clock) -> None:
    worked(tmp_path, clock, 1, fails=True, notes=[], said="8 at a time")
    worked(tmp_path, clock, 1, notes=["of before"], said="4 at a time")
    last = ["of before", "8 at a time"]
    worked(tmp_path, clock, 1, notes=last)
    assert last == ["of before", "8 at a time", "4 at a time"]
    (tmp_path / "fit" / "weights").unlink()
    worked(tmp_path, clock, 1, notes=(anew := []))
    assert anew == []


def test_a_call_that_was_killed_leaves_too_few_seconds_and_that_is_said(tmp_path: Path, clock: Clock) -> None:
    worked(tmp_path, clock, 20, fails=True)
    killed = {"seconds": 20.0, "peak_memory_mib": 0.0, "whole": True, "at_work": True}
    write_json(tmp_path / "times.json", {"fit": killed})
    made = worked(tmp_path, clock, 10)
    assert made is not None
    assert (made.seconds, made.whole) == (30, False)
    again = worked(tmp_path, clock, 1)  # what is lost stays lost
    assert again is not None
    assert (again.seconds, again.whole) == (31, False)


def test_seconds_of_two_devices_are_no_devices(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked(tmp_path, clock, 20, fails=True)
    monkeypatch.setattr(stage_times, "device_name", lambda device: "another")
    for seconds, in_all in ((10, 30), (1, 31)):
        made = worked(tmp_path, clock, seconds)
        assert made is not None
        assert (made.seconds, made.whole) == (in_all, False)


def test_the_memory_of_a_call_that_failed_counts(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage_times, "peak_memory_mib", lambda device: 1e9)
    worked(tmp_path, clock, 20, fails=True)
    made = worked(tmp_path, clock, 1)
    assert made is not None
    assert made.peak_memory_mib == 1e9


def test_what_left_nothing_behind_is_not_counted(tmp_path: Path, clock: Clock) -> None:
    worked(tmp_path, clock, 20, fails=True)
    (tmp_path / "fit" / "weights").unlink()
    made = worked(tmp_path, clock, 10)
    assert made is not None
    assert (made.seconds, made.whole) == (10, True)


@pytest.mark.parametrize("text", [None, "", "[1]", '{"fit": {"seconds": "1"}}', '{"generate": 3}'])
def test_work_of_which_no_time_is_known_makes_seconds_that_are_not_whole(
    text: str | None, tmp_path: Path, clock: Clock
) -> None:
    (tmp_path / "fit").mkdir()
    (tmp_path / "fit" / "weights").write_text("1")
    if text is not None:
        (tmp_path / "times.json").write_text(text)
    made = worked(tmp_path, clock, 10)
    assert made is not None
    assert (made.seconds, made.whole) == (10, False)


def test_another_runs_fit_is_never_whole(tmp_path: Path, clock: Clock) -> None:
    made = worked(tmp_path, clock, 10, own=False)
    assert made is not None
    assert made.whole is False


def test_stages_are_timed_apart(tmp_path: Path, clock: Clock) -> None:
    worked(tmp_path, clock, 20)
    stages: list[Stage] = []
    with timed_over_calls("generate", stages, CPU, tmp_path / "times.json", [tmp_path / "images"]):
        clock.now += 4
    made = worked(tmp_path, clock, 1)
    assert made is not None
    assert [stage.seconds for stage in (*stages, made)] == [4, 21]


def test_a_full_disk_does_not_hide_why_a_stage_failed(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = stage_times.write_json

    def full(path: Path, value: dict[str, dict[str, object]]) -> None:
        if not value["fit"]["at_work"]:
            raise stage_times.ResultError("no space left")
        write(path, value)

    monkeypatch.setattr(stage_times, "write_json", full)
    with (
        pytest.raises(ZeroDivisionError),
        timed_over_calls("fit", [], CPU, tmp_path / "times.json", [tmp_path / "fit"]),
    ):
        raise ZeroDivisionError
