"""AUC of a classifier trained on generated images and tested on real ones.

Says whether generated images carry what makes the classes differ (the paper's AUC rows). Two classes: the area
under the ROC curve; more: the unweighted mean of one-versus-rest areas. The classifier is trained several times, its
seeds fixed by the card so that all models meet the same draws; the value is the mean area. The interval covers the
choice of test images and, from two trainings on, training's own chance; it leaves out the draw of the generated
images, which runs with other seeds show.

Nearly all the time goes into the trainings. So the scores that each trained classifier gives to the test images are
kept under a key of everything that they depend on (`ldbench.score.networks.kept_state`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ldbench.api import ImageSet, Measured, Metric, ParameterValue, Progress, silent
from ldbench.errors import MetricError
from ldbench.records.caches import CLASSIFIERS
from ldbench.score.arithmetic import rounding_of
from ldbench.score.image_sets import StoredSet, pixel_range
from ldbench.score.metrics.classifier import train_classifier
from ldbench.score.metrics.classifier_key import classifier_key
from ldbench.score.metrics.intervals import Subjects, over_subjects, subjects_of_rows
from ldbench.score.metrics.judge import class_indices
from ldbench.score.metrics.resnet18 import network_name
from ldbench.score.metrics.roc import Areas, areas, validated_classes
from ldbench.score.metrics.several_trainings import scores_of_trainings
from ldbench.task.metric_specs import ClassifierSpec, table_of

if TYPE_CHECKING:
    import torch

Label = str | int
Indices = npt.NDArray[np.int64]


def auc_score(
    train_images: ImageSet, train_labels: Sequence[Label], test_images: ImageSet, test_labels: Sequence[Label],
    *, classes: Sequence[Label], recipe: ClassifierSpec, device: torch.device | str = "cpu",
    folder: Path | None = None, progress: Progress = silent, subjects: Subjects = None,
) -> Measured:
    """AUC as a score; images are `(N, 3, H, W) float32 in [0, 1]`, `n` counts the training images.

    `classes` lists the labels. The classifier is trained with each of the recipe's seeds; how far these trainings lie
    apart stands in the parameters `observed_spread_sd` and `observed_auc_per_seed`. What a training has given before
    is taken from `folder`; None keeps nothing. `subjects` are those of the test images. Value and interval:
    `ldbench.score.metrics.roc.Areas`. Raises `MetricError`, `UsageError`.
    """
    train_index, test_index = _indices(train_labels, classes, "training"), _indices(test_labels, classes, "test")
    for name, images, labels in (("training", train_images, train_index), ("test", test_images, test_index)):
        _check_images(name, images, len(labels))
    scores = _trained(
        train_images, train_index, test_images, classes=len(classes), recipe=recipe, device=device, folder=folder,
        progress=progress,
    )
    return _of_scores(scores, test_index, recipe, classes, len(train_images), subjects)


def _of_scores(
    scores: npt.NDArray[np.float64], test_index: Indices, recipe: ClassifierSpec, classes: Sequence[Label], n: int,
    subjects: Subjects,
) -> Measured:
    """The score of classifiers that gave `scores (S, N, K)` to the test images."""
    seen = areas(scores, test_index, subjects)
    interval = seen.interval()

    def within(rows: Indices) -> Measured:
        validated_classes("auc", test_index[rows], classes)
        of_rows = subjects_of_rows(subjects, rows)
        of_group = _of_scores(scores[:, rows], test_index[rows], recipe, classes, n, of_rows)
        return replace(of_group, n=len(rows))  # groups are of scans

    return Measured(
        metric="auc", value=interval.value, ci_low=interval.low, ci_high=interval.high, n=n, direction="higher",
        extractor=network_name(table_of(recipe)),
        parameters={**_parameters(recipe, classes, len(test_index), subjects), **observed(seen)},
        contributions={"scans": seen.contributions_n}, within=within, degrees=seen.degrees, interval="own",
    )


def _trained(
    images: ImageSet, labels: Indices, test_images: ImageSet, *, classes: int, recipe: ClassifierSpec,
    device: torch.device | str, folder: Path | None, progress: Progress,
) -> npt.NDArray[np.float64]:
    """Scores of the test images from one training a seed, `(S, N, K)`."""
    import torch

    key = "" if folder is None else classifier_key(
        recipe, classes, labels, images, test_images, device=device, further=rounding_of(device)
    )
    train = partial(
        train_classifier, images, torch.from_numpy(labels), classes=classes, recipe=recipe, device=device
    )
    return scores_of_trainings(train, recipe, key, test_images, folder, progress)


def _indices(labels: Sequence[Label], classes: Sequence[Label], name: str) -> Indices:
    """The place of each label among the classes, every one of which must have a label."""
    index = class_indices("auc", labels, classes)
    absent = [str(label) for label in classes if label not in labels]
    if absent:
        raise MetricError(
            f"auc: expected {name} labels of each class in {list(classes)}, got none of {absent}; change the card's "
            "classes or the data"
        )
    return index


def _check_images(name: str, images: ImageSet, count: int) -> None:
    if len(images.shape) != 4 or images.shape[1] != 3 or len(images) != count:
        raise MetricError(
            f"auc: expected {count} {name} images (N, 3, H, W), one a label, got {tuple(images.shape)}; check the set"
        )
    if isinstance(images, StoredSet):
        return  # its pixels are checked when they are read
    low, high = pixel_range(images)
    if not (low >= 0 and high <= 1):  # also false for NaN
        raise MetricError(f"auc: expected {name} pixels in [0, 1], got {low} to {high}; rescale the images")


def _parameters(
    recipe: ClassifierSpec, classes: Sequence[Label], n_test: int, subjects: Subjects
) -> dict[str, ParameterValue]:
    alone = recipe.spread_seeds == 1
    over = "test cases" if alone else "test cases and trainings (Obuchowski-Rockette)"
    held = ", classifier held fixed" if alone else ""
    how = f"95 % DeLong over {over}, logit scale (Newcombe where degenerate){held}"
    return {
        "classifier": f"torchvision {network_name(table_of(recipe))}, from scratch",
        "classes": ", ".join(str(label) for label in classes),
        "average": "binary" if len(classes) == 2 else "macro one-versus-rest", "n_test": n_test,
        "interval": over_subjects(how, subjects), **table_of(recipe),
    }


def observed(seen: Areas) -> dict[str, ParameterValue]:
    """What was seen of training's chance; the names say that no two runs need agree on it."""
    if seen.spread is None:
        return {}
    return {
        "observed_spread_sd": seen.spread, "observed_auc_per_seed": ", ".join(f"{area:.4f}" for area in seen.areas_s),
    }


def scores_folder(cache_folder: Path | None) -> Path | None:
    """Where the scores of trained classifiers are kept, beside the features."""
    return None if cache_folder is None else cache_folder.parent / CLASSIFIERS


AUC = Metric(
    name="auc", title="Classification AUC, trained on generated, tested on real",
    summary="ROC area on real images of a ResNet18 trained on generated ones; macro one-versus-rest beyond two "
    "classes.",
    direction="higher", compares="generated and real images with labels",
    compute=lambda inputs, settings: auc_score(
        *inputs.lazy.all_generated(), *inputs.lazy.test_scans(), classes=inputs.classes, recipe=settings,
        device=inputs.device, folder=scores_folder(inputs.cache_folder), progress=inputs.progress,
        subjects=inputs.subjects("test_scans"),
    ),
    interval="over test cases and trainings (DeLong, Obuchowski-Rockette); one training: over test cases only",
    settings=ClassifierSpec, bounds=(0.0, 1.0), trained=True, networks=("resnet18",), axis="utility",
    groups="units",
)
