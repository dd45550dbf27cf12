"""The runs of a study, opened and checked: finished, with their images, all of one task over the same data.

Refuses runs that can't meet in one trial: other tasks, other cards, other data, or prompts drawn by different seeds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import ResultError, UsageError
from ldbench.records import result as result_file
from ldbench.records.result import Result
from ldbench.studies.readers.key import StudyRun
from ldbench.task import card

_RESULT, _IMAGES = "result.json", "images"


@dataclass(frozen=True)
class Material:
    """What a study is made of: the task's data, the runs, and the folder that each run's images lie in."""

    data: TaskData
    runs: tuple[StudyRun, ...]
    images: tuple[Path, ...]


def open_runs(folders: Sequence[Path], card_name: str | None = None) -> Material:
    """Open finished runs; each is a run's folder or its result.json.

    `card_name` is a card's path for a task that is not installed. Raises `ResultError` or `UsageError`, one line, for
    a folder without a finished run and for runs that don't belong together.
    """
    places = [folder.parent if folder.name == _RESULT else folder for folder in folders]
    if not places:
        raise UsageError("study make: expected a run's folder or more, got none")
    if len({place.resolve() for place in places}) != len(places):
        raise UsageError("study make: expected runs that differ, got one folder twice; leave one out")
    results = [_finished(place) for place in places]
    first = results[0]
    for place, result in zip(places, results, strict=True):
        if (result.task, result.split_hash) != (first.task, first.split_hash):
            raise ResultError(
                f"{place}: expected a run of {_spelled(first)} like {places[0]}, got {_spelled(result)}; "
                "make a study of each"
            )
    task = card.load(card_name or first.task.id)
    if (task.id, task.version, task.hash) != (first.task.id, first.task.version, first.task.card_hash):
        raise ResultError(
            f"{places[0]}: a run of {_spelled(first)}, but {task.id} at hand is version {task.version} "
            f"(card {task.hash:.12}); run it again on this card"
        )
    if task.protocol.prompt_style == "diverse" and len({result.seed for result in results}) > 1:
        raise UsageError(f"study make: {task.id} draws its prompts by seed; expected runs of one seed, got several")
    data = task_data(task, first.seed or 0)
    if data.split_hash() != first.split_hash:
        raise ResultError(f"{places[0]}: a run over other data than {task.id} has here; run it again")
    runs = tuple(
        StudyRun(label, result.model, result.seed, result.images_hash)
        for label, result in zip(_labels(results), results, strict=True)
    )
    return Material(data, runs, tuple(place / _IMAGES for place in places))


def _finished(folder: Path) -> Result:
    if not (folder / _RESULT).is_file():
        raise ResultError(
            f"{folder}: expected the folder of a finished run, got no {_RESULT}; finish the run, or name its own "
            "folder, OUT/TASK/MODEL/seed-N"
        )
    result = result_file.read(folder / _RESULT)
    if result.status != "complete" or result.origin != "measured":
        raise ResultError(f"{folder}: expected a complete run, got a {result.status} {result.origin} result; run again")
    if not (folder / _IMAGES).is_dir():
        raise ResultError(f"{folder}: expected the run's {_IMAGES}/ beside {_RESULT}, got none; keep them together")
    return result


def _spelled(result: Result) -> str:
    task, split = result.task, result.split_hash or "unknown"
    return f"{task.id} version {task.version} (card {task.card_hash:.12}, data {split:.12})"


def _labels(results: Sequence[Result]) -> list[str]:
    """The model's name where that tells the runs apart, else with its seed, else numbered besides."""
    labels = [result.model.name for result in results]
    for suffixes in ([f" seed {result.seed}" for result in results], [f" #{n}" for n in range(1, len(results) + 1)]):
        counts = Counter(labels)
        labels = [
            label + (suffix if counts[label] > 1 else "") for label, suffix in zip(labels, suffixes, strict=True)
        ]
    return labels
