"""How classifiers learn from folders with classes or labels, where nobody says it: as those of the sandbox's cards do.

What is a length in pixels there is in proportion to the side here. Epochs are as many, but fewer where the images are
many: then a training would take days on a CPU, and it has seen enough of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ldbench.api import Metric, ParameterValue
from ldbench.errors import UsageError
from ldbench.records.from_table import TypedError, build, values_of
from ldbench.score.folders.sets import FolderSet, MeasuredSet
from ldbench.score.metrics.label_areas import count_known, matrix_of
from ldbench.task.metric_specs import JudgeSpec, TrainingSpec, table_of

JUDGE = "judge"  # what `--set` calls the judge's recipe
_SIDE = 64  # pixels, of the sandbox's images
_MOST_SHOWN, _FEWEST_EPOCHS = 64_000, 4  # images in all, each as often as it is shown
_OF_BOTH: Mapping[str, Any] = {"batch_size": 32, "learning_rate": 0.001, "width": 32}
_OF_JUDGE: Mapping[str, Any] = {"epochs": 48, "noise": 0.05, "veil": 0.05}
_OF_METRIC: Mapping[str, Any] = {"epochs": 12, "spread_seeds": 3}
# of several labels an image: those of sandbox-chest-findings-t2i
_OF_LABELS: Mapping[str, Any] = {"learning_rate": 0.003, "width": 16}
_EPOCHS_OF_LABELS, _JUDGE_EPOCHS_OF_LABELS = 36, 96
_CROSS_ENTROPY = "cross-entropy"


@dataclass(frozen=True)
class Lesson:
    """What a classifier learns from: the smaller `side` of an image in pixels, and how many images one epoch shows."""

    side: int = _SIDE
    shown: int = 0


SANDBOX = Lesson()  # what stands for images that are not read yet


def lesson_of(given: MeasuredSet | None) -> Lesson:
    """What is learnt of a set, an epoch of which shows the largest class once and the others as often, or each image
    with labels once; `SANDBOX` without images that have either."""
    if not isinstance(given, FolderSet) or not (given.classes or given.labels):
        return SANDBOX
    counts = given.class_counts
    shown = max(counts.values()) * len(counts) if counts else count_known(matrix_of(given.labels, list(given.labels)))
    return Lesson(int(min(next(iter(given.images.values())).shape[1:])), shown)


def recipe_table(settings: type[TrainingSpec], lesson: Lesson, *, labels: bool = False) -> dict[str, Any]:
    """The table of a card that says how a classifier of classes, or of labels, is trained on a lesson."""
    judge = issubclass(settings, JudgeSpec)
    table = {**_OF_BOTH, **(_OF_JUDGE if judge else _OF_METRIC), "shift": max(round(lesson.side / 32), 1)}
    if labels:
        table |= {**_OF_LABELS, "epochs": _JUDGE_EPOCHS_OF_LABELS if judge else _EPOCHS_OF_LABELS}
    if judge:
        table["blur"] = 1.5 * lesson.side / _SIDE
    if lesson.shown:
        table["epochs"] = min(table["epochs"], max(round(_MOST_SHOWN / lesson.shown), _FEWEST_EPOCHS))
    return table


def judge_recipe(given: Mapping[str, str], lesson: Lesson, *, labels: bool = False) -> JudgeSpec:
    """The recipe of a judge of classes, or of labels, with what is `given`, as texts, in the place of its own. Raises
    `UsageError`."""
    table = recipe_table(JudgeSpec, lesson, labels=labels)
    try:
        recipe: JudgeSpec = build(JudgeSpec, table | values_of(JudgeSpec, given))
    except TypedError as wrong:
        raise UsageError(f"--set {JUDGE}:{wrong}; give --set {JUDGE}:key=value") from wrong
    if recipe.spread_seeds != 1:
        raise UsageError(f"--set {JUDGE}:spread_seeds: expected 1, one judge for all, got {recipe.spread_seeds}")
    if labels and recipe.objective != _CROSS_ENTROPY:
        raise UsageError(
            f"--set {JUDGE}:objective: expected {_CROSS_ENTROPY}, the only one for labels, got {recipe.objective}"
        )
    return recipe


def trains(metric: Metric) -> bool:
    """Whether a metric has a classifier trained, which takes minutes on a CPU."""
    return metric.trained or "judge" in metric.needs


def options_of(recipes: Mapping[str, TrainingSpec]) -> dict[str, ParameterValue]:
    """How the classifiers are trained, as `--set` takes it."""
    return {f"{name}:{key}": value for name, recipe in recipes.items() for key, value in table_of(recipe).items()}
