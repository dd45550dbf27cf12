"""Batches that fit a device: as many rows at a time as were asked for, half as many where its memory runs out.

Only where results do not depend on who is beside whom: a generator's requests bring their own seeds. Each halving is
logged by `ldbench.memory`, from where a run takes it into its result.

Where a process is killed for its memory, as on a CPU, nothing can be halved. `LDBENCH_IMAGES_AT_ONCE` says how many
rows there may be at most. It belongs to the machine and not to the run: a run that was killed may go on with another
value.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ldbench.errors import UsageError

_AT_MOST = "LDBENCH_IMAGES_AT_ONCE"
# CUDA's own words, and the names of the libraries' statuses, such as CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED
_RAN_OUT = re.compile(r"\b(CUDA|HIP) (driver )?error: out of memory|_STATUS_(\w+_)?ALLOC(ATION)?_FAILED\b")
logger = logging.getLogger("ldbench.memory")
_Result = TypeVar("_Result")


@dataclass
class Batches:
    """Cuts work on many rows into batches of `size`; `what` names the work in the log. Once halved, `size` stays so.

    It is less from the start where `LDBENCH_IMAGES_AT_ONCE` says so; `UsageError` where that is no number.

    >>> Batches("sums", 2).run(5, lambda rows: sum(range(rows.start, rows.stop)))
    [1, 5, 4]
    """

    what: str
    size: int

    def __post_init__(self) -> None:
        most = os.environ.get(_AT_MOST) or str(self.size)
        if not most.isdecimal() or int(most) < 1:
            raise UsageError(f"{_AT_MOST}: expected a whole number, 1 or more, got {most!r}; change or unset it")
        if int(most) < self.size:
            logger.warning("%s: %s at a time and not %d, as %s says", self.what, most, self.size, _AT_MOST)
            self.size = int(most)

    def run(self, count: int, work: Callable[[slice], _Result]) -> list[_Result]:
        """What `work(rows)` gives for slices of `count` rows, in order.

        Where it raises what is `out_of_memory`, the same rows are tried again in batches of half the size; with one
        row the error is passed on.
        """
        results: list[_Result] = []
        start = 0
        while start < count:
            rows = slice(start, min(start + self.size, count))
            if self._fits(work, rows, results):
                start = rows.stop
            else:  # outside the except block, whose traceback would keep what the attempt had made
                self.size = halved(self.what, rows.stop - rows.start)
        return results

    def _fits(self, work: Callable[[slice], _Result], rows: slice, results: list[_Result]) -> bool:
        try:
            results.append(work(rows))
        except RuntimeError as error:
            if rows.stop - rows.start == 1 or not out_of_memory(error):
                raise
            return False
        return True


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device's memory ran out: for torch's allocator, which is `torch.OutOfMemoryError`,
    or for CUDA, cuBLAS and cuDNN, which on a full card ask for memory of their own and are other `RuntimeError`s."""
    if not isinstance(error, RuntimeError):
        return False
    import torch

    return isinstance(error, torch.OutOfMemoryError) or _RAN_OUT.search(str(error)) is not None


def halved(what: str, size: int) -> int:
    """Half of a batch that did not fit, after saying so and giving back what the allocator holds but doesn't use."""
    ran_out(what, size, str(size // 2))
    return size // 2


def ran_out(what: str, size: int, instead: str) -> None:
    """Say that memory ran out and what comes instead; give back what the allocator holds but doesn't use."""
    import torch

    logger.warning("%s: out of memory with %d at a time, goes on with %s", what, size, instead)
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
