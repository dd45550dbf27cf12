"""A study's answer key: what every trial shows and which answer is right.

It lies in a file of its own beside the page, and whoever holds it can undo the blinding. A key whose trials contradict
each other is an error, so that no reader is scored by a damaged key.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from ldbench.records.files import write_json
from ldbench.records.result import ModelRef, TaskRef
from ldbench.studies.readers.document import SCHEMA_VERSION, StudyError, read_document
from ldbench.studies.readers.questions import LEFT, PREFERENCE, QUESTIONS, REAL, RIGHT

KEY_LIMIT = 64 * 2**20  # bytes; ten thousand trials take about five million


@dataclass(frozen=True)
class StudyImage:
    """Where an image comes from: a run's `result` for a case, a real `scan`, a case's `truth`, or `noise` made of a
    scan's pixels. `run` counts the key's runs and is given for results alone."""

    kind: Literal["result", "scan", "truth", "noise"]
    id: str
    run: int | None = None


@dataclass(frozen=True)
class StudyTrial:
    """One trial: its id on the page, what is shown from left to right, and the right answer (None: there is none).

    `source` is the image that both answers of a preference trial were made from. `repeat_of` names the trial that this
    one shows again, sides swapped; a `catch` trial shows noise and only finds out who isn't looking.
    """

    id: str
    question: str
    asked: str
    pictures: tuple[StudyImage, ...]
    right: str | None
    source: StudyImage | None = None
    repeat_of: str | None = None
    catch: bool = False

    @property
    def run(self) -> int | None:
        """The run whose image is judged; None where only real scans are shown. Not for preferences."""
        return next((picture.run for picture in self.pictures if picture.kind == "result"), None)

    def meant(self, answer: str) -> StudyImage | str:
        """What an answer stands for whichever side it was on: the picture chosen, or the answer itself."""
        return self.pictures[(LEFT, RIGHT).index(answer)] if answer in (LEFT, RIGHT) else answer


@dataclass(frozen=True)
class StudyRun:
    """One of the runs compared: what tables call it, its model, its seed and the digest of its images."""

    label: str
    model: ModelRef
    seed: int | None
    images_hash: str | None


@dataclass(frozen=True)
class Key:
    """All that is needed to score a study. `salt` is what blinds the page: sides, order and ids depend on it."""

    study: str
    seed: int
    salt: str
    page_sha256: str
    task: TaskRef
    runs: tuple[StudyRun, ...]
    trials: tuple[StudyTrial, ...]
    schema_version: int = SCHEMA_VERSION

    def by_id(self) -> dict[str, StudyTrial]:
        """The trials by the ids that stand on the page."""
        return {trial.id: trial for trial in self.trials}


def write_key(key: Key, path: Path) -> None:
    """Write the key, whole or not at all; raises `ResultError` where the disk refuses."""
    write_json(path, asdict(key), private=True)


def read_key(path: Path) -> Key:
    """Read a key; raises `StudyError` where it isn't one or contradicts itself."""
    key = read_document(Key, path, what="an answer key of `ldbench study make`", limit=KEY_LIMIT)
    trials, questions = key.by_id(), {question.name: question for question in QUESTIONS}
    if len(trials) != len(key.trials) or not key.trials or not key.runs:
        raise StudyError(f"{path}: expected runs and trials with an id each, got none or one id twice; restore the key")
    for trial in key.trials:
        question, first = questions.get(trial.question), trials.get(trial.repeat_of or trial.id)
        runs = [picture.run for picture in trial.pictures if picture.kind == "result"]
        sound = (
            question is not None
            and len(trial.pictures) == (1 if question.name == REAL else 2)
            and (trial.right in question.values if question.forced else trial.right is None)
            and first is not None and first.question == trial.question
            and all(run is not None and 0 <= run < len(key.runs) for run in runs)
            and (trial.question != PREFERENCE or len(set(runs)) == 2)
        )
        if not sound:
            raise StudyError(f"{path}: trial {trial.id!r:.40} contradicts itself; restore the key as it was written")
    return key
