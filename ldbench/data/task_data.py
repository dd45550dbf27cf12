"""What one task hands out: training examples, cases, and, for the scorer alone, the truth.

Turns a card and a data set into the objects of `ldbench.api`. Refuses to let a case carry its answer: truths
live in a mapping of their own that no generator is given.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ldbench.api import Attributes, Case, Example
from ldbench.card import Task
from ldbench.data.frozen import FrozenDataset, Record, load
from ldbench.errors import CardError, DataError
from ldbench.prompts import check_attributes, prompt_for

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class LazyTrainingSet:
    """A training split whose examples are made when asked for."""

    records: tuple[Record, ...]
    make: Callable[[Record], Example]

    def __len__(self) -> int:
        """Number of training examples."""
        return len(self.records)

    def __getitem__(self, index: int) -> Example:
        """The example at `index`."""
        return self.make(self.records[index])


@dataclass(frozen=True)
class TaskData:
    """Everything a run of a task needs from its data.

    `evaluation_ids` are the cases compared with the test scans; `truth` gives the true image of an editing
    case, `(3, H, W) float32`, or None where the kind has no single truth.
    """

    task: Task
    dataset: FrozenDataset
    train: LazyTrainingSet
    cases: tuple[Case, ...]
    evaluation_ids: tuple[str, ...]
    truth: Callable[[str], torch.Tensor] | None

    def split_hash(self) -> str:
        """SHA-256 over which images are in which split and role."""
        rows = [f"{r.id}\0{r.subject}\0{r.split}\0{r.role}" for r in self.dataset.records]
        rows += [f"{name}\0{value}" for name, value in sorted(self.task.data.checksums.items())]
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()

    def test_scans(self) -> tuple[torch.Tensor, list[str]]:
        """The real test images of the task's classes, `(N, 3, H, W) float32`, and the class of each."""
        return self._stack(self.of_classes("test"))

    def distribution_reference(self) -> torch.Tensor:
        """What FID and KID compare with: the true images of an editing task's evaluation cases, else the test scans."""
        import torch

        if self.truth is None:
            return self.test_scans()[0]
        return torch.stack([self.truth(case_id) for case_id in self.evaluation_ids])

    def of_classes(self, split: str) -> list[Record]:
        """The scans of a split that belong to one of the card's classes."""
        name, classes = self.task.data.class_attribute, self.task.data.classes
        return [record for record in self.dataset.select(split) if record.attributes[name] in classes]

    def _stack(self, records: Sequence[Record]) -> tuple[torch.Tensor, list[str]]:
        import torch

        images = torch.stack([torch.from_numpy(self.dataset.image(record)) for record in records])
        return images, [str(record.attributes[self.task.data.class_attribute]) for record in records]


def task_data(task: Task, seed: int) -> TaskData:
    """The data of a task, by its kind; the diverse style draws its templates from the run's `seed`.

    Raises `CardError` if the card names an attribute that the data do not have.
    """
    dataset = load(task.data)
    known = {name for record in dataset.records for name in record.attributes}
    if task.data.class_attribute not in known:
        raise CardError(
            f"{task.id}:data.class_attribute: expected one of {', '.join(sorted(known))}, "
            f"got {task.data.class_attribute!r}"
        )
    if task.kind == "text-to-image":
        check_attributes(task, known)
        return _text_to_image(task, dataset, seed)
    check_attributes(task, [f"{side}_{name}" for side in ("source", "target") for name in known])
    return _editing(task, dataset, "later" if task.kind == "aging" else "other", seed)


def _text_to_image(task: Task, dataset: FrozenDataset, seed: int) -> TaskData:
    """Cases ask for images with the attributes of training scans, the same number of each class.

    Both the cases and the evaluated ones among them are the first by hash, so a card with fewer cases asks for some
    of those of a card with more, and two cards that evaluate as many images evaluate the same ones.
    """
    name, per_class = task.data.class_attribute, task.protocol.cases // len(task.data.classes)
    evaluated = task.protocol.evaluation_cases // len(task.data.classes)
    chosen: list[Record] = []
    evaluation: list[str] = []
    for label in task.data.classes:
        scans = [record for record in dataset.select("train") if record.attributes[name] == label]
        if len(scans) < per_class:
            raise DataError(f"{task.id}: the card asks for {per_class} {label} cases, the data have {len(scans)}")
        scans.sort(key=lambda record: _hash_order(record.id))
        chosen += scans[:per_class]
        evaluation += [record.id for record in scans[:evaluated]]
    # one class after the other would leave the rare remainder batch to a single class: interleave by hash
    chosen.sort(key=lambda record: _hash_order(record.id))
    cases = tuple(
        Case(record.id, prompt_for(task.protocol, record.id, record.attributes, seed), record.attributes)
        for record in chosen
    )
    train = LazyTrainingSet(tuple(dataset.select("train")), functools.partial(_plain_example, task, dataset, seed))
    return TaskData(task, dataset, train, cases, tuple(sorted(evaluation)), None)


def _plain_example(task: Task, dataset: FrozenDataset, seed: int, record: Record) -> Example:
    import torch

    prompt = prompt_for(task.protocol, record.id, record.attributes, seed)
    return Example(record.id, torch.from_numpy(dataset.image(record)), prompt, record.attributes)


def _editing(task: Task, dataset: FrozenDataset, role: str, seed: int) -> TaskData:
    """Cases turn a test scan into the same subject's image of `role`; training pairs do so on training scans."""
    import torch

    targets = {record.subject: record for record in dataset.select("test", role)}
    sources = [record for record in dataset.select("test") if record.subject in targets][: task.protocol.cases]
    if len(sources) < task.protocol.cases:
        raise DataError(f"{task.id}: the card asks for {task.protocol.cases} cases, the data have {len(sources)}")
    answers = {source.id: targets[source.subject] for source in sources}

    def truth(case_id: str) -> torch.Tensor:
        return torch.from_numpy(dataset.image(answers[case_id]))

    cases = tuple(
        Case(
            source.id, _edit_prompt(task, source, answers[source.id], seed), answers[source.id].attributes,
            torch.from_numpy(dataset.image(source)), source.attributes,
        )
        for source in sources
    )
    pairs = {record.subject: record for record in dataset.select("train", role)}
    records = tuple(record for record in dataset.select("train") if record.subject in pairs or not pairs)
    train = LazyTrainingSet(records, functools.partial(_pair_example, task, dataset, seed, pairs))
    evaluation = tuple(sorted(answers, key=_hash_order)[: task.protocol.evaluation_cases])
    return TaskData(task, dataset, train, cases, evaluation, truth)


def _pair_example(
    task: Task, dataset: FrozenDataset, seed: int, pairs: Mapping[str, Record], record: Record
) -> Example:
    import torch

    if record.subject not in pairs:
        return _plain_example(task, dataset, seed, record)
    target = pairs[record.subject]
    return Example(
        target.id, torch.from_numpy(dataset.image(target)), _edit_prompt(task, record, target, seed), target.attributes,
        torch.from_numpy(dataset.image(record)), record.attributes,
    )


def _edit_prompt(task: Task, source: Record, target: Record, seed: int) -> str:
    attributes: Attributes = {
        **{f"source_{name}": value for name, value in source.attributes.items()},
        **{f"target_{name}": value for name, value in target.attributes.items()},
    }
    return prompt_for(task.protocol, source.id, attributes, seed)


def _hash_order(image_id: str) -> str:
    return hashlib.sha256(f"evaluation\0{image_id}".encode()).hexdigest()
