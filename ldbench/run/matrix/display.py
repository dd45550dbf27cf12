"""The runs of a matrix as they go: a line for each that ended, and where the others stand.

The lines go to standard output, the rest to standard error: bars on a terminal, else a line a minute.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from ldbench.run.matrix.plan import Job, JobOutcome
from ldbench.run.matrix.worker import Standing, standing
from ldbench.run.progress import clock

PLAIN_INTERVAL = 60.0


@dataclass
class Tally:
    """Which runs have ended, and what that says about the others."""

    jobs: Sequence[Job]
    started: float = field(default_factory=time.monotonic)
    outcomes: dict[Job, JobOutcome] = field(default_factory=dict)

    def at_work(self) -> dict[Job, Standing]:
        """Where each run stands that a process is at."""
        standings = {job: standing(job) for job in self.jobs if job not in self.outcomes}
        return {job: where for job, where in standings.items() if where is not None}

    def times(self) -> str:
        """Seconds since the start, and those left if the rest takes as long as what was computed so far."""
        elapsed = time.monotonic() - self.started
        computed = sum(outcome.status != "read back" for outcome in self.outcomes.values())
        left = len(self.jobs) - len(self.outcomes)
        return f"{clock(elapsed)}, about {clock(elapsed / computed * left)} left" if computed else clock(elapsed)

    def summary(self) -> str:
        """How many ended how, and in what time."""
        states = [outcome.status for outcome in self.outcomes.values()]
        counts = [f"{states.count(status)} {status}" for status in ("done", "read back", "failed") if status in states]
        left = len(self.jobs) - len(states)
        counts += [f"{left} not ended"] if left else []
        return f"{len(self.jobs)} runs: {', '.join(counts)}; {clock(time.monotonic() - self.started)}"


@dataclass
class MatrixDisplay:
    """Shows how a matrix goes; `out` gets a line for each run that ended."""

    tally: Tally
    out: TextIO

    def look(self) -> None:
        """Read where the runs stand and show it."""

    def ended(self, job: Job, outcome: JobOutcome) -> None:
        """Note and print how a run ended."""
        self.tally.outcomes[job] = outcome
        print(line(job, outcome), file=self.out, flush=True)


@dataclass
class MatrixLines(MatrixDisplay):
    """For logs: what is at work, once a minute."""

    printed: float = field(default_factory=time.monotonic)

    def look(self) -> None:
        """Print a line when one is due."""
        if time.monotonic() - self.printed < PLAIN_INTERVAL:
            return
        self.printed = time.monotonic()
        at_work = "; ".join(f"{job.label} {_said(where)}" for job, where in self.tally.at_work().items())
        count = f"matrix: runs {len(self.tally.outcomes)}/{len(self.tally.jobs)}"
        print(f"{count} {self.tally.times()}; at work: {at_work or 'none'}", file=sys.stderr, flush=True)


@dataclass
class MatrixBars(MatrixDisplay):
    """On a terminal: a bar for the matrix, one below it for each run at work."""

    display: Progress
    whole: TaskID
    bars: dict[Job, TaskID] = field(default_factory=dict)

    def look(self) -> None:
        """Move the bars."""
        for job, where in self.tally.at_work().items():
            title, note = escape(f"  {job.label}: {where.stage}"), escape(where.note)
            if job not in self.bars:
                self.bars[job] = self.display.add_task(title, total=where.total, note=note)
            self.display.update(
                self.bars[job], description=title, completed=where.done, total=where.total, note=note
            )
        self.display.update(self.whole, note=self.tally.times())

    def ended(self, job: Job, outcome: JobOutcome) -> None:
        """Print how it ended above the bars, and take its bar away."""
        super().ended(job, outcome)
        if job in self.bars:
            self.display.remove_task(self.bars.pop(job))
        self.display.update(self.whole, completed=len(self.tally.outcomes), note=self.tally.times())


def line(job: Job, outcome: JobOutcome) -> str:
    """How a run ended, on one line."""
    note = outcome.note.removeprefix(f"{outcome.status}: ")  # the status stands at the line's beginning
    said = "; ".join(filter(None, (outcome.reason or job.folder, note)))
    return f"{outcome.status:9}  {outcome.seconds:8.1f} s  {job.label}  {said}"


@contextmanager
def matrix_display(tally: Tally) -> Iterator[MatrixDisplay]:
    """The display that fits where standard error goes, for as long as the block runs."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield MatrixLines(tally, sys.stdout)
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
    )  # fmt: skip
    # lines for a terminal must go above the bars; those for a file are none of the display's business
    with Progress(*columns, console=console, redirect_stdout=sys.stdout.isatty()) as display:
        # kept now: Ray's own prints are sent elsewhere while it runs
        yield MatrixBars(tally, sys.stdout, display, display.add_task("matrix: runs", total=len(tally.jobs), note=""))


def _said(where: Standing) -> str:
    return f"{where.stage} {where.done}/{where.total} {where.note}".rstrip()
