"""Which images belong together in one run, as sets that are read by rows (`ldbench.api.LazyInputs`).

Under `grey-as-rgb` results, sources and truths are averaged over their channels alike, or round-off would take a copy
for a change.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal

from ldbench.api import Attributes, Case, ImageSet, Record, SetName
from ldbench.data.ids import Ids
from ldbench.data.on_demand import ById
from ldbench.data.prepared import PreparedDataset
from ldbench.data.scans import image_of
from ldbench.data.stored_case import unread_source
from ldbench.data.task_data import TaskData
from ldbench.errors import MetricError
from ldbench.records.run_folder import FURTHER_PASSES
from ldbench.score.image_sets import DerivedSet, StoredSet
from ldbench.score.metrics.intervals import Subjects, numbered

if TYPE_CHECKING:
    import torch

    from ldbench.data.stored_images import StoredImages

Images = Mapping[str, "torch.Tensor"]
LabelledSet = Literal["generated", "all_generated", "training_scans", "test_scans"]
_READERS = 2  # threads for data whose reading is known to bear them


@dataclass(frozen=True)
class TaskImages:
    """The images of a run and of its task by id, each read when asked for; `results` and `passes` are the run's."""

    data: TaskData
    results: Images
    passes: Mapping[str, Images]

    @property
    def cases(self) -> Mapping[str, Case]:
        """All cases by id."""
        return self.data.by_id

    @cached_property
    def sources(self) -> Images:
        """The image that each case edits; `MetricError` where a case has none."""
        task = self.data.task
        if any(unread_source(case) is None for case in self.cases.values()):
            raise MetricError(f"{task.id}: a metric of the card needs sources, which {task.kind} has not; drop it")
        return self.averaged(self._stored(self.cases, self._source))

    @cached_property
    def stored_truths(self) -> Images:
        """The true image of each evaluation case, as it is stored; `MetricError` where nobody knows it."""
        task, truth = self.data.task, self.data.truth
        if truth is None:
            raise MetricError(f"{task.id}: a metric of the card needs true images, which {task.kind} has not; drop it")
        return self._stored(self.data.evaluation_ids, truth)

    @cached_property
    def truths(self) -> Images:
        """The true images, averaged over channels where the card averages the results."""
        return self.averaged(self.stored_truths)

    @cached_property
    def reference(self) -> tuple[Images, Sequence[str]]:
        """What distributions are compared with, and in which order: truths as they are stored, else the test scans."""
        if self.data.truth is None:
            return self.scans("test")
        return self.stored_truths, self.data.evaluation_ids

    def scans(self, split: str) -> tuple[Images, Sequence[str]]:
        """The scans of a split that belong to one of the card's classes, and their order."""
        return self._of_records[split]

    @cached_property
    def _of_records(self) -> Mapping[str, tuple[Images, Sequence[str]]]:
        return {split: self._records(self.data.of_classes(split)) for split in ("train", "test")}

    @cached_property
    def seen(self) -> tuple[Images, Sequence[str]]:
        """All real images that a generator may have learnt from, and their order."""
        return self._records(self.data.seen())

    def subjects(self, images: SetName) -> Subjects:
        """The subject of each image of a set, `(n,)`; None where no two share one."""
        if images not in self._subjects:
            self._subjects[images] = numbered(self.data.subjects(self._ids(images)))
        return self._subjects[images]

    @cached_property
    def _subjects(self) -> dict[str, Subjects]:
        """Subjects by set: each metric asks for the same ones, and the whole manifest is read for them."""
        return {}

    def _ids(self, images: SetName) -> Sequence[str]:
        if images in FURTHER_PASSES:
            return Ids(self.passes[images]).in_order()
        if images == "generated":
            return self.data.evaluation_ids
        return self.reference[1] if images == "real" else self.scans("test")[1]

    def attributes(self, images: LabelledSet) -> Iterator[Attributes]:
        """What each image of a set shows, or was to show, in the order of the set."""
        splits = {"training_scans": "train", "test_scans": "test"}
        if images in splits:
            return (record.attributes for record in self.data.of_classes(splits[images]))
        order = self.data.evaluation_ids if images == "generated" else Ids(self.results).in_order()
        return (self.cases[one].attributes for one in order)

    def averaged(self, images: Images) -> Images:
        """The images averaged over their channels where the card averages the results."""
        return averaged(images) if self.data.task.protocol.channels == "grey-as-rgb" else images

    def _source(self, case_id: str) -> torch.Tensor:
        source = self.cases[case_id].source
        assert source is not None
        return source

    def _records(self, records: Sequence[Record]) -> tuple[Images, Sequence[str]]:
        by_id = ById(Ids(record.id for record in records), records)
        return self._stored(by_id, lambda record_id: image_of(self.data.dataset, by_id[record_id])), by_id.ids

    def _stored(self, ids: Collection[str], read: Callable[[str], torch.Tensor]) -> StoredImages:
        from ldbench.data.stored_images import StoredImages

        return StoredImages(ids, read, threads=_READERS if isinstance(self.data.dataset, PreparedDataset) else 0)


@dataclass(frozen=True)
class TaskSets:
    """The `ldbench.api.LazyInputs` of one run; `seen` is what viewing conditions do to each batch of images."""

    images: TaskImages
    seen: Callable[[torch.Tensor], torch.Tensor] | None = None

    @cached_property
    def generated(self) -> ImageSet:
        """The images of the evaluation cases."""
        return self._set(self.images.results, self._evaluated)

    @cached_property
    def real(self) -> ImageSet:
        """The true images of an editing task's evaluation cases, else the test scans."""
        return self._set(*self.images.reference)

    @cached_property
    def sources(self) -> ImageSet:
        """The images that were edited, one an evaluation case."""
        return self._set(self.images.sources, self._evaluated)

    @cached_property
    def truths(self) -> ImageSet:
        """The true images, one an evaluation case, averaged over channels where the card averages the results."""
        return self._set(self.images.truths, self._evaluated)

    @cached_property
    def stored_truths(self) -> ImageSet:
        """The true images as they are stored."""
        return StoredSet(self.images.stored_truths, self._evaluated)

    @cached_property
    def region(self) -> ImageSet | None:
        """Where truth says that the image must change, rows `(n, H, W) bool`; None where there is no truth."""
        from ldbench.score.metrics.region import changed_region

        data = self.images.data
        if data.truth is None or data.task.edit is None:
            return None
        found = partial(changed_region, threshold=data.task.edit.region_threshold, margin=data.task.edit.region_margin)
        plain = (StoredSet(images, self._evaluated) for images in (self.images.sources, self.images.truths))
        return DerivedSet(found, tuple(plain))

    def seen_scans(self) -> tuple[ImageSet, tuple[str, ...]]:
        """All real images that a generator may have learnt from, with their ids."""
        images, ids = self.images.seen
        return self._set(images, ids), tuple(ids)

    def all_generated(self) -> tuple[ImageSet, list[str]]:
        """All images of the run with their classes, in the order of their ids."""
        order, name = Ids(self.images.results).in_order(), self.images.data.task.data.class_attribute
        return self._set(self.images.results, order), [str(self.images.cases[one].attributes[name]) for one in order]

    def training_scans(self) -> tuple[ImageSet, list[str]]:
        """The real training images with their classes."""
        return self._scans("train")

    def test_scans(self) -> tuple[ImageSet, list[str]]:
        """The real test images with their classes."""
        return self._scans("test")

    def further(self, name: Literal["null", "back"]) -> tuple[ImageSet, ImageSet]:
        """Images of a further pass, with the sources of their cases, in the order of the cases' ids."""
        order = Ids(self.images.passes[name]).in_order()
        return self._set(self.images.passes[name], order), self._set(self.images.sources, order)

    @property
    def _evaluated(self) -> Sequence[str]:
        return self.images.data.evaluation_ids

    def _scans(self, split: str) -> tuple[ImageSet, list[str]]:
        name = self.images.data.task.data.class_attribute
        labels = [str(record.attributes[name]) for record in self.images.data.of_classes(split)]
        return self._set(*self.images.scans(split)), labels

    def _set(self, images: Images, ids: Sequence[str]) -> ImageSet:
        return StoredSet(images, ids, self.seen)


def averaged(images: Images) -> StoredImages:
    """Every image averaged over its channels, when it is asked for."""
    from ldbench.data.stored_images import StoredImages

    threads = images.threads if isinstance(images, StoredImages) else 0
    return StoredImages(images, lambda case_id: grey_as_rgb(images[case_id]), threads=threads, room=0)


def grey_as_rgb(image: torch.Tensor) -> torch.Tensor:
    """The mean over channels, repeated: `(3, H, W)` to `(3, H, W)`; a grey image comes back but for rounding."""
    return image.mean(0, keepdim=True).expand(3, -1, -1)
