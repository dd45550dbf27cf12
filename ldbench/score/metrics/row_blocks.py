"""Feature sets in blocks of rows, so that no second copy of a large set is made."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ldbench.score.metrics.intervals import Array

Features = npt.NDArray[np.float32] | Array
_BLOCK = 1024
_WHOLE = 2**24  # numbers of a set that may be copied: 128 MB in float64


def is_large(count: int, width: int) -> bool:
    """Whether a set of so many rows is worked through in blocks alone."""
    return count * width > _WHOLE


def row_blocks(count: int, size: int | None = None) -> Iterator[slice]:
    """Slices over `count` rows, in order; `size` None takes 1024."""
    step = size or _BLOCK
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def mean_row(features_nd: Features) -> Array:
    """The mean over rows in float64, `(d,)`."""
    return np.asarray(features_nd.mean(axis=0, dtype=np.float64))
