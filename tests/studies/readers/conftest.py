"""A study of two made-up runs of the sandbox's disease task, and readers of known skill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from ldbench.data.images import write_image
from ldbench.data.task_data import TaskData, task_data
from ldbench.records.checksum import sha256_file
from ldbench.records.files import write_json
from ldbench.records.result import ModelRef, Result, TaskRef, write
from ldbench.studies.readers.answers import Answer, Answers, checksum
from ldbench.studies.readers.draw import draw
from ldbench.studies.readers.key import Key, StudyTrial
from ldbench.studies.readers.make import Design, MadeStudy, make
from ldbench.studies.readers.questions import chosen, question_named
from ldbench.task import card

TASK = "sandbox-brain-disease"
MODELS = ("zebra-flow", "okapi-net")
SALT = "5a" * 16
DESIGN = Design(per_question=6, repeats=2, catches=2, seed=3, salt=SALT)


@dataclass(frozen=True)
class Study:
    """What `make` left, and what it was made of."""

    made: MadeStudy
    data: TaskData
    folders: tuple[Path, ...]

    @property
    def key(self) -> Key:
        """The answer key."""
        return self.made.key


@pytest.fixture(scope="session")
def data() -> TaskData:
    return task_data(card.load(TASK), 0)


@pytest.fixture(scope="session")
def study(data: TaskData, tmp_path_factory: pytest.TempPathFactory) -> Study:
    root = tmp_path_factory.mktemp("study")
    folders = tuple(write_run(data, root / name / "seed-0", name, shade) for shade, name in enumerate(MODELS))
    return Study(make(folders, root / "study.html", DESIGN), data, folders)


def write_run(data: TaskData, folder: Path, name: str, shade: int) -> Path:
    """A finished run's folder with the images that DESIGN asks for: the sources, tinted, each model in its own way."""
    tint = torch.tensor([0.02 * (shade + 1), 0.0, -0.01]).reshape(3, 1, 1)
    sources = {case.id: case.source for case in data.cases}
    rows = {}
    for draft in draw(data, 2, chosen((), data.task, 2), DESIGN.per_question, DESIGN.catches, DESIGN.seed):
        for picture in draft.pictures:
            source = sources.get(picture.id)
            if picture.run == shade and source is not None:
                file = folder / "images" / f"{picture.id}.png"
                write_image((source + tint).clamp(0, 1), file)
                rows[picture.id] = {"id": picture.id, "file": f"images/{file.name}", "sha256": sha256_file(file)}
    write_json(folder / "manifest.json", {"images": [*rows.values()]})
    task = TaskRef(data.task.id, data.task.version, data.task.kind, data.task.hash)
    result = Result(task, ModelRef(name, f"{name}-dist", "0"), "measured", [], seed=0, split_hash=data.split_hash())
    write(result, folder / "result.json")
    return folder


def answered(key: Key, reader: str, given: Sequence[tuple[StudyTrial, str]], complete: bool | None = None) -> Answers:
    """The file of a reader who answered so."""
    answers = tuple(
        Answer(trial.id, answer, 4 if question_named(trial.question).confidence else None, 1500 + place)
        for place, (trial, answer) in enumerate(given)
    )
    whole = len(answers) == len(key.trials) if complete is None else complete
    return Answers(key.study, reader, whole, answers, checksum(key.study, reader, whole, answers))


def skilled(key: Key, reader: str, skill: float, favour: float, random: np.random.Generator) -> Answers:
    """A reader who is right with probability `skill` and prefers the first run with probability `favour`."""
    given = []
    for trial in key.trials:
        values = [value for value in question_named(trial.question).values if value != "neither"]
        if trial.right is None:
            left = trial.pictures[0].run == 0
            answer = "left" if left == (random.random() < favour) else "right"
        else:
            wrong = next(value for value in values if value != trial.right)
            answer = trial.right if trial.catch or random.random() < skill else wrong
        given.append((trial, answer))
    return answered(key, reader, given)
