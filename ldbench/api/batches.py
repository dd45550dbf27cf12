"""Batches that fit a device: as many rows at a time as were asked for, half as many where its memory runs out.

Only where results do not depend on who is beside whom: a generator's requests bring their own seeds. Each halving is
logged by `ldbench.memory`, from where a run takes it into its result.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

logger = logging.getLogger("ldbench.memory")
_Result = TypeVar("_Result")


@dataclass
class Batches:
    """Cuts work on many rows into batches of `size`; `what` names the work in the log. Once halved, `size` stays so.

    >>> Batches("sums", 2).run(5, lambda rows: sum(range(rows.start, rows.stop)))
    [1, 5, 4]
    """

    what: str
    size: int

    def run(self, count: int, work: Callable[[slice], _Result]) -> list[_Result]:
        """What `work(rows)` gives for slices of `count` rows, in order.

        Where it raises `torch.OutOfMemoryError` the same rows are tried again in batches of half the size; with one
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
        import torch

        try:
            results.append(work(rows))
        except torch.OutOfMemoryError:
            if rows.stop - rows.start == 1:
                raise
            return False
        return True


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
