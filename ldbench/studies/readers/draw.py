"""Which images a study shows: balanced over runs and classes, drawn by seed and id alone, each subject once.

A subject that was seen under one question would give away the answer to another, so none comes back, except in a trial
that is repeated on purpose. A study that needs more subjects than the task has is an error.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ldbench.api import Case
from ldbench.data.scans import hash_order
from ldbench.data.task_data import TaskData
from ldbench.errors import UsageError
from ldbench.studies.readers.key import StudyImage
from ldbench.studies.readers.pairings import pairings
from ldbench.studies.readers.questions import DISEASE, OLDER, PREFERENCE, REAL, Question
from ldbench.task.card import Task

Arm = TypeVar("Arm")


@dataclass(frozen=True)
class Draft:
    """A trial before it is blinded: the picture that is the right answer comes first, where one is."""

    question: str
    asked: str
    pictures: tuple[StudyImage, ...]
    source: StudyImage | None = None
    catch: bool = False


class _SpentError(UsageError):
    """No subject is left that was not shown yet."""


class Deck:
    """Hands out cases and real test scans of a class, in an order fixed by the seed, no subject twice."""

    def __init__(self, data: TaskData, seed: int) -> None:
        """Shuffle the evaluated cases and the test scans of `data` by `seed`."""
        def order(identifier: str) -> str:
            return hash_order(f"study {seed}", identifier)

        evaluated, name = set(data.evaluation_ids), data.task.data.class_attribute
        self._cases = data.by_id
        self._subject = {record.id: record.subject for record in data.dataset.records}
        self._class = name
        self._case_ids = sorted(evaluated, key=order)
        scans = sorted(data.of_classes("test"), key=lambda record: order(record.id))
        self._scan_ids = [(record.id, str(record.attributes[name])) for record in scans]
        self._used: set[str] = set()

    def case(self, label: str) -> Case:
        """The next case that asks for an image of the class."""
        ids = [name for name in self._case_ids if self._cases[name].attributes[self._class] == label]
        return self._cases[self._next(ids, f"case that asks for {label}")]

    def scan(self, label: str) -> str:
        """The next real scan of the class."""
        return self._next([name for name, other in self._scan_ids if other == label], f"real test scan of {label}")

    def _next(self, ids: Sequence[str], what: str) -> str:
        for name in ids:
            if self._subject[name] not in self._used:
                self._used.add(self._subject[name])
                return name
        raise _SpentError(f"study make: expected one more {what} of a subject not yet shown, got none of {len(ids)}")


@dataclass(frozen=True)
class _Drawing:
    """What the drawing of every question needs."""

    data: TaskData
    deck: Deck
    runs: int

    @property
    def classes(self) -> tuple[str, ...]:
        return self.data.task.data.classes

    @property
    def neutral(self) -> str:
        """The class without the disease: the card's neutral one, or its first."""
        edit = self.data.task.edit
        return edit.neutral if edit is not None and edit.neutral is not None else self.classes[0]


def draw(
    data: TaskData, runs: int, questions: Sequence[Question], per_question: int, catches: int, seed: int
) -> list[Draft]:
    """The drafts of all trials, `per_question` each and `catches` with noise beside the real-or-generated ones.

    Raises `UsageError` where the task has too few subjects, and says for how many trials a question it has enough.
    """
    if per_question < 2 or catches < 0:
        raise UsageError(f"study make: expected --per-question 2 or more and --catch 0 or more, got {per_question} "
                         f"and {catches}")
    def drawn(count: int) -> list[Draft]:
        return _drafts(_Drawing(data, Deck(data, seed), runs), questions, count, catches)

    try:
        return drawn(per_question)
    except _SpentError as error:
        most = 1 + bisect_left(range(2, per_question), True, key=lambda count: not _suffices(drawn, count))
        remedy = "" if most < 2 else f"lower --per-question to {most} or less, or "
        raise UsageError(f"{error}; {remedy}ask fewer questions") from error


def _suffices(drawn: Callable[[int], list[Draft]], count: int) -> bool:
    try:
        drawn(count)
    except _SpentError:
        return False
    return True


def _drafts(table: _Drawing, questions: Sequence[Question], per_question: int, catches: int) -> list[Draft]:
    makers: dict[str, Callable[[_Drawing, int], list[Draft]]] = {
        REAL: _real, OLDER: _older, DISEASE: _disease, PREFERENCE: _preference,
    }
    drafts = [draft for question in questions for draft in makers[question.name](table, per_question)]
    if any(question.name == REAL for question in questions):
        labels = [table.classes[index % len(table.classes)] for index in range(catches)]
        drafts += [_single(StudyImage("noise", table.deck.scan(label)), catch=True) for label in labels]
    return drafts


def _real(table: _Drawing, count: int) -> list[Draft]:
    """Half generated images, as many of each run, and half real scans, the same classes on both sides."""
    made = [
        _single(StudyImage("result", table.deck.case(label).id, run))
        for run, label in _dealt(count // 2, range(table.runs), table.classes)
    ]
    scans = [
        _single(StudyImage("scan", table.deck.scan(label)))
        for _, label in _dealt(count - count // 2, range(1), table.classes)
    ]
    return made + scans


def _single(picture: StudyImage, catch: bool = False) -> Draft:
    return Draft(REAL, "Is this a real scan or a generated image?", (picture,), catch=catch)


def _older(table: _Drawing, count: int) -> list[Draft]:
    """A source and its result, or, as a control, a source and the same subject's true image at the other age."""
    drafts = []
    for run, label in _dealt(count, _arms(table), table.classes):
        case = table.deck.case(label)
        before, after = _pair(case, run)
        later = float(case.attributes["age"]) > float((case.source_attributes or {})["age"])
        pictures = (after, before) if later else (before, after)
        drafts.append(Draft(OLDER, "The same person at two ages: choose the later one.", pictures))
    return drafts


def _disease(table: _Drawing, count: int) -> list[Draft]:
    """A source and its result where the task edits the class, else two images asked for with different classes."""
    spec, edit = table.data.task, table.data.task.edit
    edited = edit is not None and edit.attribute == spec.data.class_attribute
    others = [label for label in table.classes if label != table.neutral]
    drafts: list[Draft] = []
    for run, label in _dealt(count, _arms(table), table.classes if edited else others):
        if edited and (run is not None or table.data.truth is not None):
            case = table.deck.case(label)
            before, after = _pair(case, run)
            shown, pictures = label, (after, before)
            if label == table.neutral:
                shown = str((case.source_attributes or {})[spec.data.class_attribute])
                pictures = (before, after)
        else:
            shown = label if label != table.neutral else others[len(drafts) % len(others)]
            pictures = (_of_class(table, run, shown), _of_class(table, run, table.neutral))
        word = _worded(spec.protocol.words, spec.data.class_attribute, shown)
        drafts.append(Draft(DISEASE, f"Which of the two shows {word} ({spec.data.class_attribute})?", pictures))
    return drafts


def _of_class(table: _Drawing, run: int | None, label: str) -> StudyImage:
    if run is None:
        return StudyImage("scan", table.deck.scan(label))
    return StudyImage("result", table.deck.case(label).id, run)


def _preference(table: _Drawing, count: int) -> list[Draft]:
    """Two runs' images of one case, each run and each pair of runs equally often."""
    drafts = []
    for pair, label in pairings(count, table.runs, table.classes):
        case = table.deck.case(label)
        first, second = (StudyImage("result", case.id, run) for run in pair)
        source = None if case.source is None else StudyImage("scan", case.id)
        drafts.append(Draft(PREFERENCE, f"Asked for: {_wish(table.data.task, case)}", (first, second), source))
    return drafts


def _wish(task: Task, case: Case) -> str:
    """What was asked for, in attributes: prompts may differ in wording where what they ask doesn't."""
    edit, words, name = case.edit, task.protocol.words, task.data.class_attribute
    if edit is not None:
        before, after = (_worded(words, edit.attribute, value) for value in (edit.source, edit.target))
        return f"the scan before, changed from {edit.attribute} {before} to {after}"
    named = [f"{each}: {case.attributes[each]}" for each in ("age", "sex") if each in case.attributes and each != name]
    return ", ".join([f"{name}: {_worded(words, name, case.attributes[name])}", *named])


def _worded(words: Mapping[str, Mapping[str, str]], attribute: str, value: str | int | float) -> str:
    return words.get(attribute, {}).get(value, value) if isinstance(value, str) else f"{value:g}"


def _pair(case: Case, run: int | None) -> tuple[StudyImage, StudyImage]:
    """Source and result; without a run, source and truth."""
    after = StudyImage("truth", case.id) if run is None else StudyImage("result", case.id, run)
    return StudyImage("scan", case.id), after


def _arms(table: _Drawing) -> list[int | None]:
    """The runs, and None for the control: pairs of nothing but real images, which say what readers can see at all."""
    return [*range(table.runs), None]


def _dealt(count: int, arms: Sequence[Arm], classes: Sequence[str]) -> list[tuple[Arm, str]]:
    """`count` pairs of arm and class: arms equally often to within one, and so are the classes of each arm."""
    size = len(arms)
    return [
        (arms[index % size], classes[(index // size + index % size) % len(classes)]) for index in range(count)
    ]
