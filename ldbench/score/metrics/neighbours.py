"""Nearest neighbours among feature vectors: distances in blocks, and which points lie in which balls.

A ball stands around each centre and reaches to its k-th nearest other centre; where several centres are of one subject,
to the k-th nearest of another subject, or siblings alone would make small balls. Balls are closed up to round-off, so
that a point on a sphere lies inside on every machine, and vectors that agree to six digits are one point.

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
from ldbench.score.metrics.intervals import Array, Subjects
from ldbench.score.metrics.row_blocks import Features, mean_row, row_blocks, rows_of

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Mask = npt.NDArray[np.bool_]
_Indices = npt.NDArray[np.int64]
_BLOCK, _COLUMNS = 1024, 2048  # a block of distances: 16 MB
_MASK, _FEWEST = 2**22, 64  # centres times points of one part's masks; points of a part at least
_AT_ONCE, _COUNTS = 128, 2**18  # rows of a block that are copied together; counts of a block of centres: 2 MB
_SAME = 1e-12  # of the squared lengths: a squared distance below this is round-off
_SPHERE = 1 + 1e-9


def squared_distances(
    left_nd: Features, right_md: Features, centre_d: Array | None = None
) -> Iterator[tuple[slice, Array]]:
    """Squared Euclidean distances `(b, m)` of all pairs, a block of the left rows at a time.

    `centre_d` is near the middle of the right rows: small vectors, of which less is lost where two of them cancel.
    """
    centre_d = mean_row(right_md) if centre_d is None else centre_d
    right_md = right_md - centre_d
    right_m = (right_md**2).sum(axis=1)
    for rows in row_blocks(len(left_nd), _BLOCK):
        left_bd = rows_of(left_nd, rows) - centre_d
        left_b = (left_bd**2).sum(axis=1)
        squared_bm = 2 * left_bd @ right_md.T
        for part in row_blocks(len(squared_bm), _AT_ONCE):  # in place: a block is 16 MB
            part_pm = squared_bm[part]
            lengths_pm = left_b[part, None] + right_m
            np.subtract(lengths_pm, part_pm, out=part_pm)
            lengths_pm *= _SAME
            part_pm[part_pm < lengths_pm] = 0.0
        yield rows, squared_bm


def nearest(queries_nd: Features, others_md: Features, count: int) -> tuple[Array, _Indices]:
    """Distances `(n, count)` to the nearest others, ascending, and their indices; `count` is at most m."""
    closest = Closest(len(queries_nd), count)
    for columns, rows, squared_bm in _tiles(queries_nd, others_md):
        closest.add(rows, squared_bm, columns.start)
    return np.sqrt(closest.squared_nk), closest.indices_nk


def nearest_others(points_nd: Features, count: int, subjects: Subjects = None) -> tuple[Array, _Indices]:
    """Squared distances `(n, count)` to the nearest other points of the same set, ascending, and their indices.

    With `subjects`, points of the same one are left out; at least `count` of others must be there for each.
    """
    subject_n = np.arange(len(points_nd)) if subjects is None else subjects
    closest = Closest(len(points_nd), count)
    for columns, rows, squared_bm in _tiles(points_nd, points_nd):
        squared_bm[subject_n[rows, None] == subject_n[columns]] = np.inf
        closest.add(rows, squared_bm, columns.start)
    return closest.squared_nk, closest.indices_nk


def _tiles(left_nd: Features, right_md: Features) -> Iterator[tuple[slice, slice, Array]]:
    """Columns, rows and squared distances of blocks of both sets."""
    centre_d = mean_row(right_md)
    for columns in row_blocks(len(right_md), _COLUMNS):
        for rows, squared_bm in squared_distances(left_nd, rows_of(right_md, columns), centre_d):
            yield columns, rows, squared_bm


class Closest:
    """The `count` smallest numbers of each row, ascending, with their columns; of equal ones the first."""

    def __init__(self, rows: int, count: int) -> None:
        self._count = count
        self.squared_nk = np.full((rows, count), np.inf)
        self.indices_nk: _Indices = np.zeros((rows, count), np.int64)

    def add(self, rows: slice, squared_bm: Array, first: int) -> None:
        """Further columns of some rows; `first` is the index of the first of them."""
        for part in row_blocks(len(squared_bm), _AT_ONCE):
            self._add(slice(rows.start + part.start, rows.start + part.stop), squared_bm[part], first)

    def _add(self, rows: slice, squared_bm: Array, first: int) -> None:
        kept_bk = self._smallest(squared_bm)
        squared = np.concatenate([self.squared_nk[rows], np.take_along_axis(squared_bm, kept_bk, axis=1)], axis=1)
        indices = np.concatenate([self.indices_nk[rows], kept_bk + first], axis=1)
        order = np.argsort(squared, axis=1, kind="stable")[:, : self._count]
        self.squared_nk[rows] = np.take_along_axis(squared, order, axis=1)
        self.indices_nk[rows] = np.take_along_axis(indices, order, axis=1)

    def _smallest(self, squared_bm: Array) -> _Indices:
        """The columns of each row's smallest, ascending; a tie at the end goes to the first."""
        count = min(self._count, squared_bm.shape[1])
        last_b1 = np.partition(squared_bm, count - 1, axis=1)[:, count - 1 : count]
        kept_bk = np.zeros((len(squared_bm), count), np.int64)
        tied_b = (squared_bm <= last_b1).sum(axis=1) > count
        kept_bk[tied_b] = np.argsort(squared_bm[tied_b], axis=1, kind="stable")[:, :count]
        clear = squared_bm[~tied_b]
        kept_bk[~tied_b] = np.nonzero(clear <= last_b1[~tied_b])[1].reshape(len(clear), count)
        order = np.argsort(np.take_along_axis(squared_bm, kept_bk, axis=1), axis=1, kind="stable")
        return np.take_along_axis(kept_bk, order, axis=1)


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

    def without_each_centre(self, statistic: Callable[[_Indices], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """`statistic` of the points' counts without each centre in turn, `(n,)`; it maps `(b, m)` counts to `(b,)`."""
        replicates = []
        wider_nm = self.wider_nm.astype(np.int32)
        for rows in row_blocks(len(self.inside_nm), max(_AT_ONCE, _COUNTS // max(len(self.counts_m), 1))):
            replicates.append(statistic(self.counts_m - self.inside_nm[rows] + self.reaching[rows] @ wider_nm))
        return np.concatenate(replicates)


def balls_of_parts(
    metric: str, centres_nd: Features, points_md: Features, k: int, subjects: Subjects = None
) -> Iterator[tuple[slice, Balls]]:
    """The balls of all centres and some of the points at a time, so many that the masks take little memory.

    `subjects` are those of the centres. All parts share the memory of the masks: what is to be kept of one must be
    copied before the next. Raises `MetricError` for fewer than k + 2 centres, and where a centre has fewer than k + 1
    of other subjects.
    """
    if k < 1 or len(centres_nd) < k + 2:
        raise MetricError(
            f"{metric}: expected at least k + 2 = {k + 2} images in both sets and k of 1 or more, got "
            f"{len(centres_nd)} images and k = {k}; lower k or score more images"
        )
    most = 1 if subjects is None else int(np.bincount(subjects).max())
    if len(centres_nd) - most < k + 1:
        raise MetricError(
            f"{metric}: expected at least k + 1 = {k + 1} images in both sets beside those of any one subject, got "
            f"{len(centres_nd) - most} beside {most} of one; lower k or score more subjects"
        )
    squared_nk, indices_nk = nearest_others(centres_nd, k + 1, subjects)
    radius_n, wider_n = (squared_nk[:, place] * _SPHERE for place in (k - 1, k))
    centre_d = mean_row(points_md)
    size = min(len(points_md), max(_FEWEST, _MASK // len(centres_nd)))
    masks = np.empty((2, len(centres_nd) * size), np.bool_)
    for part in row_blocks(len(points_md), size):
        shape = len(centres_nd), part.stop - part.start
        inside_nm, wider_nm = (mask[: shape[0] * shape[1]].reshape(shape) for mask in masks)
        for rows, squared_bm in squared_distances(centres_nd, rows_of(points_md, part), centre_d):
            inside_nm[rows] = squared_bm <= radius_n[rows, None]
            wider_nm[rows] = (squared_bm <= wider_n[rows, None]) & ~inside_nm[rows]
        yield part, Balls(inside_nm, wider_nm, indices_nk[:, :k])
