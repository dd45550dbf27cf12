"""The runs of a study, opened and checked: finished, with their images, all of one task over the same data.

Runs that can't meet in one trial are an error: other tasks, other cards, other data, or prompts drawn by different
seeds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ldbench.data.of_result import recorded_data
from ldbench.data.task_data import TaskData
from ldbench.errors import ResultError, UsageError
from ldbench.records.identity import spelled
from ldbench.records.result import Result
from ldbench.records.run_folder import RunFolder
from ldbench.run.submission.manifest import altered
from ldbench.studies.readers.key import StudyRun


@dataclass(frozen=True)
class StudyMaterial:
    """What a study is made of: the task's data, the runs, and the folder that each run's images lie in."""

    data: TaskData
    runs: tuple[StudyRun, ...]
    images: tuple[Path, ...]


def open_runs(folders: Sequence[Path], card_name: str | None = None) -> StudyMaterial:
    """Open finished runs with the images of their manifests; each is a run's folder or its result.json.

    `card_name` is a card's path for a task that is not installed. Raises `ResultError` or `UsageError`, one line, for
    a folder without a finished run or with other images, and for runs that don't belong together.
    """
    opened = [RunFolder.holding(folder) for folder in folders]
    if not opened:
        raise UsageError("study make: expected a run's folder or more, got none")
    if len({folder.path.resolve() for folder in opened}) != len(opened):
        raise UsageError("study make: expected runs that differ, got one folder twice; leave one out")
    results = [_read(folder) for folder in opened]
    first, where = results[0], opened[0].path
    for folder, result in zip(opened, results, strict=True):
        if (result.task, result.split_hash) != (first.task, first.split_hash):
            raise ResultError(
                f"{folder.path}: expected a run of {_over(first)} like {where}, got {_over(result)}; make a study of "
                "each"
            )
    data = recorded_data(first.task, first.split_hash, first.seed, where, card_name)
    task = data.task
    if task.protocol.prompt_style == "diverse" and len({result.seed for result in results}) > 1:
        raise UsageError(f"study make: {task.id} draws its prompts by seed; expected runs of one seed, got several")
    runs = tuple(
        StudyRun(label, result.model, result.seed, result.images_hash)
        for label, result in zip(_labels(results), results, strict=True)
    )
    return StudyMaterial(data, runs, tuple(folder.images for folder in opened))


def _read(folder: RunFolder) -> Result:
    """The result of a run whose images are those that it made: the key vouches for them."""
    result = folder.read_beside_images()
    if faults := altered(folder):
        raise ResultError(f"{folder.path}: expected the run's own images, got {faults[0]}; restore them")
    return result


def _over(result: Result) -> str:
    return f"{spelled(result.task)} over data {result.split_hash or 'unknown':.12}"


def _labels(results: Sequence[Result]) -> list[str]:
    """The model's name where that tells the runs apart, else with its seed, else numbered besides."""
    labels = [result.model.name for result in results]
    for suffixes in ([f" seed {result.seed}" for result in results], [f" #{n}" for n in range(1, len(results) + 1)]):
        counts = Counter(labels)
        labels = [
            label + (suffix if counts[label] > 1 else "") for label, suffix in zip(labels, suffixes, strict=True)
        ]
    return labels
