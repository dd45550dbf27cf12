"""Gaussians fitted to sets of features and to what is left of them, for the Frechet distance and its jackknife.

A small set is factored anew whatever is left out. A large one is read in blocks: its scatter is summed once, and that
of the rows left out is taken away from the sum.

Shape suffixes: n samples, d features, k = min(n, d), b rows of one block.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ldbench.score.metrics.intervals import Array
from ldbench.score.metrics.row_blocks import Features, is_large, row_blocks, rows_of

Rows = npt.NDArray[np.int64]
_NULL = 1e-14  # of the largest eigenvalue: a smaller one is round-off


@dataclass(frozen=True)
class Gaussian:
    """A mean `(d,)` and a factor F `(k, d)` of a covariance with divisor n - 1, F^T F = C."""

    mean_d: Array
    factor_kd: Array


class Gaussians(Protocol):
    """A set of samples that is asked for its Gaussian, with some samples left out."""

    def __len__(self) -> int:
        """How many samples there are."""

    def gaussian(self, rows_n: Rows) -> Gaussian:
        """The Gaussian of these samples, in ascending order."""


def gaussian_of(features_nd: Features) -> Gaussian:
    """The Gaussian of a whole set, in float64; from two samples on."""
    centred_nd = np.array(features_nd, np.float64)
    mean_d = centred_nd.mean(axis=0)
    centred_nd -= mean_d
    centred_nd /= (len(centred_nd) - 1) ** 0.5
    if len(centred_nd) > centred_nd.shape[1]:
        centred_nd = np.asarray(np.linalg.qr(centred_nd, mode="r"), dtype=np.float64)
    return Gaussian(mean_d, centred_nd)


def frechet(one: Gaussian, other: Gaussian) -> float:
    """The Frechet distance of two Gaussians.

    The trace of the covariances' root is the nuclear norm of the product of their factors: no d x d root is needed, and
    none of the complex round-off that comes with it.
    """
    mean_d = one.mean_d - other.mean_d
    root_trace = float(np.linalg.svd(one.factor_kd @ other.factor_kd.T, compute_uv=False).sum())
    traces = float((one.factor_kd**2).sum() + (other.factor_kd**2).sum())
    # Round-off takes identical sets a few 1e-13 of the traces below zero, where no distance lies.
    return max(float(mean_d @ mean_d) + traces - 2 * root_trace, 0.0)


class FeatureSet:
    """Features `(n, d)`, or the `rows_n` of them, of which Gaussians are asked with some rows left out."""

    def __init__(self, features_nd: Features, rows_n: Rows | None = None) -> None:
        self._features_nd, width = features_nd, features_nd.shape[1]
        self._rows_n = np.arange(len(features_nd)) if rows_n is None else rows_n
        self._streamed = is_streamed(len(self._rows_n), width)

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._rows_n)

    def gaussian(self, rows_n: Rows) -> Gaussian:
        """The Gaussian of these rows of the features, in ascending order and all of them in the set."""
        if not self._streamed:
            return gaussian_of(rows_of(self._features_nd, rows_n))
        left_out = np.zeros(len(self._features_nd), np.bool_)
        left_out[self._rows_n] = True
        left_out[rows_n] = False
        sum_d, scatter_dd = self._sums(np.flatnonzero(left_out))
        sum_d, scatter_dd, count = self._total[0] - sum_d, self._total[1] - scatter_dd, len(rows_n)
        scatter_dd -= np.outer(sum_d, sum_d) / count
        return Gaussian(self._centre_d + sum_d / count, factor_of(scatter_dd / (count - 1)))

    @cached_property
    def _centre_d(self) -> Array:
        blocks = (rows_of(self._features_nd, self._rows_n[part]) for part in row_blocks(len(self._rows_n)))
        return sum((block_bd.sum(axis=0) for block_bd in blocks), np.zeros(1)) / len(self._rows_n)

    @cached_property
    def _total(self) -> tuple[Array, Array]:
        return self._sums(self._rows_n)

    def _sums(self, rows_n: Rows) -> tuple[Array, Array]:
        """The sum `(d,)` and the scatter `(d, d)` of some rows about the mean of the whole set."""
        width = self._features_nd.shape[1]
        sum_d, scatter_dd = np.zeros(width), np.zeros((width, width))
        for part in row_blocks(len(rows_n)):
            block_bd = rows_of(self._features_nd, rows_n[part]) - self._centre_d
            sum_d += block_bd.sum(axis=0)
            scatter_dd += block_bd.T @ block_bd
        return sum_d, scatter_dd


def is_streamed(count: int, width: int) -> bool:
    """Whether the scatter of a set is summed once, and that of what is left out taken away from it."""
    return is_large(count, width) and count > 2 * width


def factor_of(covariance_dd: Array) -> Array:
    """A factor F of a covariance, F^T F = C; features without variance are left out of the factoring."""
    varied_d = np.flatnonzero(np.diag(covariance_dd) > 0)
    varied_dd = covariance_dd[np.ix_(varied_d, varied_d)]
    factor_kd = np.zeros((len(varied_d), len(covariance_dd)))
    try:
        factor_kd[:, varied_d] = np.linalg.cholesky(varied_dd).T
    except np.linalg.LinAlgError:  # features that depend on each other
        values_k, vectors_dk = np.linalg.eigh(varied_dd)
        values_k[values_k < _NULL * values_k[-1]] = 0.0
        factor_kd[:, varied_d] = np.sqrt(values_k)[:, None] * vectors_dk.T
    return factor_kd
