"""Readers' answers as tables, `(R, T) float64`, one row a reader and one column a trial, NaN where there is no answer.

A repeated trial's first answer counts and its second is for consistency alone; trials with noise count nowhere but in
their own tally.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ldbench.studies.readers.answers import Answers
from ldbench.studies.readers.estimates import Array
from ldbench.studies.readers.key import Key, StudyTrial
from ldbench.studies.readers.preference import FIRST, SECOND, TIED
from ldbench.studies.readers.questions import NEITHER, PREFERENCE, question_named


def counted(key: Key, question: str) -> list[StudyTrial]:
    """The trials that a question is scored on."""
    return [
        trial for trial in key.trials if trial.question == question and trial.repeat_of is None and not trial.catch
    ]


def table(readers: Sequence[Answers], trials: Sequence[StudyTrial], value: Callable[[StudyTrial, str], float]) -> Array:
    """`value` of every answer."""
    result = np.full((len(readers), len(trials)), np.nan)
    for row, reader in enumerate(readers):
        given = reader.by_trial()
        for column, trial in enumerate(trials):
            if trial.id in given:
                result[row, column] = value(trial, given[trial.id].answer)
    return result


def is_right(trial: StudyTrial, answer: str) -> float:
    """1 where the answer is the right one, else 0."""
    return float(answer == trial.right)


def contests(key: Key, readers: Sequence[Answers]) -> dict[tuple[int, int], Array]:
    """A table a pair of runs, the lower one first: 1 where it was preferred, 0 where the other was, 0.5 can't tell."""
    grouped: dict[tuple[int, int], list[StudyTrial]] = {}
    for trial in counted(key, PREFERENCE):
        low, high = sorted(picture.run or 0 for picture in trial.pictures)
        grouped.setdefault((low, high), []).append(trial)
    return {pair: table(readers, trials, _won(pair[0])) for pair, trials in grouped.items()}


def answer_counts(key: Key, readers: Sequence[Answers], question: str) -> Array:
    """How many readers gave each answer to each trial of a question, `(T, C)`."""
    given = [reader.by_trial() for reader in readers]
    return np.array([
        [sum(trial.id in each and each[trial.id].answer == value for each in given)
         for value in question_named(question).values]
        for trial in counted(key, question)
    ], dtype=np.float64)


def repeats(key: Key, reader: Answers) -> list[bool]:
    """For each trial that a reader answered twice, whether it was answered alike, whichever side things were on."""
    trials, given = key.by_id(), reader.by_trial()
    pairs: Iterable[tuple[StudyTrial, StudyTrial]] = (
        (trials[trial.repeat_of], trial) for trial in key.trials
        if trial.repeat_of is not None and trial.id in given and trial.repeat_of in given
    )
    return [
        first.meant(given[first.id].answer) == again.meant(given[again.id].answer) for first, again in pairs
    ]


def _won(run: int) -> Callable[[StudyTrial, str], float]:
    def value(trial: StudyTrial, answer: str) -> float:
        if answer == NEITHER:
            return TIED
        chosen = trial.meant(answer)
        return FIRST if not isinstance(chosen, str) and chosen.run == run else SECOND

    return value
