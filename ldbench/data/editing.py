"""Editing tasks' data: which image becomes which, the cases and examples that follow, and, apart, the answers.

A case asks for the same subject's image under another age, diagnosis, finding or sex. Besides the cases there are two
further passes over some of them: the null edit, and the way back from a result. Refuses pairs of two subjects or of
two sizes, targets that differ from their source in nothing, and a younger target where the card doesn't allow one.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from ldbench.api import Attributes, Case, Dataset, Edit, Example, Record
from ldbench.data.ids import Ids
from ldbench.data.on_demand import ById, OnDemand
from ldbench.data.scans import hash_order, image_of, scans_of
from ldbench.data.stored_case import stored_case, unread_source
from ldbench.errors import CardError, DataError
from ldbench.records.run_folder import BACK, NULL
from ldbench.task.card import EditSpec, Task
from ldbench.task.prompts import age_of, instruction_for, prompt_for, sentences_for

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Pair:
    """A scan and the same subject's image after the edit."""

    source: Record
    target: Record


@dataclass(frozen=True)
class Editing:
    """How an editing task turns records into cases and examples in a run of this `seed`."""

    task: Task
    edit: EditSpec
    seed: int

    def pairs(self, dataset: Dataset, split: str) -> Sequence[Pair]:
        """Every pair of a split, by the target's place in the manifest; none where the data have no targets there.

        A target belongs to the scan that it names, or to its subject's only one. Of several targets of one scan the
        last counts.
        """
        records, sources = dataset.records, array("q")
        places = array("q", (place for place, record in enumerate(records) if record.split == split))
        ids, scan_of = Ids(records[place].id for place in places), dict[str, int]()
        target_of = array("q", [-1]) * len(places)
        for place in places:
            target = records[place]
            if target.role != self.edit.role:
                continue
            if target.source is None:
                split_records = enumerate(map(records.__getitem__, places))
                scan_of = scan_of or {one.subject: rank for rank, one in split_records if one.role == "scan"}
                source = scan_of.get(target.subject)
            else:
                source = ids.place(target.source) if target.source in ids else None
            self._check_pair(dataset, None if source is None else records[places[source]], target)
            assert source is not None  # has been checked
            if target_of[source] < 0:
                sources.append(source)
            target_of[source] = place
        before, after = (array("q", map(found.__getitem__, sources)) for found in (places, target_of))
        return OnDemand(lambda pair: Pair(records[before[pair]], records[after[pair]]), range(len(before)))

    def case(self, dataset: Dataset, pair: Pair) -> Case:
        """The case that asks for the pair's target."""
        return self._case(dataset, pair.source, pair.target.attributes)

    def lone_case(self, dataset: Dataset, record: Record) -> Case:
        """The case of an `editable` image, whose answer nobody knows."""
        return self._case(dataset, record, self._wanted(record) or record.attributes)

    def _case(self, dataset: Dataset, record: Record, after: Attributes) -> Case:
        captions = self._caption(record, record.attributes), self._caption(record, after)
        case = Case(
            record.id, self._instruction(record, after), after, None, record.attributes, *captions,
            self._edit(record, after, captions),
        )
        return stored_case(case, partial(image_of, dataset, record))

    def validation(self, dataset: Dataset) -> dict[str, Case]:
        """The cases of the validation split, by id: of its pairs, or where it has none, of its images alone."""
        pairs = self.pairs(dataset, "validation")
        if pairs:
            return {pair.source.id: self.case(dataset, pair) for pair in pairs}
        return {scan.id: self.lone_case(dataset, scan) for scan in self.editable(dataset, "validation")}

    def editable(self, dataset: Dataset, split: str) -> Sequence[Record]:
        """The scans of a split that an edit could be asked of without its answer being known."""
        return scans_of(dataset, split, lambda scan: self._wanted(scan) is not None)

    def null(self, case: Case) -> Case:
        """The case of the null edit: the source's own attributes and caption are asked for."""
        name, before = f"{case.id}.{NULL}", case.source_attributes or {}
        prompt = instruction_for(self.task, self.edit, case.id, before, before, self.seed)
        return replace(
            case, id=name, prompt=prompt, attributes=before, source=unread_source(case),
            target_prompt=case.source_prompt, edit=None,
        )

    def back(self, case: Case, result: torch.Tensor) -> Case:
        """The case that asks a result `(3, H, W)` back into what its source was."""
        before, after = case.source_attributes or {}, case.attributes
        prompt = instruction_for(self.task, self.edit, case.id, after, before, self.seed)
        edit = case.edit and Edit(
            case.edit.attribute, case.edit.target, case.edit.source, case.edit.target_sentences,
            case.edit.source_sentences,
        )
        return Case(
            f"{case.id}.{BACK}", prompt, before, result, after, case.target_prompt, case.source_prompt, edit
        )

    def paired_example(self, dataset: Dataset, pair: Pair) -> Example:
        """A training pair."""
        before, after = pair.source, pair.target.attributes
        prompt = self._instruction(before, after)
        return Example(
            before.id, image_of(dataset, pair.target), prompt, after, image_of(dataset, before), before.attributes,
            self._caption(before, before.attributes), self._caption(before, after), prompt,
        )

    def lone_example(self, dataset: Dataset, record: Record) -> Example:
        """A training image without a partner, with its caption and the one after the edit that a case would ask for."""
        caption, after = self._caption(record, record.attributes), self._wanted(record)
        if after is None:
            return Example(record.id, image_of(dataset, record), caption, record.attributes)
        return Example(
            record.id, image_of(dataset, record), caption, record.attributes, None, None, caption,
            self._caption(record, after), self._instruction(record, after),
        )

    def _check_pair(self, dataset: Dataset, source: Record | None, target: Record) -> None:
        name, what = self.edit.attribute, f"{self.task.id}: pair of {target.id!r}"
        if source is None or source.subject != target.subject:
            got = "none" if source is None else f"one of {source.subject!r}"
            raise DataError(
                f"{what}: expected a scan of the same subject, {target.subject!r}, got {got}; correct the manifest"
            )
        before, after = source.attributes.get(name), target.attributes.get(name)
        if before is None or after is None:
            raise DataError(f"{what}: expected a known {name} of both images, got a blank one; drop the pair")
        if before == after:
            raise DataError(f"{what}: expected another {name} than its source's, got {after!r} in both")
        ages = [age_of(each.attributes, what) for each in (source, target)] if name == "age" else [0.0, 0.0]
        if ages[1] < ages[0] and not self.edit.younger:
            raise DataError(
                f"{what}: expected an age of {before} or more, got {after}; drop the pair or set edit.younger = true"
            )
        sizes = [dataset.size(record) for record in (source, target)]
        if sizes[0] != sizes[1]:
            raise DataError(f"{what}: expected {sizes[0]} pixels, its source's size, got {sizes[1]}; resize it")

    def _caption(self, record: Record, attributes: Attributes) -> str:
        """The wording is drawn by the source's id, so that both captions of a case differ in the attributes alone."""
        return prompt_for(self.task.protocol, record.id, attributes, self.seed)

    def _instruction(self, source: Record, after: Attributes) -> str:
        return instruction_for(self.task, self.edit, source.id, source.attributes, after, self.seed)

    def _edit(self, source: Record, after: Attributes, captions: tuple[str, str]) -> Edit:
        name = self.edit.attribute
        values = source.attributes[name], after[name]
        if self.edit.sentences:
            sentences = tuple(sentences_for(self.task, self.edit, value) for value in values)
        else:
            sentences = tuple((caption,) for caption in captions)
        return Edit(name, *values, *sentences)

    def _wanted(self, record: Record) -> Attributes | None:
        """What a training image would be turned into: from the neutral class into another, from others into it."""
        name, classes, neutral = self.edit.attribute, self.task.data.classes, self.edit.neutral
        if neutral is None or record.attributes.get(name) not in classes:
            return None
        others = [label for label in classes if label != neutral]
        drawn = int(hash_order("edit", record.id)[:8], 16) % len(others)
        return {**record.attributes, name: others[drawn] if record.attributes[name] == neutral else neutral}


def check_edit(task: Task, edit: EditSpec, dataset: Dataset) -> None:
    """`CardError` where the data know no such attribute or role."""
    attributes = {name for record in dataset.records for name in record.attributes}
    roles = {record.role for record in dataset.records} - {"scan"}
    for key, value, names in (("attribute", edit.attribute, attributes), ("role", edit.role, roles)):
        if value is not None and value not in names:
            expected = f"one of {', '.join(sorted(names))}" if names else "no role, as the data have scans alone"
            raise CardError(f"{task.id}:edit.{key}: expected {expected}, got {value!r}")


def sources_of(pairs: Sequence[Pair]) -> Sequence[Record]:
    """The scan of each pair."""
    return OnDemand(lambda pair: pair.source, pairs)


def pairs_by_source(pairs: Sequence[Pair]) -> Mapping[str, Pair]:
    """The pairs by the ids of their scans."""
    return ById(Ids(scan.id for scan in sources_of(pairs)), pairs)


def answer(pairs: Mapping[str, Pair], case_id: str) -> Record:
    """The true image of a case of these pairs, of its null edit or of its way back; KeyError for another id."""
    for name in (NULL, BACK):
        source = case_id.removesuffix(f".{name}")
        if source != case_id and source in pairs:
            return pairs[source].source
    return pairs[case_id].target
