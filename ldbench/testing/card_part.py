"""A small part of a card's own data in the miniature's place: its size, its attributes and its words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import zip_longest

from ldbench.api import Case, Record
from ldbench.data.scans import hash_order
from ldbench.data.stored_case import loaded
from ldbench.data.task_data import TaskData
from ldbench.task.card import DataSpec
from ldbench.testing.miniature import CASES, TRAIN, Miniature


def part_of(data: TaskData) -> Miniature:
    """16 training examples and the task's first 6 cases; always the same.

    All images are read here, so that no file of the task needs to be open while a generator runs. Where cases carry the
    ids of training images, as those of a text-to-image task do, these images are among the examples. So is, of each
    case, the other example that is most like it in what is asked for: among two, a seed has something to draw. The
    others are of one class after the other.
    """
    cases = tuple(map(loaded, data.cases[:CASES]))
    answers = {case.id: data.truth(case.id) for case in cases} if data.truth else {}
    places = _places(data.train.records, data.task.data, cases)
    return Miniature(tuple(data.train[place] for place in places), cases, answers, of_card=True)


def _places(records: Sequence[Record], spec: DataSpec, cases: Sequence[Case]) -> list[int]:
    """Places of the cases' own records, of those most like them, then of others by turns from each class."""
    by_hash = sorted(range(len(records)), key=lambda place: hash_order("check", records[place].id))
    of_class = defaultdict[object, list[int]](list)
    for place in by_hash:
        of_class[records[place].attributes.get(spec.class_attribute)].append(place)
    mixed = [place for by_turns in zip_longest(*of_class.values()) for place in by_turns if place is not None]
    ids = {case.id for case in cases}
    own = [place for place in mixed if records[place].id in ids]
    return list(dict.fromkeys([*own, *_alike(records, by_hash, spec, cases), *mixed]))[:TRAIN]


def _alike(records: Sequence[Record], order: Sequence[int], spec: DataSpec, cases: Sequence[Case]) -> list[int]:
    """For each case the first place in `order` of the other record that is most like it: in class, then in the number
    of equal labels, then of all equal attributes."""
    found = dict[int, tuple[tuple[bool, int, int], int]]()
    ids = {case.id for case in cases}
    for place in order:
        record = records[place]  # read once: a large set's lie on disk
        if record.id in ids:
            continue
        for number, case in enumerate(cases):
            equal = {name for name, value in case.attributes.items() if record.attributes.get(name) == value}
            likeness = (spec.class_attribute in equal, len(equal.intersection(spec.labels)), len(equal))
            if number not in found or likeness > found[number][0]:
                found[number] = likeness, place
    return [place for _, place in found.values()]
