"""The runs of a matrix one after the other, each in a process of its own.

A crash, an out-of-memory kill or a leak ends with the process that had it. Ray runs several at a time
(`ldbench.run.matrix.ray_cluster`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from typing import IO

from ldbench.errors import ResultError
from ldbench.records.files import refusal
from ldbench.records.names import reason
from ldbench.run.matrix.plan import Job, JobOutcome
from ldbench.run.matrix.worker import is_finished, read_back, thread_limits

LOOK_EVERY = 0.5


def one_after_another(jobs: Sequence[Job], look: Callable[[], None]) -> Generator[tuple[Job, JobOutcome], None, None]:
    """Each job and how it ended, in order; `look` is called twice a second meanwhile.

    Closing the iterator kills the process at work; its folder can be resumed.
    """
    for job in jobs:
        started = time.perf_counter()
        try:
            outcome = read_back(job) if is_finished(job) else _alone(job, look)
        except (OSError, json.JSONDecodeError, ResultError) as error:  # its folder, log or answer: the others go on
            failure = str(error) if isinstance(error, ResultError) else reason(error)
            outcome = JobOutcome("failed", round(time.perf_counter() - started, 3), failure)
        yield job, outcome


def _alone(job: Job, look: Callable[[], None]) -> JobOutcome:
    """The run in a fresh process. Its answer comes through a file: a pipe could be held open by its children."""
    started = time.perf_counter()
    folder = job.run_folder
    with refusal(f"write {folder.path}"):
        folder.path.mkdir(parents=True, exist_ok=True)
        log = folder.log.open("ab")
    with log, tempfile.TemporaryFile() as answer:
        code = _watched(job, answer, log, look)
        answer.seek(0)
        text = answer.read()
    if code == 0 and text:
        return JobOutcome(**json.loads(text))
    return JobOutcome("failed", round(time.perf_counter() - started, 3), f"{_how(code)}; {folder.log} may say more")


def _watched(job: Job, answer: IO[bytes], log: IO[bytes], look: Callable[[], None]) -> int:
    """The exit code of the process that does the run; whatever stops us kills it and its children."""
    # a group of its own keeps Ctrl-C here, so that the log shows no interruption that the run didn't have
    process = subprocess.Popen(
        [sys.executable, "-m", "ldbench.run.matrix.worker"], stdin=subprocess.PIPE, stdout=answer, stderr=log,
        process_group=0, env={**os.environ, **thread_limits(job.threads)},
    )  # fmt: skip
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(dataclasses.asdict(job)).encode() + b"\n")
        process.stdin.flush()
        while True:
            look()
            try:
                return process.wait(LOOK_EVERY)
            except subprocess.TimeoutExpired:
                continue
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):  # it and all its children may be gone already
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _how(code: int) -> str:
    if code >= 0:
        return f"its process ended with exit code {code} before the run did"
    known = {each.value: each.name for each in signal.Signals}  # not each real-time signal has a name
    name = known.get(-code, f"signal {-code}")
    killed = " (out of memory, with which LDBENCH_IMAGES_AT_ONCE=N helps, or somebody's kill)"
    hint = killed if name == "SIGKILL" else ""
    return f"its process was killed by {name}{hint}"
