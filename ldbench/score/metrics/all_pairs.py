"""Squared MMD of two sets of features over all pairs: unbiased, with what each sample adds to it.

What KID and MMD share, whatever the kernel. "Unbiased" (Gretton et al. 2012, JMLR 13:723, Eq. 3) holds for pairs of
independent samples. Images of one subject are alike, so a pair of them counts no more than an image with itself: sums
within a set are over the pairs of two subjects. Where real images are the truths of the generated ones, row by row, a
result and a truth of one subject are no independent samples either, and sums across the sets leave them out too.

Shape suffixes: n real samples, m generated samples, d features, b rows of one block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ldbench.errors import MetricError
from ldbench.score.metrics.fid import validated_features
from ldbench.score.metrics.intervals import Array, Subjects, independent, of_deletions
from ldbench.score.metrics.row_blocks import Features, row_blocks, rows_of
from ldbench.score.metrics.set_distance import INDEPENDENT, Dependence

_BLOCK, _COLUMNS = 1024, 2048  # rows and columns of a block: 16 MB


@dataclass(frozen=True)
class Kernel:
    """A kernel of two samples: of all pairs of `(b, d)` and `(m, d)` as `(b, m)`, and of each sample with itself.

    `prepared` is what is done to rows first.
    """

    pairs: Callable[[Array, Array], Array]
    itself: Callable[[Array], Array]
    prepared: Callable[[Array], Array]


class AllPairs:
    """The complete U-statistic, what each sample adds to it, and its jackknife variance, from row sums.

    Each set has two or more. Where rows of both sets are paired, one sample is a truth with its result.
    """

    def __init__(
        self, real_nd: Features, generated_md: Features, kernel: Kernel, dependence: Dependence = INDEPENDENT
    ) -> None:
        n, m, subjects = len(real_nd), len(generated_md), dependence.subjects
        within_real_n, pairs_n = _within(kernel, real_nd, subjects[0])
        within_generated_m, pairs_m = _within(kernel, generated_md, subjects[1])
        across_n, across_m = _row_sums(kernel, real_nd, generated_md), _row_sums(kernel, generated_md, real_nd)
        across = n * m
        if dependence.paired:
            own_n, own_m = _of_one_subject(kernel, real_nd, generated_md, subjects[1])
            across_n, across_m, across = across_n - own_n, across_m - own_m, int(pairs_m.sum())
        real_term = within_real_n.sum() / int(pairs_n.sum())
        generated_term = within_generated_m.sum() / int(pairs_m.sum())
        cross = across_n.sum()
        self.value = float(real_term + generated_term - 2 * cross / across)
        if dependence.paired:  # a case left out takes its row and its column, which have no pair in common
            within_m = within_real_n + within_generated_m
            self.samples = {
                "cases": _deletions(within_m, pairs_m, cross - across_n - across_m, across - 2 * pairs_m)
            }
        else:
            self.samples = {
                "scans": _deletions(within_real_n, pairs_n, cross - across_n, np.full(n, across - m)),
                "cases": _deletions(within_generated_m, pairs_m, cross - across_m, np.full(m, across - n)),
            }
        self.variance = float(sum((parts**2).sum() for parts in self.samples.values()))


def estimator(dependence: Dependence) -> str:
    """What a score says of how its value is estimated."""
    if dependence.paired:
        return "unbiased, over pairs of two subjects, within the sets and across"
    return "unbiased" if all(whose is None for whose in dependence.subjects) else "unbiased, over pairs of two subjects"


def jackknife(paired: bool) -> str:
    """What a score says of its interval."""
    over = "pairs of a truth and its result" if paired else "both sets"
    return f"95 % delete-one jackknife over {over}, Student's t"


def validated_sets(
    metric: str, real: npt.ArrayLike, generated: npt.ArrayLike, subjects: Sequence[Subjects], least: int = 2
) -> tuple[Features, Features]:
    """As `validated_features`, and `MetricError` where a set has images of fewer than `least` subjects."""
    features = validated_features(metric, real, generated, least)
    for name, of_set, whose in zip(("real", "generated"), features, subjects, strict=True):
        count = independent(len(of_set), whose)
        if count < least:
            raise MetricError(
                f"{metric}: expected {name} samples of at least {least} subjects, got {count}; score images of more"
            )
    return features


def _within(kernel: Kernel, features_nd: Features, subjects: Subjects) -> tuple[Array, npt.NDArray[np.int64]]:
    """For each sample of a set, the sum of the kernel with those of other subjects, and how many these are."""
    n = len(features_nd)
    own_n, pairs_n = _with_itself(kernel, features_nd), np.full(n, n - 1)
    if subjects is not None:
        order_n = np.argsort(subjects, kind="stable")
        for rows in np.split(order_n, np.flatnonzero(np.diff(subjects[order_n])) + 1):
            if len(rows) > 1:
                images_bd = kernel.prepared(rows_of(features_nd, rows))
                own_n[rows], pairs_n[rows] = kernel.pairs(images_bd, images_bd).sum(axis=1), n - len(rows)
    return _row_sums(kernel, features_nd, features_nd) - own_n, pairs_n


def _of_one_subject(
    kernel: Kernel, real_nd: Features, generated_nd: Features, subjects: Subjects
) -> tuple[Array, Array]:
    """Of paired sets, the sums of the kernel of each real sample, and of each generated one, with those of the other
    set that are of its subject: its partner among them."""
    sums_n, sums_m = np.empty(len(real_nd)), np.empty(len(real_nd))
    order_n = np.arange(len(real_nd)) if subjects is None else np.argsort(subjects, kind="stable")
    of_order_n = order_n if subjects is None else subjects[order_n]
    for rows in np.split(order_n, np.flatnonzero(np.diff(of_order_n)) + 1):
        both = (kernel.prepared(rows_of(each, rows)) for each in (real_nd, generated_nd))
        pairs_bb = kernel.pairs(*both)
        sums_n[rows], sums_m[rows] = pairs_bb.sum(axis=1), pairs_bb.sum(axis=0)
    return sums_n, sums_m


def _deletions(
    within_n: Array, pairs_n: npt.NDArray[np.int64], across_left_n: Array, pairs_left_n: npt.NDArray[np.int64]
) -> Array:
    """What each sample adds, from leaving it out in turn; closed form, no recomputation.

    A sample has `pairs_n` pairs within its set; without it `pairs_left_n` across the sets are left, with the sums
    `across_left_n`.
    """
    left_n = pairs_n.sum() - 2 * pairs_n
    if not (left_n.all() and pairs_left_n.all()):  # without one sample no pair is left
        return np.zeros(len(within_n))
    within_left_n = (within_n.sum() - 2 * within_n) / left_n
    return of_deletions(within_left_n - 2 * across_left_n / pairs_left_n)


def _row_sums(kernel: Kernel, left_nd: Features, right_md: Features) -> Array:
    """Sum over the right set of k(left, right), in blocks of both so that memory does not grow."""
    sums_n = np.zeros(len(left_nd))
    for columns in row_blocks(len(right_md), _COLUMNS):
        right_bd = kernel.prepared(rows_of(right_md, columns))
        for rows in row_blocks(len(left_nd), _BLOCK):
            sums_n[rows] += kernel.pairs(kernel.prepared(rows_of(left_nd, rows)), right_bd).sum(axis=1)
    return sums_n


def _with_itself(kernel: Kernel, features_nd: Features) -> Array:
    blocks = (rows_of(features_nd, rows) for rows in row_blocks(len(features_nd)))
    return np.concatenate([kernel.itself(kernel.prepared(block_bd)) for block_bd in blocks])
