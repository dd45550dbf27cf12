"""Feature sets in blocks of rows, so that no second copy of a large set is made.

A large set may be mapped from a file. Its pages count as the process's memory once they are read, so they are let go of
after each block; the next reading finds them in the system's cache.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ldbench.score.metrics.intervals import Array

Features = npt.NDArray[np.float32] | Array
Number = TypeVar("Number", np.float32, np.float64)
_BLOCK = 1024
_WHOLE = 2**20  # numbers of a set that may be copied: 8 MB in float64


def is_large(count: int, width: int) -> bool:
    """Whether a set of so many rows is worked through in blocks alone."""
    return count * width > _WHOLE


def row_blocks(count: int, size: int | None = None) -> Iterator[slice]:
    """Slices over `count` rows, in order; `size` None takes 1024."""
    step = size or _BLOCK
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def rows_of(features_nd: Features, rows: slice | npt.NDArray[Any]) -> Array:
    """Some rows in float64, of a set in memory or of one that is mapped from a file."""
    block_bd: Array = np.asarray(features_nd[rows], np.float64)
    _let_go(features_nd)
    return block_bd


def copied_rows(features_nd: npt.NDArray[Number], rows: npt.NDArray[np.int64]) -> npt.NDArray[Number]:
    """Some rows in the set's own type, of a set in memory or of one that is mapped from a file."""
    copied_bd = features_nd[rows]
    _let_go(features_nd)
    return copied_bd


def mean_row(features_nd: Features) -> Array:
    """The mean over rows in float64, `(d,)`."""
    if not is_large(*features_nd.shape):
        return np.asarray(features_nd.mean(axis=0, dtype=np.float64))
    total_d = np.zeros(features_nd.shape[1])
    for rows in row_blocks(len(features_nd)):
        total_d += rows_of(features_nd, rows).sum(axis=0)
    return np.asarray(total_d / len(features_nd))


def _let_go(features_nd: npt.NDArray[Any]) -> None:
    """Drop the pages of a map that nobody may write to; nothing for an array in memory."""
    array: Any = features_nd
    while isinstance(array, np.ndarray):
        mapped = isinstance(array, np.memmap) and array.mode == "r"
        array = array.base
        if mapped and isinstance(array, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            array.madvise(mmap.MADV_DONTNEED)
