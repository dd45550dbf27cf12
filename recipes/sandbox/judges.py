"""Train the judges of the sandbox's tasks, and write the files that ship with it.

    python -m recipes.sandbox.judges

trains for each card the judge of its `[judge]` and prints the digest that belongs there: as `sha256` that of a judge of
classes, as `labels_sha256` that of a judge of labels. Cards of one data set and class attribute share a judge. Kernels
are rounded to float16. One thread: the same machine gives the same weights. Another machine's weights differ in their
last digits, so the cards of new files need a new version.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ldbench.data.task_data import TaskData, task_data
from ldbench.score.metrics.judge import judge_of
from ldbench.score.metrics.judge_labels_auc import label_judge_of
from ldbench.score.networks.pinned import halved, recipe_text, write_shipped
from ldbench.task import card
from ldbench.task.labels import values_of
from ldbench.task.metric_specs import JudgeSpec

from .scan_networks import asked_folder

CARDS = ("sandbox-brain-disease", "sandbox-chest-disease", "sandbox-chest-sex")
OF_LABELS = ("sandbox-chest-findings-t2i",)


def ship(recipe: JudgeSpec, data: TaskData, folder: Path) -> str:
    """Train a task's judge and write `folder/DATASET-judge-ATTRIBUTE.safetensors`; the digest of its weights."""
    spec = data.task.data
    judge = judge_of(recipe.training, spec.classes, *data.training_scans(), device="cpu", folder=None)
    path = folder / f"{spec.dataset}-judge-{spec.class_attribute}.safetensors"
    return write_shipped(path, halved(judge.classifier.network.state_dict()), recipe_text(recipe, spec.classes))


def ship_of_labels(recipe: JudgeSpec, data: TaskData, folder: Path) -> str:
    """Train a task's judge of labels and write `folder/DATASET-judge-labels.safetensors`; the digest of its weights."""
    spec = data.task.data
    values = values_of(spec.labels, (scan.attributes for scan in data.of_classes("train")))
    known = {label: np.array(column) for label, column in values.items()}
    judge = label_judge_of(recipe.training, data.training_scans()[0], known, device="cpu", folder=None)
    path = folder / f"{spec.dataset}-judge-labels.safetensors"
    return write_shipped(path, halved(judge.classifier.network.state_dict()), recipe_text(recipe, spec.labels))


def main() -> None:
    """Write the files of all cards."""
    folder = asked_folder(__doc__)
    for name in (*CARDS, *OF_LABELS):
        task, key, write = card.load(name), "sha256", ship
        if name in OF_LABELS:
            key, write = "labels_sha256", ship_of_labels
        assert task.judge is not None
        print(f'{name}: {key} = "{write(task.judge, task_data(task, 0), folder)}"', flush=True)


if __name__ == "__main__":
    main()
