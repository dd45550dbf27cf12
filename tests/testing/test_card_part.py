"""A generator is tried on a small part of a card's own data: its size, attributes and answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from ldbench.api import Context, TrainingSet
from ldbench.data.task_data import task_data
from ldbench.errors import UsageError
from ldbench.records.argument_names import by_command
from ldbench.task import card
from ldbench.testing import assert_generator, check_generator
from ldbench.testing.card_part import part_of
from tests import small_aging
from tests.command_line import called
from tests.stand_ins.broken_generators import BrainsAlone, Good, OnlyText

CHESTS = "sandbox-chest-t2i"


def test_examples_are_of_all_classes_and_hold_the_images_of_the_cases() -> None:
    task = card.load(CHESTS)
    part = part_of(task_data(task, 0))
    assert (len(part.train), len(part.cases), part.answers) == (16, 6, {})
    assert {example.attributes["finding"] for example in part.train} == set(task.data.classes)
    assert {case.id for case in part.cases} <= {example.id for example in part.train}
    assert len({example.id for example in part.train}) == 16


def test_it_is_the_same_each_time() -> None:
    one, again = (part_of(task_data(card.load(CHESTS), 0)) for _ in range(2))
    assert [example.id for example in one.train] == [example.id for example in again.train]
    assert all(torch.equal(a.image, b.image) for a, b in zip(one.train, again.train, strict=True))


def test_cases_of_an_edit_have_their_answers(tmp_path: Path) -> None:
    part = part_of(task_data(card.load(str(small_aging.small_card(tmp_path))), 0))
    assert set(part.answers) == {case.id for case in part.cases}
    assert all(case.source is not None and case.source.shape == part.answers[case.id].shape for case in part.cases)


def test_what_breaks_on_the_cards_attributes_alone_is_found() -> None:
    assert all(finding.passed for finding in check_generator(BrainsAlone, kind="text-to-image"))
    broken = [finding for finding in check_generator(BrainsAlone, task=CHESTS) if not finding.passed]
    assert [finding.name for finding in broken] == ["text-to-image: fit and generate"]
    assert "KeyError" in broken[0].seen
    assert broken[0].remedy.endswith("; as attributes, the card's images have age, sex, finding")
    with pytest.raises(AssertionError, match="diagnosis"):
        assert_generator(BrainsAlone, task=CHESTS)


@dataclass
class ReadsFindings(OnlyText):
    """Right on a card whose films have findings; the miniature has none."""

    def fit(self, train: TrainingSet, context: Context) -> None:
        del context
        assert train[0].attributes["findings"]


def test_an_attribute_that_the_miniature_lacks_is_asked_of_a_card() -> None:
    there = "repair what it raises; as attributes, the miniature has age, sex, diagnosis: for those of a card, give "
    (broken,) = (finding for finding in check_generator(ReadsFindings) if not finding.passed)
    assert broken.seen.startswith("fit raised KeyError: 'findings' (test_card_part.py:")
    assert broken.remedy == f"{there}task='CARD'"
    (broken,) = (finding for finding in by_command(check_generator)(ReadsFindings) if not finding.passed)
    assert broken.remedy == f"{there}--task CARD"


def test_images_have_the_cards_size() -> None:
    shapes = [finding.seen for finding in check_generator(Good, task=CHESTS) if finding.name.endswith("shape")]
    side = card.load(CHESTS).protocol.resolution
    assert shapes == [f"(6, 3, {side}, {side})"]


def test_another_kind_than_the_cards_is_refused() -> None:
    with pytest.raises(UsageError, match=re.escape(f"{CHESTS}: expected a card of the kind aging, got text-to-image")):
        check_generator(Good, kind="aging", task=CHESTS)


def test_on_the_command_line() -> None:
    done = called("check", "oracle", "--task", "sandbox-brain-aging")
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "25 clauses, none broken")
    assert called("check", "oracle", "--task", CHESTS).exit_code == 1
