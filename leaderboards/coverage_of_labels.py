"""How often the interval of a mean area over several labels of one image covers it (`label_areas`).

Labels come together: each is there where a normal variable passes a threshold, and half of its variance is the image's.
So is half of the variance of the scores, which has nothing to do with the labels. The area of each label is then known,
and so is their mean. Of a share of the images nobody knows a label.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from ldbench.score.metrics.intervals import Array
from ldbench.score.metrics.label_areas import label_areas
from leaderboards.coverage_table import report

SIZES = (100, 200, 400)
SHARES: Sequence[tuple[float, ...]] = ((0.5, 0.5), (0.5, 0.3, 0.2, 0.1), (0.5,) + (0.05,) * 5)
SEPARATIONS = (0.0, 1.0, 2.5)


def label_rows(repetitions: int) -> None:
    """Means over labels of one training: of two labels, of four, and of six of which five are rare."""
    for shares in SHARES:
        for n in SIZES:
            for separation in SEPARATIONS:
                label_row(n, shares, separation, 0.2, repetitions)


def label_row(n: int, shares: Sequence[float], separation: float, unknown: float, repetitions: int) -> None:
    """One row: `shares` of the images have each label, and of a share `unknown` nobody knows it."""
    random = np.random.default_rng(n)
    drawn = (drawn_images(n, shares, separation, unknown, random) for _ in range(repetitions))
    intervals = [label_areas("labels", scores_nl[None], known_nl).interval() for scores_nl, known_nl in drawn]
    rarest = round(min(shares) * (1 - unknown) * n)
    name = f"mean area of {len(shares)} labels {separation} apart, {rarest} images of the rarest"
    report(name, n, intervals, float(stats.norm.cdf(separation / 2**0.5)))


def drawn_images(
    n: int, shares: Sequence[float], separation: float, unknown: float, random: np.random.Generator
) -> tuple[Array, Array]:
    """Scores and labels of a set of images, `(n, L)`, in which each label is there and absent twice or more."""
    size = (n, len(shares))
    while True:
        known_nl = (together(size, random) > stats.norm.isf(shares)).astype(np.float64)
        scores_nl = together(size, random) + separation * known_nl
        known_nl[random.random(size) < unknown] = np.nan
        if min((known_nl == 1).sum(axis=0).min(), (known_nl == 0).sum(axis=0).min()) > 1:
            return scores_nl, known_nl


def together(size: tuple[int, int], random: np.random.Generator) -> Array:
    """Normal variables of variance 1, half of which an image's have in common."""
    return np.asarray((random.normal(size=(size[0], 1)) + random.normal(size=size)) / 2**0.5, dtype=np.float64)
