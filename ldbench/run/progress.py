"""A live progress display for stages that take longer than a blink, with the time left.

Draws on standard error, so that standard output stays what a script can read. Without a terminal it prints a line when
a stage ends and every ten seconds before, and where a stage says that it begins.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ldbench.api import Progress as Reporter

PLAIN_INTERVAL = 10.0


@dataclass
class Bars:
    """One bar a stage; a stage that starts again at its first step gets a new bar."""

    display: Progress
    title: str
    bars: dict[str, TaskID] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Move the bar of a stage."""
        if stage not in self.bars or done < self.last[stage]:
            self.bars[stage] = self.display.add_task(f"{self.title}: {stage}", total=total, note="")
        self.last[stage] = done
        self.display.update(self.bars[stage], completed=done, total=total, note=note)


@dataclass
class Lines:
    """For logs: a line when a stage ends, every ten seconds before, and where nothing is done of it yet."""

    title: str
    started: dict[str, float] = field(default_factory=dict)
    printed: dict[str, float] = field(default_factory=dict)

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Print a line when one is due."""
        now = time.monotonic()
        if done == 0 or stage not in self.started:  # one that failed on its way begins again
            self.started[stage] = self.printed[stage] = now
        if 0 < done < total and now - self.printed[stage] < PLAIN_INTERVAL:
            return
        self.printed[stage] = now
        elapsed = now - self.started[stage]
        left = f", about {clock(elapsed / done * (total - done))} left" if 0 < done < total and elapsed > 0 else ""
        took = f"{clock(elapsed)}{left}" if done else ""
        with suppress(OSError):  # a log on a full disk, or a terminal that is gone, stops no run
            said = " ".join(filter(None, (f"{self.title}: {stage} {done}/{total}", note, took)))
            print(said, file=sys.stderr, flush=True)
        if done >= total:
            del self.started[stage], self.printed[stage]


def clock(seconds: float) -> str:
    """Hours, minutes and seconds, as a bar has them: 0:01:40."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


@contextmanager
def live_progress(title: str) -> Iterator[Reporter]:
    """A progress reporter that draws while the block runs."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(title)
        return
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), MofNCompleteColumn(),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=console) as display:
        yield Bars(display, title)
