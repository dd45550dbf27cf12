"""Which scans a task takes: as many of each class, the first by hash, whatever else there is."""

from __future__ import annotations

import pytest

from ldbench.api import Record
from ldbench.data.scans import balanced, hash_order, image_of
from ldbench.errors import DataError
from ldbench.task import card

TASK = card.load("sandbox-brain-t2i")
CLASSES = TASK.data.classes


def scans(*labels: str) -> list[Record]:
    return [Record(f"i{n}", f"s{n}", "train", "scan", {"diagnosis": label}, n) for n, label in enumerate(labels)]


def test_as_many_of_each_class_come_in_the_order_of_their_hashes() -> None:
    found = scans(*(*CLASSES, "elsewhere") * 6)
    chosen = [found[place] for place in balanced(found, TASK, 4 * len(CLASSES))]
    assert chosen == sorted(chosen, key=lambda scan: hash_order("evaluation", scan.id))
    for label in CLASSES:
        members = sorted(
            (scan for scan in found if scan.attributes["diagnosis"] == label),
            key=lambda scan: hash_order("evaluation", scan.id),
        )
        assert [scan for scan in chosen if scan.attributes["diagnosis"] == label] == members[:4]


def test_too_few_of_a_class_are_named() -> None:
    with pytest.raises(DataError, match=f"2 {CLASSES[1]} cases, the data have 1; lower protocol.cases to 2 "):
        balanced(scans(CLASSES[0], CLASSES[0], CLASSES[1]), TASK, 2 * len(CLASSES))
    with pytest.raises(DataError, match=f"the data have 0; drop {CLASSES[1]} from data.classes, or prepare data with"):
        balanced(scans(CLASSES[0], CLASSES[0]), TASK, 2 * len(CLASSES))


class Damaged:
    """A third party's data set whose images can't be read."""

    name = "ward"

    def image(self, record: Record) -> None:
        raise KeyError(record.id)


def test_what_a_third_partys_data_set_raises_is_said_of_it() -> None:
    said = r"data set 'ward': image of 'i0' raised KeyError: 'i0' \(test_scans\.py:\d+\)"
    with pytest.raises(DataError, match=said) as caught:
        image_of(Damaged(), scans("CN")[0])
    assert isinstance(caught.value.__cause__, KeyError)
