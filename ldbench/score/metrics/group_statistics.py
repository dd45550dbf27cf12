"""What a Frechet distance and its interval need of a set of features, without the features: statistics of groups.

The groups are those of the delete-a-group jackknife (`ldbench.score.metrics.intervals`), which depend on the number of
images, or of subjects, alone. Of each group there are its number of images, its mean, and the triangular factor of its
scatter about that mean. From these follow mean and covariance of the whole set, and of the set without any group: the
distance and its interval are those of the features, but for round-off.

Shape suffixes: n images, d features, g groups, k = min(images of a group, d), t numbers of a group's triangle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ldbench.errors import MetricError
from ldbench.score.metrics.gaussians import Gaussian, Rows, factor_of, is_streamed
from ldbench.score.metrics.intervals import GROUPS, Array, Subjects, group_labels, independent
from ldbench.score.metrics.row_blocks import Features, row_blocks, rows_of

FEWEST = 10  # independent images of a group: fewer say too much of each
SEED = 0  # of the groups, as the distances have it


@dataclass(frozen=True)
class GroupStatistics:
    """The statistics of each group, as `ldbench.score.metrics.gaussians.Gaussians`.

    `counts_g` are numbers of images, `means_gd` means, and `triangles` has of each group the numbers `(t,)` on and
    above the diagonal of a factor F `(k, d)` of its scatter S, F^T F = S, row by row. `subjects` is how many
    independent units the images have.
    """

    counts_g: npt.NDArray[np.int64]
    means_gd: Array
    triangles: Sequence[Array]
    subjects: int

    def __len__(self) -> int:
        """How many images there are."""
        return int(self.counts_g.sum())

    @property
    def width(self) -> int:
        """How many features there are."""
        return int(self.means_gd.shape[1])

    @property
    def subjects_n(self) -> Subjects:
        """Subjects of the images that make the same groups; whose each image really is, nobody knows here."""
        of_rows = np.minimum(np.arange(len(self)), self.subjects - 1)
        return None if self.subjects == len(self) else of_rows

    def gaussian(self, rows_n: Rows) -> Gaussian:
        """The Gaussian of all images, or of all but those of some groups."""
        left_out_n = np.ones(len(self), np.bool_)
        left_out_n[rows_n] = False
        kept = np.setdiff1d(np.arange(len(self.counts_g)), self._label_n[left_out_n])
        count, counts_g = int(self.counts_g[kept].sum()), self.counts_g[kept]
        if not len(kept) or np.isin(self._label_n, kept).sum() != len(rows_n):
            raise MetricError(
                f"expected whole groups of the {len(self.counts_g)} that the real images have statistics of to be left "
                "out, got parts of them; measure beside the images"
            )
        mean_d = counts_g @ self.means_gd[kept] / count
        if is_streamed(len(self), self.width):
            scatter_dd = self._total_dd - sum(map(self._scatter_dd, np.setdiff1d(np.arange(GROUPS), kept)), np.zeros(1))
            apart_d = mean_d - self._centre_d
            return Gaussian(mean_d, factor_of((scatter_dd - count * np.outer(apart_d, apart_d)) / (count - 1)))
        between_gd = np.sqrt(counts_g)[:, None] * (self.means_gd[kept] - mean_d)
        factor_kd = np.concatenate([*map(self._factor_kd, kept), between_gd]) / (count - 1) ** 0.5
        return Gaussian(mean_d, _triangular(factor_kd) if len(factor_kd) > self.width else factor_kd)

    @cached_property
    def _label_n(self) -> npt.NDArray[np.int64]:
        return group_labels(len(self), len(self.counts_g), np.random.default_rng(SEED), self.subjects_n)

    @cached_property
    def _centre_d(self) -> Array:
        return np.asarray(self.counts_g @ self.means_gd / len(self))

    @cached_property
    def _total_dd(self) -> Array:
        return np.asarray(sum(map(self._scatter_dd, range(GROUPS)), np.zeros(1)))

    def _scatter_dd(self, group: int) -> Array:
        """The scatter of a group about the mean of the whole set."""
        factor_kd, apart_d = self._factor_kd(group), self.means_gd[group] - self._centre_d
        return np.asarray(factor_kd.T @ factor_kd + self.counts_g[group] * np.outer(apart_d, apart_d))

    def _factor_kd(self, group: int) -> Array:
        upper_kd = _upper(int(self.counts_g[group]), self.width)
        factor_kd = np.zeros(upper_kd.shape)
        factor_kd[upper_kd] = self.triangles[group]
        return factor_kd


def triangle_size(count: int, width: int) -> int:
    """How many numbers the triangle of a group of `count` images has."""
    rows = min(count, width)
    return rows * width - rows * (rows - 1) // 2


def group_statistics(features_nd: Features, subjects: Subjects) -> GroupStatistics:
    """The statistics of features `(n, d)` of images whose subjects are `(n,)`, by the groups of a jackknife.

    Raises `MetricError` as `check_enough` does.
    """
    check_enough(len(features_nd), subjects)
    label_n = group_labels(len(features_nd), GROUPS, np.random.default_rng(SEED), subjects)
    rows = [np.flatnonzero(label_n == group) for group in range(GROUPS)]
    means = [_mean_d(features_nd, rows_n) for rows_n in rows]
    factors = (_factor_kd(features_nd, rows_n, mean_d) for rows_n, mean_d in zip(rows, means, strict=True))
    triangles = [factor_kd[_upper(*factor_kd.shape)] for factor_kd in factors]
    counts_g, units = np.array([len(rows_n) for rows_n in rows]), independent(len(features_nd), subjects)
    return GroupStatistics(counts_g, np.stack(means), triangles, units)


def check_enough(images: int, subjects: Subjects) -> None:
    """`MetricError` where a group would have fewer than `FEWEST` images or, where images share some, subjects."""
    units = independent(images, subjects)
    if units < GROUPS * FEWEST:
        kind = "images" if subjects is None else "subjects"
        raise MetricError(
            f"expected {GROUPS * FEWEST} real {kind} or more, so that each of {GROUPS} groups has {FEWEST}, got "
            f"{units}: statistics of fewer say too much of each; give more, or measure beside the images themselves"
        )


def _mean_d(features_nd: Features, rows_n: Rows) -> Array:
    blocks = (rows_of(features_nd, rows_n[part]) for part in row_blocks(len(rows_n)))
    return np.asarray(sum((block_bd.sum(axis=0) for block_bd in blocks), np.zeros(1)) / len(rows_n))


def _factor_kd(features_nd: Features, rows_n: Rows, mean_d: Array) -> Array:
    """A triangular factor of the scatter of some rows about their mean, block by block."""
    factor_kd = np.zeros((0, len(mean_d)))
    for part in row_blocks(len(rows_n)):
        block_bd = rows_of(features_nd, rows_n[part]) - mean_d
        factor_kd = _triangular(np.concatenate([factor_kd, block_bd]))
    return factor_kd


def _triangular(factor_kd: Array) -> Array:
    return np.asarray(np.linalg.qr(factor_kd, mode="r"), np.float64)


def _upper(count: int, width: int) -> npt.NDArray[np.bool_]:
    """Where the triangle of a group of `count` images lies in its factor `(k, d)`."""
    return np.triu(np.ones((min(count, width), width), np.bool_))
