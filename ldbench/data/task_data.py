"""What one task hands out: training examples, cases, and, for the scorer alone, the truth.

A card and a data set become objects of `ldbench.api`. No case carries its answer: true images are kept apart, in a
function that no generator is given.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ldbench.api import Case, Dataset, DataSource, Example, Record
from ldbench.data.editing import Editing, answer, check_edit, pairs_by_source, sources_of
from ldbench.data.fresh import is_blind, with_fresh
from ldbench.data.ids import Ids
from ldbench.data.on_demand import ById, OnDemand, picked
from ldbench.data.prepared import PreparedDataset, find
from ldbench.data.scans import balanced, hash_order, image_of, scans_of
from ldbench.errors import CardError, DataError
from ldbench.plugins.blame import blamed, module_of
from ldbench.plugins.kinds import DATASETS
from ldbench.task.card import DataSpec, EditSpec, Task
from ldbench.task.labels import check_labels
from ldbench.task.metric_specs import further_images
from ldbench.task.prompts import check_attributes, named_attributes, prompt_for

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class LazyTrainingSet:
    """A training split whose examples are made when asked for, from nothing but that split's images."""

    records: Sequence[Record]
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
    case, `(3, H, W) float32`, and of its further passes, or None where the kind has no single truth. `editing` makes
    the cases of the further passes.
    """

    task: Task
    dataset: Dataset
    train: LazyTrainingSet
    cases: Sequence[Case]
    evaluation_ids: Sequence[str]
    truth: Callable[[str], torch.Tensor] | None
    editing: Editing | None = None

    @property
    def blind(self) -> bool:
        """Whether a host keeps the true images, so that the task can be run here and not be scored."""
        return is_blind(self.dataset)

    def null_cases(self) -> tuple[Case, ...]:
        """The null edits that composition is measured on; none where the card doesn't ask for it."""
        count = further_images(self.task.metrics, "null")
        return tuple(self.editing.null(case) for case in self._first(count)) if self.editing else ()

    def back_cases(self, results: Mapping[str, torch.Tensor]) -> tuple[Case, ...]:
        """The ways back from `results` (case id to image) that reversibility is measured on; none as above."""
        count = further_images(self.task.metrics, "back")
        return tuple(self.editing.back(case, results[case.id]) for case in self._first(count)) if self.editing else ()

    def validation_ids(self) -> list[str]:
        """The validation scans that an editing task could edit."""
        return sorted(self._validation)

    def validation_cases(self, ids: Sequence[str]) -> list[Case]:
        """The edits of validation scans, for choosing parameters on; their answers are no part of them."""
        return [self._validation[case_id] for case_id in ids]

    @functools.cached_property
    def _validation(self) -> dict[str, Case]:
        return self.editing.validation(self.dataset) if self.editing else {}

    def _first(self, count: int) -> list[Case]:
        """The first of the evaluated cases by hash."""
        ids = sorted(self.evaluation_ids, key=lambda case_id: hash_order("evaluation", case_id))[:count]
        return [self.by_id[case_id] for case_id in ids]

    @functools.cached_property
    def by_id(self) -> Mapping[str, Case]:
        """The cases by their ids."""
        return ById(Ids(case.id for case in self.cases), self.cases)

    def caveat(self) -> str | None:
        """What a result must say of its data: that they are not aligned as the card expects, None where they are."""
        expected = self.task.data.alignment
        got = getattr(self.dataset, "alignment", None)
        if expected is None or got == expected:
            return None
        return (
            f"scans not aligned to {expected} as the card expects (alignment {got or 'unknown'}): scores hold how the "
            "heads lay as well"
        )

    def split_hash(self) -> str:
        """SHA-256 over which images are in which split and role."""
        rows = [f"{r.id}\0{r.subject}\0{r.split}\0{r.role}" for r in self.dataset.records]
        rows += [f"{name}\0{value}" for name, value in sorted(self.task.data.checksums.items())]
        if fresh := self.task.data.fresh:
            rows += [f"fresh\0{name}\0{value}" for name, value in sorted(fresh.checksums.items())]
        if isinstance(self.dataset, PreparedDataset):  # the manifest holds a hash of every image
            rows.append(self.dataset.manifest_sha256)
        return hashlib.sha256("\n".join(rows).encode()).hexdigest()

    def test_scans(self) -> tuple[torch.Tensor, list[str]]:
        """The real test images of the task's classes, `(N, 3, H, W) float32`, and the class of each."""
        return self._stack(self.of_classes("test"))

    def training_scans(self) -> tuple[torch.Tensor, list[str]]:
        """The real training images of the task's classes, `(N, 3, H, W) float32`, and the class of each."""
        return self._stack(self.of_classes("train"))

    def of_classes(self, split: str) -> Sequence[Record]:
        """The scans of a split that belong to one of the card's classes."""
        name, classes = self.task.data.class_attribute, self.task.data.classes
        return scans_of(self.dataset, split, lambda scan: scan.attributes[name] in classes)

    def seen(self) -> Sequence[Record]:
        """All scans that a generator may have learnt from."""
        return self.dataset.only("train").records if self.editing else self.train.records

    def subjects(self, ids: Collection[str]) -> list[str]:
        """The subject of each case, or scan, of these ids."""
        wanted = set(ids)
        subject_of = {record.id: record.subject for record in self.dataset.records if record.id in wanted}
        return [subject_of[one] for one in ids]

    def _stack(self, records: Sequence[Record]) -> tuple[torch.Tensor, list[str]]:
        import torch

        images = torch.stack([image_of(self.dataset, record) for record in records])
        return images, [str(record.attributes[self.task.data.class_attribute]) for record in records]


def task_data(task: Task, seed: int) -> TaskData:
    """The data of a task, by its kind; the diverse style draws its templates from the run's `seed`.

    Raises `CardError` if the card names an attribute that the data do not have.
    """
    dataset = load(task.data)
    names = {name for record in dataset.records for name in record.attributes}
    if task.data.class_attribute not in names:
        raise CardError(
            f"{task.id}:data.class_attribute: expected one of {', '.join(sorted(names))}, "
            f"got {task.data.class_attribute!r}"
        )
    check_attributes(task, names)
    check_labels(task.id, task.data.labels, (record.attributes for record in dataset.records))
    _check_size(task, dataset)
    data = _text_to_image(task, dataset, seed) if task.edit is None else _editing(task, task.edit, dataset, seed)
    try:
        for _ in data.cases:  # an attribute that a record lacks is an error here, not where its case is asked for
            pass
    except CardError as error:
        raise CardError(f"{error}{_gaps(task, dataset.records)}") from error
    return data


def _gaps(task: Task, records: Sequence[Record]) -> str:
    """How many images lack each attribute that the card's templates name; "" where none does."""
    lacking = {name: sum(name not in record.attributes for record in records) for name in named_attributes(task)}
    counts = [f"{count} have no {name}" for name, count in lacking.items() if 0 < count < len(records)]
    return f" (of the {len(records)} images, {' and '.join(counts)})" if counts else ""


def _check_size(task: Task, dataset: Dataset) -> None:
    """The card's resolution against the first image: a generator would be blamed for scans of another size."""
    side = task.protocol.resolution
    for height, width in {dataset.size(record) for record in dataset.records[:1]} - {(side, side)}:
        raise CardError(
            f"{task.id}:protocol.resolution: expected the size of {dataset.name}'s images, {height} x {width}, got "
            f"{side}; change the card or prepare the data with --size"
        )


def _text_to_image(task: Task, dataset: Dataset, seed: int) -> TaskData:
    """Cases ask for images with the attributes of training scans, the same number of each class.

    Both the cases and the evaluated ones among them are the first by hash, so a card with fewer cases asks for some
    of those of a card with more, and two cards that evaluate as many images evaluate the same ones.
    """
    scans = scans_of(dataset, "train")
    chosen = picked(scans, balanced(scans, task, task.protocol.cases))
    cases = OnDemand(
        lambda scan: Case(scan.id, prompt_for(task.protocol, scan.id, scan.attributes, seed), scan.attributes), chosen
    )
    seen = dataset.only("train")
    train = LazyTrainingSet(scans_of(seen, "train"), functools.partial(_plain_example, task, seen, seed))
    return TaskData(task, dataset, train, cases, _evaluated(chosen, task), None)


def _evaluated(chosen: Sequence[Record], task: Task) -> Ids:
    """The ids of the cases that are compared with the test scans, sorted."""
    places = balanced(chosen, task, task.protocol.evaluation_cases)
    return Ids(scan.id for scan in picked(chosen, places)).in_order()


def _plain_example(task: Task, dataset: Dataset, seed: int, record: Record) -> Example:
    prompt = prompt_for(task.protocol, record.id, record.attributes, seed)
    return Example(record.id, image_of(dataset, record), prompt, record.attributes)


def _editing(task: Task, edit: EditSpec, dataset: Dataset, seed: int) -> TaskData:
    """Cases turn a test scan into the same subject's image of the card's role; training pairs, where there are any, do
    so too."""
    check_edit(task, edit, dataset)
    editing = Editing(task, edit, seed)
    train = _training(editing, dataset.only("train"))
    if edit.role is None:
        scans = editing.editable(dataset, "test")
        chosen = picked(scans, balanced(scans, task, task.protocol.cases))
        lone_cases = OnDemand(functools.partial(editing.lone_case, dataset), chosen)
        return TaskData(task, dataset, train, lone_cases, _evaluated(chosen, task), None, editing)
    pairs = editing.pairs(dataset, "test")
    places = balanced(sources_of(pairs), task, task.protocol.cases)
    pairs = picked(pairs, places)
    by_source = pairs_by_source(pairs)

    def truth(case_id: str) -> torch.Tensor:
        return image_of(dataset, answer(by_source, case_id))

    cases = OnDemand(functools.partial(editing.case, dataset), pairs)
    return TaskData(task, dataset, train, cases, _evaluated(sources_of(pairs), task), truth, editing)


def load(spec: DataSpec) -> Dataset:
    """The data set that a card names: one that a package ships, or one that the user prepared."""
    source = _source(spec)

    def installed() -> Dataset:
        if source is not None and source.load is not None:
            with blamed(DataError, f"data set {spec.dataset!r}: load", module_of(source.load)):
                return source.load(spec.checksums)
        return find(spec.dataset)

    return installed() if spec.fresh is None else with_fresh(spec, spec.fresh, source, installed)


def network_files(spec: DataSpec) -> Sequence[Path]:
    """Files of feature networks that came with the data set that a card names; none for data of the user's own."""
    source = _source(spec)
    return () if source is None or source.networks is None else source.networks()


def _source(spec: DataSpec) -> DataSource | None:
    return DATASETS.load(spec.dataset) if ":" in spec.dataset or DATASETS.entry(spec.dataset) else None


def _training(editing: Editing, dataset: Dataset) -> LazyTrainingSet:
    pairs = pairs_by_source(editing.pairs(dataset, "train"))

    def make(record: Record) -> Example:
        if record.id in pairs:
            return editing.paired_example(dataset, pairs[record.id])
        return editing.lone_example(dataset, record)

    return LazyTrainingSet(scans_of(dataset, "train", lambda scan: scan.id in pairs or not pairs), make)
