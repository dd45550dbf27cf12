"""One run of a matrix in a process of its own: what happens between the order and its outcome.

`python -m ldbench.run.matrix.worker` reads a `Job` from standard input and answers with a `JobOutcome`; under Ray the
same `work` is the task. What the run prints goes to `run.log` in its folder, its progress to `.progress`. It ends with
the process that ordered it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ldbench.api import Progress, silent
from ldbench.errors import LdbenchError, ResultError
from ldbench.records.names import reason
from ldbench.records.run_folder import RunFolder
from ldbench.run.matrix.plan import Job, JobOutcome, Status
from ldbench.run.pipeline import run
from ldbench.run.progress import Lines
from ldbench.run.settings import Settings

WRITE_EVERY = 0.5
CLAIM_EVERY = 0.5
LOOK_AGAIN = 0.5


@dataclass(frozen=True)
class Standing:
    """Where a run stands, as its process last wrote it."""

    stage: str
    done: int
    total: int
    note: str


@dataclass
class ProgressFile:
    """A `Progress` that another process can read, and that keeps a line every ten seconds in the log."""

    path: Path
    log: Progress
    written: float = field(default=float("-inf"))

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Write at most twice a second, without waiting for the disk."""
        self.log(stage, done, total, note)
        now = time.monotonic()
        if now - self.written < WRITE_EVERY:
            return
        self.written = now
        draft = self.path.with_name(f"{self.path.name}.new")
        with suppress(OSError):  # a display that stands still on a full disk stops no run
            draft.write_text(json.dumps([stage, done, total, note]), encoding="utf-8")
            draft.replace(self.path)


def standing(job: Job) -> Standing | None:
    """Where a run stands; None where no process is at it, and where a shared disk can't say just now."""
    try:
        stage, done, total, note = json.loads(job.run_folder.progress.read_text(encoding="utf-8"))
        return Standing(str(stage), int(done), int(total), str(note))
    except (OSError, ValueError, TypeError):  # no file, a stale handle of NFS, or a part of what is being written
        return None


def clear_standing(job: Job) -> None:
    """Take away where a run stood; a disk that refuses that stops no matrix."""
    with suppress(OSError):
        job.run_folder.progress.unlink(missing_ok=True)


def is_finished(job: Job, seconds: float = 0.0) -> bool:
    """Whether a run's result is seen here, looked for again for some `seconds`: NFS shows another machine's file late.

    A disk that can't say counts as no.
    """
    deadline = time.monotonic() + seconds
    while True:
        with suppress(OSError):
            if seconds:
                os.listdir(job.folder)  # noqa: PTH208 - has NFS ask for the folder anew
            if job.run_folder.finished():
                return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(LOOK_AGAIN)


def read_back(job: Job) -> JobOutcome:
    """Check, in this process, that a finished run is the one that was asked for; nothing is computed or logged."""
    try:
        os.chdir(job.start)
    except OSError as error:
        return JobOutcome("failed", 0.0, unreachable(error))
    if not is_finished(job):
        return JobOutcome("failed", 0.0, f"{job.folder} isn't seen on {platform.node()}; --out must be a shared folder")
    return _outcome("read back", job, silent)


def work(job: Job, patience: float = 0.0) -> JobOutcome:
    """Do a run in this process, all of which belongs to it from now on.

    For `patience` seconds it waits for another process to leave the folder. Never raises what the run raised: that
    becomes the outcome's reason, and its traceback stands in the log.
    """
    try:
        os.chdir(job.start)
        job.run_folder.path.mkdir(parents=True, exist_ok=True)
        _print_to(job.run_folder.log)
        wait_for_turn(job.run_folder, patience)
    except OSError as error:
        return JobOutcome("failed", 0.0, unreachable(error))
    if job.threads is not None:
        import torch

        torch.set_num_threads(job.threads)
    report = ProgressFile(job.run_folder.progress, Lines(job.label))
    report("start", 0, 1)
    try:
        return _outcome("done", job, report)
    finally:
        clear_standing(job)


def unreachable(error: OSError) -> str:
    """Why a run could not begin where it was sent."""
    return f"{error.filename}: {error.strerror}; every machine needs it at the same path"


def wait_for_turn(folder: RunFolder, patience: float) -> None:
    """Return when nobody is at work in the folder, or when patience ends: the run itself then says who is."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            with folder.claimed():
                return
        except ResultError:
            time.sleep(CLAIM_EVERY)


def thread_limits(threads: int | None) -> dict[str, str]:
    """The environment that holds a process to so many threads from its first import on; empty for None."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS") if threads is not None else ()
    return {name: str(threads) for name in names}


def _outcome(status: Status, job: Job, progress: Progress) -> JobOutcome:
    started = time.perf_counter()
    said: list[str] = []
    settings = Settings(Path(job.out), job.seed, job.device, job.batch_size, job.overrides, progress, said.append)
    failure = ""
    try:
        run(job.task, job.model, settings)
    except LdbenchError as error:
        traceback.print_exc()
        status, failure = "failed", str(error)
    except (Exception, SystemExit) as error:  # a defect fails one run and is told; the others go on
        traceback.print_exc()
        status, failure = "failed", f"{reason(error)}; {job.run_folder.log} says where"
    return JobOutcome(status, round(time.perf_counter() - started, 3), failure, "; ".join(said))


def _print_to(log: Path) -> None:
    """Send all that this process prints, in Python or below it, to the end of a file."""
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    print(f"--- {datetime.now(UTC).isoformat(timespec='seconds')}", flush=True)


def _die_with(parent: int) -> None:
    """Leave, whatever the run is doing, when the other end of the pipe is gone: no orphan may hold the folder."""
    while os.read(parent, 1):
        pass
    os._exit(1)


def main() -> None:
    """Take one order from standard input, do it, and answer on what was standard output."""
    order = json.loads(sys.stdin.readline())
    # the run's own children must not read this pipe, so they get an empty input
    parent, answer = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    outcome = work(Job(**order))
    with os.fdopen(answer, "w", encoding="utf-8") as stream:
        json.dump(dataclasses.asdict(outcome), stream)


if __name__ == "__main__":
    main()
