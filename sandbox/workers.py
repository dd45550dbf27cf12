"""Rendering on several processes: what comes back is in the order of what went in, however many there are.

Numerical libraries run on one thread in each, because how many threads share a sum can decide its last bit.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

from ldbench.api import Progress
from ldbench.errors import DataError

Item = TypeVar("Item")
Made = TypeVar("Made")

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_CHUNK = 8  # items a message to a worker


def mapped(work: Callable[[Item], Made], items: Sequence[Item], processes: int, progress: Progress) -> list[Made]:
    """`work` of each item, in order: on so many new processes, or with 0 in this one, on its own threads.

    `work` must be importable by its name. Raises what it raises, and `DataError` where a process dies.
    """
    done: list[Made] = []
    if processes == 0:
        for item in items:
            done.append(work(item))
            progress("render", len(done), len(items))
        return done
    context = multiprocessing.get_context("spawn")  # forking a process that has threads can hang
    with _one_thread_each(), ProcessPoolExecutor(processes, context) as pool:
        try:
            for result in pool.map(work, items, chunksize=_CHUNK):
                done.append(result)
                progress("render", len(done), len(items))
        except BrokenProcessPool as error:
            raise DataError("a worker process died (out of memory?); try again with fewer --jobs") from error
    return done


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes started meanwhile inherit what the libraries read."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
