"""Whether generated images show the labels that were asked for, as a judge of real scans reads them: the macro AUC.

The judge of labels is a network with one output a label that learnt from the real training scans, by the recipe of the
card's `[judge]`. It is trained once for all models and kept, or the card pins its weights, as of the judge of classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ldbench.api import ImageSet, Measured, Metric, MetricInputs, ParameterValue, Progress, silent
from ldbench.errors import MetricError
from ldbench.records.subgroups import LABEL
from ldbench.score.image_sets import PickedSet
from ldbench.score.metrics import label_classifier
from ldbench.score.metrics.classifier import training_table
from ldbench.score.metrics.classifier_key import classifier_key, key_of_seed
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
from ldbench.score.metrics.label_classifier import (
    LabelClassifier,
    restored_label_classifier,
    train_label_classifier,
)
from ldbench.score.metrics.labels_auc import check_fewest, known_rows
from ldbench.score.metrics.resnet18 import network_name
from ldbench.score.metrics.roc import FEWEST
from ldbench.score.networks.kept_state import kept_or_made
from ldbench.score.networks.pinned import pinned_weights
from ldbench.task.metric_specs import JudgeSpec

if TYPE_CHECKING:
    import torch

    from ldbench.score.networks.kept_state import State

_METRIC = "judge_labels_auc"


@dataclass(frozen=True)
class JudgeLabelsSpec:
    """A label counts where `fewest` training scans and as many subjects of evaluation cases have it, and as many have
    it not."""

    fewest: int = FEWEST

    def __post_init__(self) -> None:
        check_fewest(self.fewest)


@dataclass(frozen=True)
class LabelJudge:
    """A trained classifier of labels; `parameters` say, in a score, what it is."""

    classifier: LabelClassifier
    parameters: Mapping[str, ParameterValue]

    def scores(self, images: ImageSet) -> Array:
        """Scores `(N, L)` of each label in images `(N, 3, H, W) float32 in [0, 1]`: the larger, the likelier."""
        return np.asarray(self.classifier.scores(images).numpy(), np.float64)


def label_judge_of(
    recipe: JudgeSpec, images: ImageSet, known: Known, *, device: torch.device | str, folder: Path | None,
    progress: Progress = silent, shipped: Sequence[Path] = (),
) -> LabelJudge:
    """The judge that learnt from real scans `(N, 3, H, W) float32 in [0, 1]` and their labels by name, `(N,)`.

    Where the recipe names weights by `labels_sha256`, these alone serve, from `folder` or one of the `shipped` files.
    Else it is taken from `folder` where it lies there, or trained and left there; None keeps nothing. Raises
    `MetricError` where no label of any scan is known, and for weights that are not to be had or came of another recipe
    or other labels.
    """
    known_nl, rows = known_rows(known)
    if not len(rows):
        raise MetricError("judge of labels: expected training scans with labels, got none; choose other labels")
    learnt = images if len(rows) == len(images) else PickedSet(images, tuple(rows.tolist()))
    if recipe.labels_sha256 is None:
        classifier = _trained(recipe, learnt, known_nl, device, folder, progress)
    else:
        classifier = pinned_label_judge(recipe, list(known), device, folder, shipped)
    training = {name: value for name, value in training_table(recipe.training).items() if name not in _OF_CLASSES}
    pinned: dict[str, ParameterValue] = {"sha256": recipe.labels_sha256} if recipe.labels_sha256 else {}
    parameters: dict[str, ParameterValue] = {
        "judge": f"torchvision {network_name(training)}, from scratch, an output a label, on the real training scans",
        "judge_scans": len(learnt), "judge_initialisation": recipe.seed, **training, **pinned,
    }
    return LabelJudge(classifier, parameters)


def pinned_label_judge(
    recipe: JudgeSpec, labels: Sequence[str], device: torch.device | str = "cpu", folder: Path | None = None,
    shipped: Sequence[Path] = (),
) -> LabelClassifier:
    """The classifier of the weights that a recipe names for the judge of labels. Raises `MetricError` where none serve.
    """
    state = pinned_weights("judge", recipe, folder, shipped, labels, "labels_sha256")
    try:
        return restored_label_classifier(state, labels=len(labels), recipe=recipe, device=device)
    except RuntimeError as error:
        raise MetricError(
            f"judge: expected weights of a {network_name(training_table(recipe))} of {len(labels)} labels, got others "
            f"under labels_sha256 {recipe.labels_sha256}; take width, data.labels and labels_sha256 from one card"
        ) from error


def _trained(
    recipe: JudgeSpec, images: ImageSet, known_nl: npt.NDArray[np.float32], device: torch.device | str,
    folder: Path | None, progress: Progress,
) -> LabelClassifier:
    """The kept classifier, else one that is trained and kept."""
    import torch

    def trained() -> State:
        return train_label_classifier(
            images, torch.from_numpy(known_nl), recipe=recipe, seed=recipe.seed, device=device,
            progress=partial(_named, progress),
        ).network.state_dict()

    trainings = "" if folder is None else classifier_key(
        recipe.training, known_nl.shape[1], known_nl, images, device=device, code=(label_classifier,)
    )
    state = kept_or_made(folder, key_of_seed(trainings, recipe.seed), trained)
    return restored_label_classifier(state, labels=known_nl.shape[1], recipe=recipe, device=device)


_OF_CLASSES = ("objective", "margin_epochs", "margin_learning_rate")


def _named(progress: Progress, stage: str, done: int, total: int, note: str = "") -> None:
    progress(stage.replace("classifier", "judge of labels"), done, total, note)


def judge_labels_auc_score(
    scores_nl: npt.ArrayLike, asked_nl: Array, counted: CountedLabels, judge: Mapping[str, ParameterValue], *,
    fewest: int = FEWEST, subjects: Subjects = None,
) -> Measured:
    """The macro AUC of a judge's scores `(N, L)` against the labels that were asked for, `(N, L)`: 1, 0 or NaN. `n`
    counts the images that were asked for some label, or for its absence.

    `subjects` are those of the images. Value and interval: `ldbench.score.metrics.label_areas`.
    """
    scores_snl = np.asarray(scores_nl, np.float64)[None]
    _, mean = mean_area(_METRIC, "cases", scores_snl, asked_nl, subjects)
    parts = label_parts(_METRIC, "cases", scores_snl, asked_nl, counted.names, subjects)

    def within(rows: npt.NDArray[np.int64]) -> Measured:
        of_rows = subjects_of_rows(subjects, rows)
        validated_labels(_METRIC, asked_nl[rows], counted.names, FEWEST, of_rows)
        return mean_area(_METRIC, "cases", scores_snl[:, rows], asked_nl[rows], of_rows)[1]

    return replace(
        mean, extractor=network_name(judge), within=within, parts={LABEL: parts}, parameters={
            **judge, "fewest": fewest, **label_parameters(counted, parts),
            "interval": over_subjects(
                "95 % DeLong over cases, logit scale (Newcombe where degenerate), judge held fixed", subjects
            ),
        },
    )


def _of_inputs(inputs: MetricInputs, settings: JudgeLabelsSpec) -> Measured:
    asked, learnt = inputs.label_values("generated"), inputs.label_values("training_scans")
    subjects = inputs.subjects("generated")
    counted = counted_labels(_METRIC, settings.fewest, subjects, evaluation_cases=asked, training_scans=learnt)
    scores_nl, judge = inputs.label_judged
    labels = list(asked)
    return judge_labels_auc_score(
        scores_nl[:, [labels.index(label) for label in counted.names]], matrix_of(asked, counted.names), counted, judge,
        fewest=settings.fewest, subjects=subjects,
    )


JUDGE_LABELS_AUC = Metric(
    name="judge_labels_auc", title="Macro AUC of the labels asked for, by a judge trained on real",
    summary="Mean over labels of the ROC area of a judge's scores against the labels asked for; 1/2 where images say "
    "nothing of them.",
    direction="higher", compute=_of_inputs, compares="generated images and the labels asked for",
    interval="over cases (DeLong), judge held fixed", settings=JudgeLabelsSpec, needs=frozenset({"judge", "labels"}),
    bounds=(0.0, 1.0), networks=("resnet18",), axis="condition", groups="units",
    catches=("swapped-classes", "class-share"), blind_to=("jpeg", "copies"),
)
