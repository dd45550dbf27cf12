"""What a task hands out: balanced cases, no subject in two splits, no truth in a case."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
import torch

from ldbench.data.manifest_rows import ManifestRows
from ldbench.data.prepared import PreparedDataset
from ldbench.data.task_data import load, task_data
from ldbench.errors import CardError, DataError, UnknownNameError
from ldbench.task import card


@pytest.mark.parametrize("name", ["sandbox-brain-t2i", "sandbox-chest-t2i"])
def test_text_to_image_cases_are_balanced_and_evaluated_in_part(name: str) -> None:
    task = card.load(name)
    data = task_data(task, 0)
    attribute = task.data.class_attribute
    per_class = task.protocol.cases // len(task.data.classes)
    assert Counter(case.attributes[attribute] for case in data.cases) == dict.fromkeys(task.data.classes, per_class)
    evaluated = Counter(c.attributes[attribute] for c in data.cases if c.id in data.evaluation_ids)
    assert evaluated == dict.fromkeys(task.data.classes, task.protocol.evaluation_cases // len(task.data.classes))
    assert data.truth is None
    assert all(case.source is None for case in data.cases)


@pytest.mark.parametrize("name", ["sandbox-brain-t2i", "sandbox-chest-t2i"])
def test_no_subject_is_in_two_splits(name: str) -> None:
    dataset = load(card.load(name).data)
    split_of: dict[str, set[str]] = {}
    for record in dataset.records:
        split_of.setdefault(record.subject, set()).add(record.split)
    assert all(len(splits) == 1 for splits in split_of.values())


def test_the_sizes_that_the_paper_asks_for() -> None:
    brain, chest = load(card.load("sandbox-brain-t2i").data), load(card.load("sandbox-chest-t2i").data)
    diagnoses = Counter(record.attributes["diagnosis"] for record in brain.select("train"))
    assert diagnoses["CN"] >= 300
    assert diagnoses["AD"] >= 300
    assert Counter(record.attributes["diagnosis"] for record in brain.select("test")) == {"CN": 100, "AD": 100}
    assert len(chest.select("train")) == 800
    assert len(chest.select("test")) == 400


def test_images_are_grey_as_rgb_in_range() -> None:
    data = task_data(card.load("sandbox-brain-t2i"), 0)
    image = data.train[0].image
    assert image.shape == (3, 64, 64)
    assert image.dtype == torch.float32
    assert torch.equal(image[0], image[1])
    assert 0 <= float(image.min()) < float(image.max()) <= 1


def test_data_that_are_not_the_cards_are_refused() -> None:
    spec = card.load("sandbox-brain-t2i").data
    with pytest.raises(DataError, match=r"sandbox_brain/images\.npz: expected SHA-256 000000000000"):
        load(dataclasses.replace(spec, checksums={**spec.checksums, "images.npz": "0" * 64}))
    with pytest.raises(UnknownNameError, match="unknown dataset 'sandbox-brian': did you mean sandbox-brain"):
        load(dataclasses.replace(spec, dataset="sandbox-brian"))


def test_a_card_that_asks_for_more_cases_than_there_are_scans_is_refused() -> None:
    task = card.load("sandbox-brain-t2i")
    protocol = dataclasses.replace(task.protocol, cases=2000)
    with pytest.raises(DataError, match="asks for 1000 CN cases, the data have 300"):
        task_data(dataclasses.replace(task, protocol=protocol), 0)


def test_a_case_is_asked_for_as_its_scan_is_trained_on() -> None:
    data = task_data(card.load("sandbox-brain-t2i-diverse"), 3)
    prompts = {data.train.records[index].id: index for index in range(len(data.train))}
    for case in data.cases[:20]:
        assert data.train[prompts[case.id]].prompt == case.prompt


def test_the_seed_changes_prompts_and_nothing_else() -> None:
    task = card.load("sandbox-brain-t2i-diverse")
    first, second = task_data(task, 0), task_data(task, 1)
    assert [case.id for case in first.cases] == [case.id for case in second.cases]
    assert [case.prompt for case in first.cases] != [case.prompt for case in second.cases]
    assert first.evaluation_ids == second.evaluation_ids
    assert first.split_hash() == second.split_hash()


def test_cards_that_evaluate_as_many_images_evaluate_the_same_ones() -> None:
    names = [f"sandbox-brain-t2i{variant}" for variant in ("", "-plain", "-diverse", "-diverse-plain")]
    evaluated = {task_data(card.load(name), 0).evaluation_ids for name in names}
    assert len(evaluated) == 1
    plain = task_data(card.load("sandbox-brain-t2i-plain"), 0)
    assert {case.id for case in plain.cases} == set(plain.evaluation_ids)


@pytest.mark.parametrize("name", ["sandbox-brain-t2i", "sandbox-brain-aging"])
def test_an_attribute_that_the_data_lack_is_refused_with_the_card(name: str) -> None:
    task = card.load(name)
    templates = ("brain of {weight} kg",)
    wrong = dataclasses.replace(task, protocol=dataclasses.replace(task.protocol, templates=templates))
    with pytest.raises(CardError, match=rf"^{name}:protocol\.templates\[0\]: expected attributes .*got 'weight'"):
        task_data(wrong, 0)
    wrong = dataclasses.replace(task, data=dataclasses.replace(task.data, class_attribute="colour"))
    with pytest.raises(CardError, match=rf"^{name}:data\.class_attribute: expected one of age, .*got 'colour'"):
        task_data(wrong, 0)


def test_images_of_another_size_than_the_card_says_are_refused() -> None:
    task = card.load("sandbox-brain-t2i")
    wrong = dataclasses.replace(task, protocol=dataclasses.replace(task.protocol, resolution=128))
    with pytest.raises(CardError, match=r"protocol\.resolution: expected the size of .* 64 x 64, got 128"):
        task_data(wrong, 0)


def test_data_that_are_not_aligned_as_the_card_asks_are_said_to_be_so() -> None:
    data = task_data(card.load("sandbox-brain-aging"), 0)
    asking = dataclasses.replace(data.task, data=dataclasses.replace(data.task.data, alignment="mni152"))
    assert data.caveat() is None  # the card doesn't ask
    assert "alignment unknown" in str(dataclasses.replace(data, task=asking).caveat())
    prepared = PreparedDataset("brains", ManifestRows((), ()), "r", "0" * 64)
    for alignment, expected in (("mni152", False), ("none", True), ("adni1 none, oasis3 mni152", True)):
        of = dataclasses.replace(data, task=asking, dataset=dataclasses.replace(prepared, alignment=alignment))
        said = of.caveat()
        assert (said is not None) == expected
        assert alignment in (said or alignment)


def test_an_attribute_that_a_record_lacks_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    task = card.load("sandbox-brain-t2i")
    whole = load(task.data)
    asked = task_data(task, 0).cases[0]
    records = tuple(
        dataclasses.replace(record, attributes={"age": 70, "diagnosis": asked.attributes["diagnosis"]})
        if record.id == asked.id else record for record in whole.records
    )
    monkeypatch.setattr("ldbench.data.task_data.load", lambda _: dataclasses.replace(whole, records=records))
    line = r"^protocol\.templates: .* got one without sex; .* \(of the \d+ images, 1 have no sex\)$"
    with pytest.raises(CardError, match=line):
        task_data(task, 0)
