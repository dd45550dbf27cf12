"""AUC of a classifier trained on generated images and tested on real ones.

Tells whether generated images carry what tells the classes apart (the paper's AUC rows). Two classes: the area
under the ROC curve; more: the unweighted mean of one-versus-rest areas. The interval covers the choice of test
images with the trained classifier held fixed; it leaves out training's own variance, which repeated seeds show.
Refuses labels that are not among the classes, and a class without training or test images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from ldbench.api import ParameterValue, Progress, silent
from ldbench.errors import MetricError
from ldbench.metrics.classifier import Objective, Recipe, predict
from ldbench.metrics.intervals import LEVEL, Array, Interval
from ldbench.metrics.score import Score

if TYPE_CHECKING:
    import torch

Label = str | int
Indices = npt.NDArray[np.int64]


def auc_score(
    train_images: torch.Tensor,
    train_labels: Sequence[Label],
    test_images: torch.Tensor,
    test_labels: Sequence[Label],
    *,
    classes: Sequence[Label],
    recipe: Recipe | None = None,
    objective: Objective | None = None,
    epochs: int | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
) -> Score:
    """AUC as a `Score`; images are `(N, 3, H, W) float32 in [0, 1]`, `n` counts the training images.

    `classes` lists the labels; `objective` and `epochs` override the recipe's. Raises `MetricError`, `UsageError`.
    """
    import torch

    chosen = _chosen(recipe or Recipe(), objective, epochs)
    train_index, test_index = _indices(train_labels, classes, "training"), _indices(test_labels, classes, "test")
    for name, images, labels in (("training", train_images, train_index), ("test", test_images, test_index)):
        _check_images(name, images, len(labels))
    scores = predict(
        train_images,
        torch.from_numpy(train_index),
        test_images,
        classes=len(classes),
        recipe=chosen,
        seed=seed,
        device=device,
        progress=progress,
    )
    interval = auc_interval(scores.numpy(), test_index)
    return Score(
        metric="auc",
        value=interval.value,
        ci_low=interval.low,
        ci_high=interval.high,
        n=len(train_images),
        direction="higher",
        extractor="resnet18",
        parameters=_parameters(chosen, classes, len(test_index), seed),
    )


def auc_interval(scores_nk: npt.ArrayLike, labels_n: npt.ArrayLike) -> Interval:
    """AUC (two classes) or macro one-versus-rest AUC (more) with a 95 % interval over test cases.

    `scores_nk` is `(N, K)`, larger meaning likelier; `labels_n` holds 0 to K - 1. The variance is DeLong's (1988,
    Biometrics 44:837) carried over to the mean of K areas, classes resampled apart; bounds come from the logit
    scale. Where it is zero (classes fully separated, or all scores tied) they are Newcombe's (2006, Stat. Med.
    25:559, method 5), which need no spread.
    """
    scores, labels = np.asarray(scores_nk, np.float64), np.asarray(labels_n, np.int64)
    if not np.isfinite(scores).all():
        raise MetricError("auc: expected finite scores, got NaN or infinity; the classifier diverged, lower its rate")
    used = (1,) if scores.shape[1] == 2 else tuple(range(scores.shape[1]))
    areas, influence_n = [], np.zeros(len(labels))
    for k in used:
        positive = labels == k
        wins_pq = _wins(scores[positive, k], scores[~positive, k])
        areas.append(float(wins_pq.mean()))
        influence_n[positive] += wins_pq.mean(axis=1) / positive.sum() / len(used)
        influence_n[~positive] += wins_pq.mean(axis=0) / (~positive).sum() / len(used)
    value = float(np.mean(areas))
    groups = [influence_n[labels == k] for k in np.unique(labels)]
    variance = sum(len(group) * float(group.var(ddof=1)) if len(group) > 1 else 0.0 for group in groups)
    if variance > 1e-12 and 0 < value < 1:
        return _logit_interval(value, variance)
    fewest = min(len(group) for group in groups)
    return _newcombe_interval(value, fewest, len(labels) - fewest)


def _chosen(recipe: Recipe, objective: Objective | None, epochs: int | None) -> Recipe:
    fields = asdict(recipe)
    if objective is not None:
        fields["objective"] = objective
    if epochs is not None:
        fields["epochs"] = epochs
    if fields["objective"] not in ("cross-entropy", "auc-margin") or fields["epochs"] < 1:
        raise MetricError(
            f"auc: expected objective cross-entropy or auc-margin and epochs >= 1, got {fields['objective']!r} and "
            f"{fields['epochs']}; change the card's auc parameters"
        )
    return Recipe(**fields)


def _indices(labels: Sequence[Label], classes: Sequence[Label], name: str) -> Indices:
    position = {label: index for index, label in enumerate(classes)}
    unknown = sorted({str(label) for label in labels if label not in position})
    absent = [str(label) for label in classes if label not in set(labels)]
    if unknown or absent or len(position) < 2:
        raise MetricError(
            f"auc: expected {name} labels of each class in {list(classes)}, got unknown {unknown}, none of {absent}; "
            "change the card's classes or the data"
        )
    return np.array([position[label] for label in labels], dtype=np.int64)


def _check_images(name: str, images: torch.Tensor, count: int) -> None:
    if images.ndim != 4 or images.shape[1] != 3 or len(images) != count:
        raise MetricError(
            f"auc: expected {count} {name} images (N, 3, H, W), one a label, got {tuple(images.shape)}; check the set"
        )
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= 1):  # also false for NaN
        raise MetricError(f"auc: expected {name} pixels in [0, 1], got {low} to {high}; rescale the images")


def _parameters(recipe: Recipe, classes: Sequence[Label], n_test: int, seed: int) -> dict[str, ParameterValue]:
    return {
        "classifier": "torchvision resnet18, from scratch",
        "classes": ", ".join(str(label) for label in classes),
        "average": "binary" if len(classes) == 2 else "macro one-versus-rest",
        "n_test": n_test,
        "seed": seed,
        "interval": "95 % DeLong over test cases, logit scale (Newcombe where degenerate), classifier held fixed",
        **asdict(recipe),
    }


def _wins(positive_p: Array, negative_q: Array) -> Array:
    """1 where a positive case scores above a negative one, 1/2 for ties, as `(P, Q)`."""
    return np.asarray((positive_p[:, None] > negative_q) + 0.5 * (positive_p[:, None] == negative_q), dtype=np.float64)


def _logit_interval(value: float, variance: float) -> Interval:
    centre = np.log(value / (1 - value))
    half = stats.norm.ppf(0.5 + LEVEL / 2) * variance**0.5 / (value * (1 - value))
    low, high = 1 / (1 + np.exp(-(centre + np.array([-half, half]))))
    return Interval(value, float(low), float(high))


def _newcombe_interval(value: float, positives: int, negatives: int) -> Interval:
    """Bounds where |value - theta| is 1.96 standard errors of theta, not of the value (a score interval)."""
    pairs, mean_size = positives * negatives, (positives + negatives) / 2
    z = float(stats.norm.ppf(0.5 + LEVEL / 2))

    def excess(theta: float) -> float:
        spread = (mean_size - 1) * ((1 - theta) / (2 - theta) + theta / (1 + theta)) + 1
        return abs(value - theta) - z * float(np.sqrt(theta * (1 - theta) / pairs * spread))

    # At 0 and 1 the value itself is a second, empty solution, so the search stops short of it.
    step = 1e-9
    low = float(optimize.brentq(excess, 0.0, value - step)) if value > step else 0.0
    high = float(optimize.brentq(excess, value + step, 1.0)) if value < 1 - step else 1.0
    return Interval(value, low, high)
