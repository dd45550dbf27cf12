"""Nearest neighbours among feature vectors: distances in blocks, and which points lie in which balls.

A ball stands around each centre and reaches to its k-th nearest other centre. Balls are closed up to round-off, so that
a point on a sphere lies inside on every machine, and vectors that agree to six digits are one point.

Shape suffixes: n centres, m points, d features, k nearest centres, b rows of one block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ldbench.errors import MetricError
from ldbench.score.metrics.intervals import Array

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Mask = npt.NDArray[np.bool_]
_BLOCK = 1024
_SAME = 1e-12  # of the squared lengths: a squared distance below this is round-off
_SPHERE = 1 + 1e-9


def squared_distances(left_nd: Array, right_md: Array) -> Iterator[tuple[slice, Array]]:
    """Squared Euclidean distances `(b, m)` of all pairs, a block of the left rows at a time."""
    centre_d = right_md.mean(axis=0)  # small vectors: less is lost where two of them cancel
    left_nd, right_md = left_nd - centre_d, right_md - centre_d
    left_n, right_m = (left_nd**2).sum(axis=1), (right_md**2).sum(axis=1)
    for start in range(0, len(left_nd), _BLOCK):
        rows = slice(start, min(start + _BLOCK, len(left_nd)))
        lengths_bm = left_n[rows, None] + right_m
        squared_bm = lengths_bm - 2 * left_nd[rows] @ right_md.T
        squared_bm[squared_bm < _SAME * lengths_bm] = 0.0
        yield rows, squared_bm


def nearest(queries_nd: Array, others_md: Array, count: int) -> tuple[Array, npt.NDArray[np.int64]]:
    """Distances `(n, count)` to the nearest others, ascending, and their indices; `count` is at most m."""
    distances, indices = [], []
    for _, squared_bm in squared_distances(queries_nd, others_md):
        kept = np.argpartition(squared_bm, count - 1, axis=1)[:, :count]
        kept_squared = np.take_along_axis(squared_bm, kept, axis=1)
        order = np.argsort(kept_squared, axis=1, kind="stable")
        distances.append(np.sqrt(np.take_along_axis(kept_squared, order, axis=1)))
        indices.append(np.take_along_axis(kept, order, axis=1))
    return np.concatenate(distances), np.concatenate(indices)


def nearest_others(points_nd: Array, count: int) -> tuple[Array, npt.NDArray[np.int64]]:
    """Squared distances `(n, count)` to the nearest other points of the same set, ascending, and their indices."""
    distances, indices = [], []
    for rows, squared_bn in squared_distances(points_nd, points_nd):
        squared_bn[np.arange(len(squared_bn)), np.arange(rows.start, rows.stop)] = np.inf
        kept = np.argsort(squared_bn, axis=1, kind="stable")[:, :count]
        distances.append(np.take_along_axis(squared_bn, kept, axis=1))
        indices.append(kept)
    return np.concatenate(distances), np.concatenate(indices)


@dataclass(frozen=True)
class Balls:
    """Which points lie in the ball of which centre.

    `inside_nm` holds that, `wider_nm` the points that a ball takes in once one of its `nearest_nk` is gone.
    """

    inside_nm: Mask
    wider_nm: Mask
    nearest_nk: npt.NDArray[np.int64]

    @cached_property
    def counts_m(self) -> npt.NDArray[np.int64]:
        """In how many balls each point lies."""
        return np.asarray(self.inside_nm.sum(axis=0), dtype=np.int64)

    @cached_property
    def hit_n(self) -> Mask:
        """Which balls hold a point."""
        return np.asarray(self.inside_nm.any(axis=1), dtype=np.bool_)

    @cached_property
    def reaching(self) -> csr_matrix[Any]:
        """`(n, n)`: 1 in row i and column l where i is one of the k nearest of l, so that l's ball widens without i."""
        from scipy import sparse

        n, k = self.nearest_nk.shape
        return sparse.csr_matrix(
            (np.ones(n * k, np.int32), (self.nearest_nk.ravel(), np.repeat(np.arange(n), k))), shape=(n, n)
        )

    def without_each_centre(self, statistic: Callable[[npt.NDArray[np.int64]], Array]) -> Array:
        """`statistic` of the points' counts without each centre in turn, `(n,)`; it maps `(b, m)` counts to `(b,)`."""
        replicates = []
        wider_nm = self.wider_nm.astype(np.int32)
        for start in range(0, len(self.inside_nm), _BLOCK):
            rows = slice(start, start + _BLOCK)
            replicates.append(statistic(self.counts_m - self.inside_nm[rows] + self.reaching[rows] @ wider_nm))
        return np.concatenate(replicates)


def balls(metric: str, centres_nd: Array, points_md: Array, k: int) -> Balls:
    """Which of the points lie in the balls around the centres; `MetricError` for fewer than k + 2 centres."""
    if k < 1 or len(centres_nd) < k + 2:
        raise MetricError(
            f"{metric}: expected at least k + 2 = {k + 2} images in both sets and k of 1 or more, got "
            f"{len(centres_nd)} images and k = {k}; lower k on the card or score more images"
        )
    squared_nk, indices_nk = nearest_others(centres_nd, k + 1)
    radius_n, wider_n = (squared_nk[:, place] * _SPHERE for place in (k - 1, k))
    inside, wider = [], []
    for rows, squared_bm in squared_distances(centres_nd, points_md):
        inside.append(squared_bm <= radius_n[rows, None])
        wider.append((squared_bm <= wider_n[rows, None]) & ~inside[-1])
    return Balls(np.concatenate(inside), np.concatenate(wider), indices_nk[:, :k])
