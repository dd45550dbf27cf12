"""Editing tasks' data: who is paired with whom, what is asked, what the further passes ask, and what is refused."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter

import numpy as np
import pytest
import torch
from ldbench_sandbox.dataset import FrozenDataset

from ldbench.api import Record
from ldbench.data.editing import Editing
from ldbench.data.task_data import task_data
from ldbench.errors import CardError, DataError
from ldbench.task import card
from ldbench.task.card import Task
from ldbench.task.prompts import instruction_for

AGING, DISEASE, CHEST, SEX = (
    card.load(name)
    for name in ("sandbox-brain-aging", "sandbox-brain-disease", "sandbox-chest-disease", "sandbox-chest-sex")
)


def dataset(*records: Record, side: int = 64, later_side: int = 64) -> FrozenDataset:
    arrays = {
        "test": np.zeros((4, side, side), np.uint8), "test_later": np.ones((4, later_side, later_side), np.uint8),
    }
    return FrozenDataset("mine", records, arrays)


def scan(subject: str, age: int) -> Record:
    return Record(f"{subject}-scan", subject, "test", "scan", {"age": age, "sex": "male", "diagnosis": "CN"}, 0)


def later(subject: str, age: int) -> Record:
    return Record(f"{subject}-later", subject, "test", "later", {"age": age, "sex": "male", "diagnosis": "AD"}, 1)


def aging(**changes: object) -> Editing:
    assert AGING.edit is not None
    return Editing(AGING, dataclasses.replace(AGING.edit, **changes), 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("task", [AGING, DISEASE, CHEST, SEX], ids=lambda task: task.id)
def test_every_case_asks_for_the_same_subjects_image_with_one_thing_changed(task: Task) -> None:
    data = task_data(task, 0)
    subject = {record.id: record.subject for record in data.dataset.records}
    by_id = {record.id: record for record in data.dataset.records}
    assert data.editing is not None
    pairs = {pair.source.id: pair.target for pair in data.editing.pairs(data.dataset, "test")}
    assert len(data.cases) == 200
    assert len({case.id for case in data.cases}) == 200
    for case in data.cases:
        assert case.source is not None
        assert case.source_attributes is not None
        assert case.edit is not None
        assert subject[case.id] == pairs[case.id].subject
        assert by_id[case.id].split == "test"
        assert case.attributes[case.edit.attribute] == case.edit.target != case.edit.source
        assert case.source_attributes[case.edit.attribute] == case.edit.source
        assert len(case.edit.source_sentences) == len(case.edit.target_sentences) >= 1
        assert data.truth is not None
        assert not torch.equal(data.truth(case.id), case.source)
        assert torch.equal(data.truth(case.id + ".null"), case.source)
        assert torch.equal(data.truth(case.id + ".back"), case.source)
        for other in ("", ".null", "x", f"{case.id}.nul", f"{case.id}.null.back"):
            with pytest.raises(KeyError):
                data.truth(other)


def test_the_edits_are_those_of_the_issue() -> None:
    asked = {task.id: Counter((c.edit.source, c.edit.target) for c in task_data(task, 0).cases if c.edit)
             for task in (DISEASE, CHEST, SEX)}
    assert asked["sandbox-brain-disease"] == {("CN", "AD"): 100, ("AD", "CN"): 100}
    assert asked["sandbox-chest-sex"] == {("female", "male"): 100, ("male", "female"): 100}
    chest = asked["sandbox-chest-disease"]
    findings = ("cardiomegaly", "pleural effusion", "pneumonia")
    assert all(chest[(finding, "no finding")] == 50 for finding in findings)
    assert sum(chest[("no finding", finding)] for finding in findings) == 50


def test_the_three_age_styles() -> None:
    prompts = {}
    for name in ("", "-word", "-binned"):
        data = task_data(card.load(f"sandbox-brain-aging{name}"), 0)
        prompts[name] = {case.id: case.prompt for case in data.cases}
        spans = {c.id: int(c.attributes["age"]) - int(c.source_attributes["age"]) for c in data.cases
                 if c.source_attributes is not None}
    one = next(each for each, years in spans.items() if 5 <= years <= 10)
    assert "into a" in prompts[""][one]
    assert any(character.isdigit() for character in prompts[""][one])
    assert not any(character.isdigit() for character in prompts["-word"][one])
    for each, years in spans.items():
        said = prompts["-binned"][each]
        assert ("slightly" in said, "moderately" in said, "significantly" in said) == (
            years < 5, 5 <= years <= 10, years > 10,
        )


def test_the_null_edit_asks_for_what_is_there() -> None:
    data = task_data(DISEASE, 0)
    null = data.null_cases()
    assert len(null) == 40
    for case in null:
        assert case.id.endswith(".null")
        assert case.attributes == case.source_attributes
        assert case.source_prompt == case.target_prompt
        assert case.edit is None


def test_the_way_back_starts_from_the_result_and_asks_for_the_source() -> None:
    data = task_data(DISEASE, 0)
    results = {case.id: torch.full((3, 64, 64), index / 200) for index, case in enumerate(data.cases)}
    by_id = {case.id: case for case in data.cases}
    back = data.back_cases(results)
    assert [case.id.removesuffix(".back") for case in back] == [c.id.removesuffix(".null") for c in data.null_cases()]
    for case in back:
        there = by_id[case.id.removesuffix(".back")]
        assert case.source is results[there.id]
        assert case.attributes == there.source_attributes
        assert case.source_attributes == there.attributes
        assert (case.source_prompt, case.target_prompt) == (there.target_prompt, there.source_prompt)
        assert case.edit is not None
        assert there.edit is not None
        assert (case.edit.source, case.edit.target) == (there.edit.target, there.edit.source)
        assert case.edit.source_sentences == there.edit.target_sentences


def test_training_pairs_where_there_are_any_and_lone_images_with_an_edit_where_not() -> None:
    pairs = task_data(AGING, 0).train
    assert len(pairs) == 700
    example = pairs[0]
    assert example.source is not None
    assert example.source_attributes is not None
    assert example.attributes["age"] > example.source_attributes["age"]
    assert example.prompt == example.instruction
    lone = task_data(DISEASE, 0).train
    assert len(lone) == 700
    for index in range(40):
        example = lone[index]
        assert example.source is None
        if example.attributes["diagnosis"] == "MCI":
            assert example.target_prompt is example.instruction is None
            continue
        assert example.prompt == example.source_prompt
        other = {"CN": "AD", "AD": "CN"}[str(example.attributes["diagnosis"])]
        assert example.target_prompt == str(example.prompt).replace(str(example.attributes["diagnosis"]), other)
        assert example.instruction is not None


def test_the_training_set_of_an_editing_task_is_the_text_to_image_tasks() -> None:
    # so that one fine-tuning serves both
    first, second = task_data(card.load("sandbox-brain-t2i"), 0).train, task_data(DISEASE, 0).train
    assert len(first) == len(second)
    for index in (0, 350, 699):
        assert (first[index].id, first[index].prompt) == (second[index].id, second[index].prompt)
        assert torch.equal(first[index].image, second[index].image)


def test_without_a_role_the_cases_are_the_scans_and_nobody_knows_their_answers() -> None:
    assert DISEASE.edit is not None
    blind = dataclasses.replace(DISEASE, edit=dataclasses.replace(DISEASE.edit, role=None))
    data, known = task_data(blind, 0), task_data(DISEASE, 0)
    assert data.truth is None
    assert [case.id for case in data.cases] == [case.id for case in known.cases]
    for case, other in zip(data.cases, known.cases, strict=True):
        assert (case.prompt, case.source_prompt, case.target_prompt, case.edit) == (
            other.prompt, other.source_prompt, other.target_prompt, other.edit,
        )
    assert len(data.null_cases()) == 40


def test_pairs_of_two_subjects_two_sizes_or_no_change_are_refused() -> None:
    with pytest.raises(DataError, match=r"pair of 'b-later': expected a scan of the same subject, 'b', got none"):
        aging().pairs(dataset(scan("a", 70), later("b", 75)), "test")
    stray = dataclasses.replace(later("b", 75), source="a-scan")
    with pytest.raises(DataError, match=r"pair of 'b-later': expected a scan of .* subject, 'b', got one of 'a'"):
        aging().pairs(dataset(scan("a", 70), stray), "test")
    with pytest.raises(DataError, match=r"pair of 'a-later': expected \(64, 64\) pixels, .* got \(32, 32\)"):
        aging().pairs(dataset(scan("a", 70), later("a", 75), later_side=32), "test")
    with pytest.raises(DataError, match=r"pair of 'a-later': expected another age than its source's, got 70"):
        aging().pairs(dataset(scan("a", 70), later("a", 70)), "test")


def test_an_image_of_which_nobody_knows_what_the_edit_changes_is_in_no_pair_and_no_case() -> None:
    blank = dataclasses.replace(scan("a", 70), attributes={"diagnosis": "CN"})
    with pytest.raises(DataError, match=r"pair of 'a-later': expected a known age of both images, got a blank one"):
        aging().pairs(dataset(blank, later("a", 75)), "test")
    assert SEX.edit is not None
    of_sex = Editing(SEX, SEX.edit, 0)
    assert [one.id for one in of_sex.editable(dataset(blank, scan("b", 70)), "test")] == ["b-scan"]


def test_a_target_belongs_to_the_scan_that_it_names_and_the_last_one_counts() -> None:
    first, second = scan("a", 70), dataclasses.replace(scan("a", 72), id="a-scan-2")
    named = [dataclasses.replace(later("a", age), id=f"a-later-{age}", source="a-scan") for age in (75, 80)]
    (pair,) = aging().pairs(dataset(first, second, *named), "test")
    assert (pair.source.id, pair.target.id) == ("a-scan", "a-later-80")


def test_a_younger_target_is_refused_unless_the_card_allows_it() -> None:
    data = dataset(scan("a", 70), later("a", 64))
    with pytest.raises(DataError, match=r"expected an age of 70 or more, got 64; .* edit\.younger = true"):
        aging().pairs(data, "test")
    assert len(aging(younger=True).pairs(data, "test")) == 1


@pytest.mark.parametrize("age", ["90+", "nan", float("inf")])
def test_an_age_that_is_no_number_is_refused(age: str | float) -> None:
    old = dataclasses.replace(later("a", 80), attributes={**later("a", 80).attributes, "age": age})
    with pytest.raises(DataError, match=rf"pair of 'a-later': expected a number as age, got {re.escape(repr(age))}; "):
        aging().pairs(dataset(scan("a", 70), old), "test")
    worded = dataclasses.replace(AGING, protocol=dataclasses.replace(AGING.protocol, age_style="word"))
    assert AGING.edit is not None
    with pytest.raises(DataError, match="'a-scan': expected a number as age"):
        instruction_for(worded, AGING.edit, "a-scan", scan("a", 70).attributes, old.attributes, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attribute": "weight"}, r"edit\.attribute: expected one of age, .*, got 'weight'"),
        ({"role": "earlier"}, r"edit\.role: expected one of later, other, got 'earlier'"),
        ({"instructions": ("make it {target_weight}",)}, r"edit\.instructions\[0\]: expected attributes .*_weight"),
    ],
)
def test_what_the_data_do_not_know_is_refused_with_the_card(change: dict[str, object], message: str) -> None:
    assert AGING.edit is not None
    wrong = dataclasses.replace(AGING, edit=dataclasses.replace(AGING.edit, **change))  # type: ignore[arg-type]
    with pytest.raises(CardError, match=message):
        task_data(wrong, 0)


def test_more_cases_than_pairs_are_refused() -> None:
    many = dataclasses.replace(DISEASE, protocol=dataclasses.replace(DISEASE.protocol, cases=400, evaluation_cases=200))
    with pytest.raises(DataError, match="asks for 200 CN cases, the data have 100"):
        task_data(many, 0)


def test_what_is_handed_out_for_training_holds_no_test_image() -> None:
    whole = task_data(AGING, 0).dataset
    seen = whole.only("train")
    assert {record.split for record in seen.records} == {"train"}
    assert set(seen.arrays) == {"train", "train_later"}
