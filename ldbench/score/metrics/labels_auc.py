"""Macro AUC of a classifier of labels that is trained on generated images and tested on real ones.

For data whose images carry several findings at once: says whether generated images hold what tells each label. As
`auc`, the classifier is trained several times with seeds of the card, the value is the mean area, and the interval
covers the choice of test images and training's own chance. A label counts where both sets have images enough with it
and without; which count depends on the data alone, so all models meet the same ones.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from ldbench.api import ImageSet, Measured, Metric, MetricInputs, Progress, silent
from ldbench.records.from_table import TypedError
from ldbench.records.subgroups import LABEL
from ldbench.score.arithmetic import rounding_of
from ldbench.score.image_sets import PickedSet
from ldbench.score.metrics import label_classifier
from ldbench.score.metrics.auc import observed, scores_folder
from ldbench.score.metrics.classifier_key import classifier_key
from ldbench.score.metrics.intervals import Array, Subjects, over_subjects, subjects_of_rows
from ldbench.score.metrics.label_areas import (
    CountedLabels,
    Known,
    counted_labels,
    label_parameters,
    label_parts,
    matrix_of,
    mean_area,
    validated_labels,
)
from ldbench.score.metrics.label_classifier import train_label_classifier
from ldbench.score.metrics.resnet18 import network_name
from ldbench.score.metrics.roc import FEWEST
from ldbench.score.metrics.several_trainings import scores_of_trainings
from ldbench.task.metric_specs import ClassifierSpec, TrainingSpec, table_of

if TYPE_CHECKING:
    import torch

_METRIC = "labels_auc"


@dataclass(frozen=True)
class LabelsSpec(TrainingSpec):
    """A ResNet18 with one output a label, trained from scratch on generated images and tested on real ones.

    A label counts where `fewest` cases and as many subjects of test scans have it, and as many have it not. All else is
    as `ClassifierSpec` says. An epoch shows each image once; in a batch both answers to a label weigh the same.
    """

    hashed_whole: ClassVar[bool] = True
    fewest: int = FEWEST

    def __post_init__(self) -> None:
        super().__post_init__()
        check_fewest(self.fewest)

    @property
    def recipe(self) -> ClassifierSpec:
        """How the network is trained: by cross-entropy alone, as a classifier of classes may be."""
        return ClassifierSpec(**{each.name: getattr(self, each.name) for each in fields(TrainingSpec)})


def check_fewest(fewest: int) -> None:
    """`TypedError` for a number of images of which no area can be had."""
    if fewest < 1:
        raise TypedError(f"fewest: expected 1 or more, got {fewest}")


def labels_auc_score(
    train_images: ImageSet, train_known: Known, test_images: ImageSet, test_known: Known, *, settings: LabelsSpec,
    device: torch.device | str = "cpu", folder: Path | None = None, progress: Progress = silent,
    subjects: Subjects = None,
) -> Measured:
    """The macro AUC as a score; images are `(N, 3, H, W) float32 in [0, 1]`, `n` counts the training images, and the
    parameter `n_test` the test images, of which some label that counts is known.

    The labels of either set are by name, `(N,)`: 1, 0, or NaN where nobody knows. What a training has given before is
    taken from `folder`; None keeps nothing. `subjects` are those of the test images. Raises `MetricError` where no
    label counts.
    """
    counted = counted_labels(_METRIC, settings.fewest, subjects, test_scans=test_known, cases=train_known)
    labels = list(train_known)
    known_nl, rows = known_rows(train_known)
    images = train_images if len(rows) == len(train_images) else PickedSet(train_images, tuple(rows.tolist()))
    scores = _trained(images, known_nl, test_images, settings.recipe, device, folder, progress)
    of_counted = scores[:, :, [labels.index(label) for label in counted.names]]
    return _of_scores(of_counted, matrix_of(test_known, counted.names), settings, counted, len(images), subjects)


def known_rows(known: Known) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """The labels `(N, L)` of the images of which some label is known, and the places `(N,)` of these."""
    known_nl = matrix_of(known, list(known)).astype(np.float32)
    rows = np.flatnonzero(np.isfinite(known_nl).any(axis=1))
    return np.ascontiguousarray(known_nl[rows]), rows


def _trained(
    images: ImageSet, known_nl: npt.NDArray[np.float32], test_images: ImageSet, recipe: ClassifierSpec,
    device: torch.device | str, folder: Path | None, progress: Progress,
) -> Array:
    import torch

    key = "" if folder is None else classifier_key(
        recipe, known_nl.shape[1], known_nl, images, test_images, device=device, further=rounding_of(device),
        code=(label_classifier,),
    )
    train = partial(train_label_classifier, images, torch.from_numpy(known_nl), recipe=recipe, device=device)
    return scores_of_trainings(train, recipe, key, test_images, folder, progress)


def _of_scores(
    scores_snl: Array, known_nl: Array, settings: LabelsSpec, counted: CountedLabels, n: int, subjects: Subjects
) -> Measured:
    """The score of classifiers that gave these scores to the test images."""
    seen, mean = mean_area(_METRIC, "scans", scores_snl, known_nl, subjects)
    parts = label_parts(_METRIC, "scans", scores_snl, known_nl, counted.names, subjects)

    def within(rows: npt.NDArray[np.int64]) -> Measured:
        of_rows = subjects_of_rows(subjects, rows)
        validated_labels(_METRIC, known_nl[rows], counted.names, FEWEST, of_rows)
        return mean_area(_METRIC, "scans", scores_snl[:, rows], known_nl[rows], of_rows)[1]

    return replace(
        mean, n=n, extractor=network_name(table_of(settings.recipe)), within=within, parts={LABEL: parts}, parameters={
            "classifier": f"torchvision {network_name(table_of(settings.recipe))}, from scratch, an output a label",
            "n_test": mean.n, "interval": over_subjects(_how(settings.spread_seeds), subjects),
            **label_parameters(counted, parts), **asdict(settings), **observed(seen),
        },
    )


def _how(trainings: int) -> str:
    over = "test cases" if trainings == 1 else "test cases and trainings (Obuchowski-Rockette)"
    held = ", classifier held fixed" if trainings == 1 else ""
    return f"95 % DeLong over {over}, logit scale (Newcombe where degenerate){held}"


def _of_inputs(inputs: MetricInputs, settings: LabelsSpec) -> Measured:
    return labels_auc_score(
        inputs.lazy.all_generated()[0], inputs.label_values("all_generated"), inputs.lazy.test_scans()[0],
        inputs.label_values("test_scans"), settings=settings, device=inputs.device,
        folder=scores_folder(inputs.cache_folder), progress=inputs.progress, subjects=inputs.subjects("test_scans"),
    )


LABELS_AUC = Metric(
    name="labels_auc", title="Macro AUC of several labels, trained on generated, tested on real",
    summary="Mean over labels of the ROC area on real images of a ResNet18 of all labels, trained on generated ones.",
    direction="higher", compares="generated and real images with labels", compute=_of_inputs,
    interval="over test cases and trainings (DeLong, Obuchowski-Rockette); one training: over test cases only",
    settings=LabelsSpec, needs=frozenset({"labels"}), bounds=(0.0, 1.0), trained=True, networks=("resnet18",),
    axis="utility", groups="units",
)
