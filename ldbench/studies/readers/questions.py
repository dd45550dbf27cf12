"""The questions a study can ask, what a reader may answer, and which tasks each makes sense for.

A question whose right answer the task doesn't know is an error, which gives the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ldbench.errors import UsageError, unknown_name
from ldbench.task.card import Task

REAL, OLDER, DISEASE, PREFERENCE = "real", "older", "disease", "preference"
LEFT, RIGHT, NEITHER = "left", "right", "neither"
IS_REAL, IS_GENERATED = "real", "generated"
_SIDES = ((LEFT, "Left"), (RIGHT, "Right"))


@dataclass(frozen=True)
class Question:
    """One kind of question: its title and advice to readers, the answers (value, label) and whether sureness is asked.

    `forced` says that one of the answers is right, so accuracy is defined.
    """

    name: str
    title: str
    advice: str
    answers: tuple[tuple[str, str], ...]
    confidence: bool = False
    forced: bool = True

    @property
    def values(self) -> tuple[str, ...]:
        """The answers as they stand in files."""
        return tuple(value for value, _ in self.answers)


QUESTIONS: tuple[Question, ...] = (
    Question(
        REAL, "Real or generated?",
        "You see one image. Say whether it is a real scan or one made by a computer, then how sure you are.",
        ((IS_REAL, "Real scan"), (IS_GENERATED, "Generated")), confidence=True,
    ),
    Question(
        OLDER, "Which is older?",
        "You see two images, said to be of the same person at two ages. Choose the one taken later in life.", _SIDES,
    ),
    Question(
        DISEASE, "Which one shows it?",
        "You see two images. One of them shows what is asked for, the other does not. Choose one even if unsure.",
        _SIDES,
    ),
    Question(
        PREFERENCE, "Which is better?",
        "You see what was asked for and two answers to it. Choose the one that looks more like such a scan.",
        (*_SIDES, (NEITHER, "Can't tell")), forced=False,
    ),
)


def question_named(name: str) -> Question:
    """The question of that name; raises `UnknownNameError`."""
    for question in QUESTIONS:
        if question.name == name:
            return question
    raise unknown_name("question", name, [each.name for each in QUESTIONS], "`ldbench study make --questions`")


def chosen(names: Sequence[str], task: Task, runs: int) -> tuple[Question, ...]:
    """The questions to ask, in their own order: those named, or else all that the task allows.

    Raises `UsageError` for one that this task and this number of runs don't allow.
    """
    reasons = _reasons(task, runs)
    for name in names:
        question_named(name)
        if reasons[name]:
            raise UsageError(f"--questions {name}: {reasons[name]}; leave it out")
    wanted = set(names) or {name for name, reason in reasons.items() if not reason}
    return tuple(question for question in QUESTIONS if question.name in wanted)


def _reasons(task: Task, runs: int) -> Mapping[str, str]:
    """Question -> why it can't be asked; empty where it can."""
    aging = task.edit is not None and task.edit.attribute == "age"
    return {
        REAL: "",
        OLDER: "" if aging else f"expected a task that edits the age, got {task.id}",
        DISEASE: "",
        PREFERENCE: "" if runs > 1 else "expected two runs or more, got 1",
    }
