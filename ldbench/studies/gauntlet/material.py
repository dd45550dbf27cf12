"""What a task's data give to the gauntlet: perfect images, and the scans that failures are made of.

For text to image the perfect images are real scans of the validation split, which no generator has learnt from and no
metric compares with; the cases ask for just these scans, so that a metric of attributes finds them right. For edits
they are the true images.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from ldbench.api import Attributes, Case, Dataset, Record
from ldbench.data.scans import balanced, hash_order, image_of, scans_of
from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import DataError, LdbenchError, UsageError
from ldbench.score.lazy_inputs import averaged
from ldbench.studies.gauntlet.failure import Images, Indices, Material
from ldbench.task import card
from ldbench.task.labels import values_of
from ldbench.task.prompts import prompt_for

_ELSEWHERE = 200  # images of another data set
_NEAREST = 10  # another subject is drawn from so many of the nearest, where the edit changes a number


@dataclass(frozen=True)
class Course:
    """The data whose evaluation cases the perfect images answer, in the order of `Material.perfect`, and the material.

    `control` says what the perfect images are: "fresh real scans" or "true images".
    """

    data: TaskData
    material: Material
    control: str


@dataclass(frozen=True)
class StoredScans:
    """Scans of a data set, read when asked for: a training split of a clinical data set does not fit in memory."""

    dataset: Dataset
    records: Sequence[Record]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.records)

    def __getitem__(self, rows: Indices) -> Images:
        """The images of some indices, `(n, 3, H, W) float32 in [0, 1]`."""
        return np.stack([image_of(self.dataset, self.records[row]).numpy() for row in rows])


def course_of(task: card.Task, seed: int, cases: int | None = None) -> Course:
    """The course of a task over at most `cases` images; reads the images.

    Raises `UsageError` for an edit whose truth nobody knows, and `DataError` where there are no fresh scans.
    """
    data = task_data(task, seed)
    if task.edit is None:
        return _text_to_image(data, seed, cases)
    if data.truth is None:
        raise UsageError(
            f"{task.id}: expected a task with known true images, as failures of edits are made of them, got an edit "
            "without edit.role; run the gauntlet on a sandbox task of this kind"
        )
    return _editing(data, cases)


def _text_to_image(data: TaskData, seed: int, cases: int | None) -> Course:
    task = data.task
    scans = data.of_classes("validation")
    control = "fresh real scans (validation)"
    count = _fewest(data, scans, cases)
    if count < 2:
        asked = {case.id for case in data.cases}
        scans = [scan for scan in data.of_classes("train") if scan.id not in asked]
        control, count = "fresh real scans (training scans that no case asks for)", _fewest(data, scans, cases)
    if count < 2:
        raise DataError(
            f"{task.id}: expected two validation scans of each class, or training scans that no case asks for, as the "
            "perfect images of the gauntlet; prepare the data with a validation split"
        )
    places = balanced(scans, task, count * len(task.data.classes))
    chosen = sorted((scans[place] for place in places), key=lambda scan: scan.id)
    asked_for = tuple(
        Case(scan.id, prompt_for(task.protocol, scan.id, scan.attributes, seed), scan.attributes) for scan in chosen
    )
    fresh = replace(data, cases=asked_for, evaluation_ids=tuple(case.id for case in asked_for))
    return Course(fresh, _material(fresh, _stored(data, chosen), elsewhere=elsewhere(task, seed)), control)


def _fewest(data: TaskData, scans: Sequence[Record], cases: int | None) -> int:
    """How many scans of each class there are to take."""
    name, classes = data.task.data.class_attribute, data.task.data.classes
    of_class = [sum(scan.attributes[name] == label for scan in scans) for label in classes]
    most = data.task.protocol.evaluation_cases if cases is None else cases
    return min(*of_class, most // len(classes))


def _editing(data: TaskData, cases: int | None) -> Course:
    ids = sorted(data.evaluation_ids, key=lambda case_id: hash_order("evaluation", case_id))[:cases]
    data = replace(data, evaluation_ids=tuple(sorted(ids)))
    assert data.truth is not None
    truths = np.stack([data.truth(case_id).numpy() for case_id in data.evaluation_ids])
    asked = [data.by_id[case_id] for case_id in data.evaluation_ids]
    sources = np.stack([case.source.numpy() for case in asked if case.source is not None])
    return Course(data, _material(data, truths, sources=sources, subjects=_other_subjects(data, asked)), "true images")


def _material(
    data: TaskData, perfect: Images, *, sources: Images | None = None, subjects: Images | None = None,
    elsewhere: Images | None = None,
) -> Material:
    name = data.task.data.class_attribute
    train, test = (StoredScans(data.dataset, data.of_classes(split)) for split in ("train", "test"))
    of_cases = [data.by_id[case_id].attributes for case_id in data.evaluation_ids]
    of_scans = [scan.attributes for scan in train.records]
    return Material(
        perfect=perfect, labels=tuple(str(one[name]) for one in of_cases), train=train,
        train_labels=tuple(str(one[name]) for one in of_scans), test=test, sources=sources, subjects=subjects,
        elsewhere=elsewhere, asked=_with_labels(data.task, of_cases), train_shown=_with_labels(data.task, of_scans),
    )


def _with_labels(task: card.Task, attributes: Sequence[Attributes]) -> tuple[str, ...]:
    """The class of each image with its labels, as one text; nothing where the card has no labels."""
    if not task.data.labels:
        return ()
    columns = values_of(task.data.labels, attributes).values()
    classes = [one[task.data.class_attribute] for one in attributes]
    return tuple(f"{one}: {values}" for one, *values in zip(classes, *columns, strict=True))


def _other_subjects(data: TaskData, asked: Sequence[Case]) -> Images:
    """For each case a training scan of its class; where the edit changes a number, one of the nearest in it.

    Cases that age have subjects of classes that the card does not name, too.
    """
    name = data.task.data.class_attribute
    edited = data.task.edit.attribute if data.task.edit is not None else name
    members: dict[str, list[Record]] = {}
    for scan in scans_of(data.dataset, "train"):
        members.setdefault(str(scan.attributes[name]), []).append(scan)

    def subject(case: Case) -> Record:
        wanted = case.attributes[edited]
        near = sorted(members[str(case.attributes[name])], key=lambda scan: hash_order(case.id, scan.id))
        if not isinstance(wanted, str):
            near = sorted(near, key=lambda scan: abs(float(scan.attributes.get(edited, math.inf)) - float(wanted)))
            near = near[:_NEAREST]
        return min(near, key=lambda scan: hash_order(case.id, scan.id))

    return _stored(data, [subject(case) for case in asked])


def elsewhere(task: card.Task, seed: int) -> Images | None:
    """Scans of the first installed task on another data set with images of this size; None without any."""
    for name in card.task_names():
        other = card.load(name)
        if other.data.dataset == task.data.dataset or other.protocol.resolution != task.protocol.resolution:
            continue
        try:
            data = task_data(other, seed)
        except LdbenchError:  # data that the user has not prepared
            continue
        return _stored(data, sorted(data.of_classes("train"), key=_by_hash)[:_ELSEWHERE])
    return None


def _by_hash(scan: Record) -> str:
    return hash_order("elsewhere", scan.id)


def _stored(data: TaskData, records: Sequence[Record]) -> Images:
    return np.stack([data.dataset.image(record) for record in records])


def as_images(course: Course, images: Images) -> Mapping[str, torch.Tensor]:
    """Images by their cases' ids, to the 8 bits that a PNG keeps, averaged over channels where the card says so."""
    levels = torch.from_numpy(np.rint(np.clip(images, 0, 1) * np.float32(255))) / 255
    by_id = dict(zip(course.data.evaluation_ids, levels, strict=True))
    return averaged(by_id) if course.data.task.protocol.channels == "grey-as-rgb" else by_id
