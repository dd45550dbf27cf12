"""Diversity within a class: how unlike two generated images of one class are by MS-SSIM.

Odena et al. 2017 (arXiv 1610.09585, Sec. 4.2) take the mean MS-SSIM (Wang et al. 2003, doi 10.1109/ACSSC.2003.1292216)
of pairs of one class, which is high where a class has collapsed. Here the score is one minus that mean. As in `ssim`
only windows that lie within the image count (torchmetrics' last scale counts windows over a reflected border). A small
image allows fewer than five scales; their weights are then scaled to sum to one.

Pairs are seeded: the images of a class stand on a circle in random order, and each is compared with the next few. The
variance is the delete-one jackknife's over images, as each is in several pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ldbench.api import ImageSet, Measured, Metric, ParameterValue
from ldbench.errors import MetricError
from ldbench.records.from_table import TypedError
from ldbench.score.image_sets import DerivedSet, PickedSet, batches, read_ahead
from ldbench.score.metrics.image_pairs import in_batches, validated_pairs
from ldbench.score.metrics.intervals import Array, contributed_interval, of_deletions
from ldbench.score.metrics.ssim import SIGMA, WINDOW, grey, similarities
from ldbench.score.metrics.viewed import viewed

if TYPE_CHECKING:
    import torch

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_BATCH, _FEWEST_PAIRS = 64, 20
_Pairs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class DiversitySpec:
    """MS-SSIM among generated images: each is compared with `partners` others of its class in either direction."""

    partners: int = 5

    def __post_init__(self) -> None:
        if self.partners < 1:
            raise TypedError(f"partners: expected 1 or more, got {self.partners}")


def scales(side: int) -> int:
    """How many scales have a whole window, for images whose smaller side is `side` px; 0 below the window's size."""
    return sum(1 for level in range(len(WEIGHTS)) if side >> level >= WINDOW)


def ms_ssim_values(x: ImageSet, y: ImageSet) -> Array:
    """MS-SSIM of each pair of `(N, 3, H, W) float32 in [0, 1]` images, in [0, 1]. Raises `MetricError`.

    Contrast and structure are compared at every scale, luminance at the last one; a mean below 0 counts as 0.
    """
    validated_pairs("ms_ssim_diversity", x, y, smallest=WINDOW)
    if _are_grey(x) and _are_grey(y):  # three equal channels tell no more
        x, y = (DerivedSet(lambda images: images[:, :1], (each,)) for each in (x, y))
    used = WEIGHTS[: scales(min(x.shape[-2:]))]

    def values(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        import torch
        from torch.nn import functional

        a, b, product = a.double(), b.double(), torch.ones(len(a), dtype=torch.float64)
        for level, weight in enumerate(used):
            if level:
                a, b = functional.avg_pool2d(a, 2), functional.avg_pool2d(b, 2)
            luminance, structure = similarities(a, b)
            likeness = structure * luminance if level == len(used) - 1 else structure
            product *= likeness.mean(dim=(1, 2, 3)).clamp(min=0).cpu() ** (weight / sum(used))
        return product

    return in_batches(values, x, y, _BATCH)


def _are_grey(images: ImageSet) -> bool:
    with read_ahead(images) as (rows_of,):
        return all(grey(rows_of[rows]) for rows in batches(images))


def pairs_of(labels: Sequence[str], partners: int, seed: int) -> _Pairs:
    """Indices `(P, 2)` of pairs within a class, no pair twice; each image is in 2 * `partners` pairs, or in all."""
    random, found = np.random.default_rng(seed), []
    for label in sorted(set(labels)):
        members = random.permutation(np.flatnonzero(np.array(labels) == label))
        reach = min(partners, (len(members) - 1) // 2)
        found += [np.stack([members, np.roll(members, -step)], axis=1) for step in range(1, reach + 1)]
        if len(members) % 2 == 0 and reach < partners:  # the opposite one on the circle
            half = len(members) // 2
            found.append(np.stack([members[:half], members[half:]], axis=1))
    return np.concatenate(found) if found else np.zeros((0, 2), np.int64)


def ms_ssim_diversity_score(
    images: ImageSet, labels: Sequence[str], *, partners: int = 5, seed: int = 0
) -> Measured:
    """One minus the mean MS-SSIM of pairs of one class, of images `(N, 3, H, W) float32 in [0, 1]`.

    Raises `MetricError` where no class has two images, or all pairs share one image.
    """
    pairs = pairs_of(labels, partners, seed)
    if len(pairs) < 2:
        raise MetricError(
            f"ms_ssim_diversity: expected several images of a class, got {len(pairs)} pairs among {len(labels)} "
            "images; score more images"
        )
    unlike_p = 1 - ms_ssim_values(*(PickedSet(images, tuple(pairs[:, side].tolist())) for side in (0, 1)))
    parameters: dict[str, ParameterValue] = {
        "value": "1 - mean MS-SSIM", "scales": scales(min(images.shape[-2:])), "window_size": WINDOW,
        "window_sigma": SIGMA, "pair_seed": seed,
        "interval": "95 % delete-one jackknife over generated images, Student's t",
    }
    return _of_pairs(unlike_p, pairs, len(labels), parameters)


def _of_pairs(unlike_p: Array, pairs: _Pairs, count: int, parameters: dict[str, ParameterValue]) -> Measured:
    """The score of `count` images by what is unlike in each pair of them."""
    contributions_n = of_deletions(_without_each(unlike_p, pairs, count))
    interval = contributed_interval(float(unlike_p.mean()), contributions_n)

    def within(rows: npt.NDArray[np.int64]) -> Measured:
        kept_p = np.isin(pairs, rows).all(axis=1)
        if int(kept_p.sum()) < _FEWEST_PAIRS:
            raise MetricError(
                f"ms_ssim_diversity: expected {_FEWEST_PAIRS} or more pairs within a group, got {int(kept_p.sum())}"
            )
        return _of_pairs(unlike_p[kept_p], np.searchsorted(rows, pairs[kept_p]), len(rows), parameters)

    return Measured(
        metric="ms_ssim_diversity", value=interval.value, ci_low=max(interval.low, 0.0),
        ci_high=min(interval.high, 1.0), n=count, direction="higher", contributions={"cases": contributions_n},
        parameters={**parameters, "pairs": len(pairs)}, within=within,
    )


def _without_each(values_p: Array, pairs: _Pairs, count: int) -> Array:
    """The mean over the pairs without each image in turn, `(count,)`; without an image of no pair it is the mean."""
    sums_n = np.bincount(pairs.ravel(), np.repeat(values_p, 2), minlength=count)
    degrees_n = np.bincount(pairs.ravel(), minlength=count)
    return np.asarray((values_p.sum() - sums_n) / np.maximum(len(values_p) - degrees_n, 1), dtype=np.float64)


MS_SSIM_DIVERSITY = Metric(
    name="ms_ssim_diversity", title="Diversity within a class by MS-SSIM",
    summary="One minus the mean MS-SSIM of pairs of generated images of one class; 0 for copies of one.",
    direction="higher", compares="generated images of one class with each other",
    compute=viewed(lambda inputs, settings: ms_ssim_diversity_score(
        inputs.lazy.generated, inputs.labels, partners=settings.partners, seed=inputs.seed
    )),
    interval="mean over pairs of such images (delete-one jackknife)", settings=DiversitySpec, bounds=(0.0, 1.0),
    groups="units", axis="diversity", catches=("collapse", "averaged"), blind_to=("copies", "test-copies"),
)
