"""A study's scores: answers and key in, accuracy, preference and agreement out, each with a 95 % interval.

The only chance, alpha's resamples, comes from one seed, so equal files give equal numbers. Nobody is dropped: readers
who missed a trial with noise are named, and to leave them out, leave out their file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ldbench.studies.readers.agreement import krippendorff_alpha
from ldbench.studies.readers.answers import Answers, read_answers
from ldbench.studies.readers.detection import two_sided, yes_no
from ldbench.studies.readers.estimates import Estimate, share
from ldbench.studies.readers.key import Key, StudyTrial, read_key
from ldbench.studies.readers.preference import Preference, Strength, order, preferences
from ldbench.studies.readers.questions import IS_GENERATED, QUESTIONS, REAL
from ldbench.studies.readers.tables import answer_counts, contests, counted, is_right, repeats, table

SCANS = "real scans"


@dataclass(frozen=True)
class Accuracy:
    """How often readers were right about one run's images (`images`), or about real scans; d' where it is defined."""

    question: str
    images: str
    accuracy: Estimate
    d_prime: Estimate | None


@dataclass(frozen=True)
class Agreement:
    """How far readers agree on one question: Krippendorff's alpha, None where it is undefined."""

    question: str
    alpha: Estimate | None


@dataclass(frozen=True)
class ReaderScore:
    """One reader: how much was answered, how fast, how consistently, and how many noise trials were seen through."""

    reader: str
    answered: int
    trials: int
    median_seconds: float
    repeats_alike: int
    repeats: int
    catches_passed: int
    catches: int


@dataclass(frozen=True)
class StudyScore:
    """All that a study says. `consistency` is the share of repeats answered alike, over all readers."""

    study: str
    task: str
    runs: tuple[str, ...]
    accuracies: tuple[Accuracy, ...]
    preferences: tuple[Preference, ...]
    order: tuple[Strength, ...]
    agreements: tuple[Agreement, ...]
    consistency: Estimate | None
    readers: tuple[ReaderScore, ...]
    seed: int
    schema_version: int = 1


def score(paths: Sequence[Path], key_path: Path, seed: int = 0) -> StudyScore:
    """Score files of answers against their study's key; raises `StudyError`, one line, where one is refused."""
    key = read_key(key_path)
    return scored(key, read_answers(paths, key), seed)


def scored(key: Key, readers: Sequence[Answers], seed: int = 0) -> StudyScore:
    """The scores of answers that were checked against the key; `seed` draws the resamples of alpha."""
    random = np.random.default_rng(seed)
    labels = tuple(run.label for run in key.runs)
    forced = [question.name for question in QUESTIONS if question.forced]
    games = contests(key, readers)
    alike = [repeats(key, reader) for reader in readers]
    return StudyScore(
        key.study, f"{key.task.id} version {key.task.version}", labels,
        tuple(row for question in forced for row in _accuracies(key, readers, question)),
        tuple(preferences(games, labels)), tuple(order(games, labels)),
        tuple(
            Agreement(question.name, krippendorff_alpha(answer_counts(key, readers, question.name), random))
            for question in QUESTIONS if len(readers) > 1 and counted(key, question.name)
        ),
        _consistency(alike),
        tuple(_reader(key, reader, same) for reader, same in zip(readers, alike, strict=True)),
        seed,
    )


def _accuracies(key: Key, readers: Sequence[Answers], question: str) -> list[Accuracy]:
    """A row a run, and one of real scans alone."""
    trials = counted(key, question)
    scans = [trial for trial in trials if trial.run is None]
    rows = []
    for run, label in [*enumerate(run.label for run in key.runs), (None, SCANS)]:
        own = [trial for trial in trials if trial.run == run]
        right_rt = table(readers, own, is_right)
        accuracy = share(right_rt)
        if accuracy is None:
            continue
        if question != REAL:
            d_prime = two_sided(right_rt)
        else:
            d_prime = None if run is None else yes_no(
                table(readers, own, _called), table(readers, scans, _called)
            )
        rows.append(Accuracy(question, label, accuracy, d_prime))
    return rows


def _called(_: StudyTrial, answer: str) -> float:
    return float(answer == IS_GENERATED)


def _consistency(alike: Sequence[Sequence[bool]]) -> Estimate | None:
    width = max((len(each) for each in alike), default=0)
    rows = [[float(same) for same in each] + [np.nan] * (width - len(each)) for each in alike]
    return share(np.array(rows, dtype=np.float64)) if width else None


def _reader(key: Key, reader: Answers, alike: Sequence[bool]) -> ReaderScore:
    given = reader.by_trial()
    catches = [trial for trial in key.trials if trial.catch and trial.id in given]
    return ReaderScore(
        reader.reader, len(given), len(key.trials),
        float(np.median([each.milliseconds for each in reader.answers])) / 1000,
        sum(alike), len(alike), sum(given[trial.id].answer == trial.right for trial in catches), len(catches),
    )
