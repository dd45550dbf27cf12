"""The judge of an editing task: a ResNet18 trained on the real training scans, which says which class an image shows.

The paper trains its classifier on 600 real slices and lets it judge the edited ones (Sec. 4.2.2). Here the network and
its training are those of `classifier`, with the recipe of the card's `[judge]`, so that all models meet one judge. It
is trained once and kept under a key of everything that it depends on (`ldbench.score.networks.kept_state`), or the card
pins the weights of one that ships with the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ldbench.api import ImageSet, ParameterValue, Progress, silent
from ldbench.errors import MetricError
from ldbench.score.metrics.classifier import Classifier, restored_classifier, train_classifier, training_table
from ldbench.score.metrics.classifier_key import classifier_key, key_of_seed
from ldbench.score.metrics.intervals import Array
from ldbench.score.metrics.resnet18 import network_name
from ldbench.score.networks.kept_state import kept_or_made
from ldbench.score.networks.pinned import pinned_weights
from ldbench.task.metric_specs import JudgeSpec

if TYPE_CHECKING:
    import torch

    from ldbench.score.networks.kept_state import State


@dataclass(frozen=True)
class Judge:
    """A trained classifier of the K `classes`; `parameters` say, in a score, what it is."""

    classifier: Classifier
    classes: tuple[str, ...]
    parameters: Mapping[str, ParameterValue]

    def scores(self, images: ImageSet) -> Array:
        """`(N, K)` float64 of images `(N, 3, H, W) float32 in [0, 1]`: log odds of each class against the rest."""
        return np.asarray(self.classifier.scores(images).numpy(), dtype=np.float64)


def judge_of(
    recipe: JudgeSpec, classes: Sequence[str], images: ImageSet, labels: Sequence[str], *,
    device: torch.device | str, folder: Path | None, progress: Progress = silent, shipped: Sequence[Path] = (),
) -> Judge:
    """The judge that learnt from real scans `(N, 3, H, W) float32 in [0, 1]` and their labels, each one of `classes`.

    Where the recipe names weights by their digest, these alone serve, from `folder` or one of the `shipped` files.
    Else it is taken from `folder` where it lies there, or trained and left there; None keeps nothing. Raises
    `MetricError` for labels that are not classes, classes without a scan, a recipe of several seeds (there is one judge
    for all), and weights that are not to be had or came of another recipe.
    """
    if recipe.spread_seeds != 1:
        raise MetricError("judge.spread_seeds: expected 1, one judge for all; change the card")
    index = class_indices("judge", labels, classes)
    absent = [label for position, label in enumerate(classes) if position not in index]
    if absent or len(images) != len(labels):
        raise MetricError(
            f"judge: expected a label for each of {len(images)} training scans and scans of every class, got "
            f"{len(labels)} labels, none of {absent}; change the card's classes"
        )
    if recipe.sha256 is None:
        classifier = _trained(recipe, classes, images, index, device, folder, progress)
    else:
        classifier = pinned_judge(recipe, classes, device, folder, shipped)
    training = training_table(replace(recipe, labels_sha256=None))
    parameters: dict[str, ParameterValue] = {
        "judge": f"torchvision {network_name(training)}, from scratch, on the real training scans",
        "judge_scans": len(images), "judge_initialisation": recipe.seed, "classes": ", ".join(classes), **training,
    }
    return Judge(classifier, tuple(classes), parameters)


def pinned_judge(
    recipe: JudgeSpec, classes: Sequence[str], device: torch.device | str = "cpu", folder: Path | None = None,
    shipped: Sequence[Path] = (),
) -> Classifier:
    """The classifier of the weights that a recipe names. Raises `MetricError` where none serve."""
    state = pinned_weights("judge", recipe, folder, shipped, classes)
    try:
        return restored_classifier(state, classes=len(classes), recipe=recipe, device=device)
    except RuntimeError as error:
        raise MetricError(
            f"judge: expected weights of a {network_name(training_table(recipe))} of {len(classes)} classes, got "
            f"others under sha256 {recipe.sha256}; take width, classes and sha256 from one card"
        ) from error


def _trained(
    recipe: JudgeSpec, classes: Sequence[str], images: ImageSet, index: npt.NDArray[np.int64],
    device: torch.device | str, folder: Path | None, progress: Progress,
) -> Classifier:
    """The kept classifier, else one that is trained and kept."""
    import torch

    def trained() -> State:
        return train_classifier(
            images, torch.from_numpy(index), classes=len(classes), recipe=recipe, seed=recipe.seed, device=device,
            progress=partial(_named, progress),
        ).network.state_dict()

    trainings = "" if folder is None else classifier_key(recipe, len(classes), index, images, device=device)
    state = kept_or_made(folder, key_of_seed(trainings, recipe.seed), trained)
    return restored_classifier(state, classes=len(classes), recipe=recipe, device=device)


def _named(progress: Progress, stage: str, done: int, total: int, note: str = "") -> None:
    progress(stage.replace("classifier", "judge"), done, total, note)


def class_indices(
    metric: str, labels: Sequence[str | int], classes: Sequence[str | int]
) -> npt.NDArray[np.int64]:
    """The place of each label among two or more classes, `(N,)`; `MetricError` for a label that is none of them."""
    position = {label: index for index, label in enumerate(classes)}
    unknown = sorted({str(label) for label in labels if label not in position})
    if unknown or len(position) < 2:
        raise MetricError(
            f"{metric}: expected labels among two or more classes, {list(classes)}, got {unknown}; change the card's "
            "classes or the metric"
        )
    return np.array([position[label] for label in labels], dtype=np.int64)
