"""A small part of a card's own data in the miniature's place: its size, its attributes and its words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import zip_longest

from ldbench.api import Record
from ldbench.data.scans import hash_order
from ldbench.data.task_data import TaskData
from ldbench.testing.miniature import CASES, TRAIN, Miniature


def part_of(data: TaskData) -> Miniature:
    """16 training examples, a class after the other, and the task's first 6 cases; always the same.

    All images are read here, so that no file of the task needs to be open while a generator runs. Where cases carry the
    ids of training images, as those of a text-to-image task do, these images are among the examples.
    """
    cases = tuple(data.cases[:CASES])
    places = _places(data.train.records, data.task.data.class_attribute, {case.id for case in cases})
    answers = {case.id: data.truth(case.id) for case in cases} if data.truth else {}
    return Miniature(tuple(data.train[place] for place in places), cases, answers, of_card=True)


def _places(records: Sequence[Record], class_attribute: str, first: set[str]) -> list[int]:
    """Places of the records whose ids come first, then of others by turns from each class, by a hash of their ids."""
    of_class = defaultdict[object, list[int]](list)
    for place in sorted(range(len(records)), key=lambda place: hash_order("check", records[place].id)):
        of_class[records[place].attributes.get(class_attribute)].append(place)
    mixed = [place for by_turns in zip_longest(*of_class.values()) for place in by_turns if place is not None]
    return sorted(mixed, key=lambda place: records[place].id not in first)[:TRAIN]
