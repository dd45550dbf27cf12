"""A generator is tried on a small part of a card's own data: its size, attributes and answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from ldbench.data.stored_case import StoredCase
from ldbench.data.task_data import task_data
from ldbench.errors import UsageError
from ldbench.records.argument_names import by_command
from ldbench.task import card
from ldbench.testing import assert_generator, check_generator
from ldbench.testing.card_part import part_of
from tests import small_aging
from tests.command_line import called
from tests.stand_ins.broken_generators import BrainsAlone, FilmOfFindings, Good

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
    assert not any(isinstance(case, StoredCase) for case in part.cases)  # no file is opened while a generator runs
    assert all(case.source is not None and case.source.shape == part.answers[case.id].shape for case in part.cases)


def test_what_breaks_on_the_cards_attributes_alone_is_found() -> None:
    assert all(finding.passed for finding in check_generator(BrainsAlone, kind="text-to-image"))
    broken = [finding for finding in check_generator(BrainsAlone, task=CHESTS) if not finding.passed]
    assert [finding.name for finding in broken] == ["text-to-image: fit and generate"]
    assert "KeyError" in broken[0].seen
    assert broken[0].remedy.endswith("; as attributes, the card's images have age, sex, finding")
    with pytest.raises(AssertionError, match="diagnosis"):
        assert_generator(BrainsAlone, task=CHESTS)


def test_an_attribute_that_the_miniature_lacks_is_asked_of_a_card() -> None:
    there = "repair what it raises; as attributes, the miniature has age, sex, diagnosis: for those of a card, give "
    (broken,) = (finding for finding in check_generator(FilmOfFindings) if not finding.passed)
    assert broken.seen.startswith("fit raised KeyError: 'findings' (broken_generators.py:")
    assert broken.remedy == f"{there}task='CARD'"
    (broken,) = (finding for finding in by_command(check_generator)(FilmOfFindings) if not finding.passed)
    assert broken.remedy == f"{there}--task CARD"


def test_a_film_drawn_by_the_seed_among_those_of_the_asked_findings_is_right() -> None:
    assert_generator(FilmOfFindings, task="sandbox-chest-findings-t2i")
    with pytest.raises(AssertionError, match=r"seed matters: .* got 6 of 6 images the same under 5 seeds"):
        assert_generator(FilmOfFindings(seeded=False), task="sandbox-chest-findings-t2i")


@pytest.mark.parametrize("card_id", ["sandbox-chest-findings-t2i", CHESTS])
def test_each_case_has_a_second_example_of_what_it_asks_for(card_id: str) -> None:
    task = card.load(card_id)
    part = part_of(task_data(task, 0))
    asked = [task.data.class_attribute, *task.data.labels]
    for case in part.cases:
        alike = [one for one in part.train if all(one.attributes[name] == case.attributes[name] for name in asked)]
        assert len(alike) > 1, case.id


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
