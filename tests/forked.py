"""Programs in processes of their own, forked from one that has imported what they need: importing it takes longer
than most of them."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["ldbench.cli.main", "ldbench.run.pipeline", "ldbench_baselines.basic_ft"])


def started(
    program: Callable[..., object], *arguments: object, out: Path, err: Path | None = None, cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> BaseProcess:
    """`program(*arguments)` in a process that has begun; what it prints stands in `out`, and in `err` if that is
    another. Join it, and kill one that may hang."""
    place = (str(cwd or Path.cwd()), dict(os.environ if environment is None else environment))
    process = processes.Process(
        target=_carried_out, args=(program, arguments, str(out), str(err or out), *place)
    )
    process.start()
    return process


def ldbench(*words: str) -> None:
    """The command line in this process, which it ends."""
    from ldbench.cli.main import main

    sys.argv = ["ldbench", *words]
    main()


def _carried_out(
    program: Callable[..., object], arguments: tuple[object, ...], out: str, err: str, cwd: str,
    environment: dict[str, str],
) -> None:
    for stream, path in ((sys.stdout, out), (sys.stderr, err)):
        stream.flush()
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream.fileno())
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    program(*arguments)
