"""The reference rows: exactly what they say, and the truth only for the one that declares it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from ldbench_baselines.references import CopySource, MeanImage, Oracle, OtherSubject, Real

from ldbench.api import Attributes, Case, Context, Edit, Example, Request
from ldbench.data.task_data import task_data
from ldbench.errors import GeneratorError
from ldbench.task import card


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(torch.device("cpu"), 0, tmp_path, (3, 64, 64))


def test_real_returns_the_scan_that_the_case_describes(context: Context) -> None:
    data, generator = task_data(card.load("sandbox-brain-t2i"), 0), Real()
    generator.fit(data.train, context)
    requests = [Request(case, 0) for case in data.cases[:5]]
    images = generator.generate(requests, context)
    by_id = {record.id: record for record in data.dataset.select("train")}
    for request, image in zip(requests, images, strict=True):
        assert torch.equal(image, torch.from_numpy(data.dataset.image(by_id[request.case.id])))


def test_mean_image_is_the_mean_of_the_training_scans(context: Context) -> None:
    data, generator = task_data(card.load("sandbox-brain-t2i"), 0), MeanImage()
    generator.fit(data.train, context)
    image = generator.generate([Request(data.cases[0], 0)], context)[0]
    expected = torch.stack([data.train[index].image for index in range(len(data.train))]).mean(0)
    torch.testing.assert_close(image, expected)


@pytest.mark.parametrize("generator", [Real(), MeanImage(), OtherSubject()])
def test_generating_before_fitting_is_refused(generator: Real | MeanImage | OtherSubject, context: Context) -> None:
    case = task_data(card.load("sandbox-brain-t2i"), 0).cases[0]
    with pytest.raises(GeneratorError, match="fit before generate"):
        generator.generate([Request(case, 0)], context)


def test_copy_source_and_oracle_need_what_a_prompt_task_lacks(context: Context) -> None:
    case = task_data(card.load("sandbox-brain-t2i"), 0).cases[0]
    with pytest.raises(GeneratorError, match="expected a source image"):
        CopySource().generate([Request(case, 0)], context)
    with pytest.raises(GeneratorError, match="no known truth"):
        Oracle().generate([Request(case, 0)], context)
    assert Oracle.sees_truth
    assert not any(row.sees_truth for row in (Real, MeanImage, CopySource, OtherSubject))


PEOPLE: list[Attributes] = [
    {"age": 60 + place, "diagnosis": ("CN", "MCI", "AD")[place % 3], "sex": ("female", "male")[place % 2]}
    for place in range(30)
]


def person(image: torch.Tensor) -> Attributes:
    return PEOPLE[int(image[0, 0, 0] * 100)]


def drawn(case: Case, context: Context, seeds: range = range(60)) -> list[Attributes]:
    """Whose scans a case gets under many seeds, from a training set whose images tell who they are."""
    images = [torch.full((3, 8, 8), (place + 0.5) / 100) for place in range(len(PEOPLE))]
    generator = OtherSubject()
    generator.fit([Example(f"t{place}", images[place], "", one) for place, one in enumerate(PEOPLE)], context)
    made = generator.generate([Request(replace(case, id=str(seed)), seed) for seed in seeds], context)
    assert torch.equal(made, generator.generate([Request(case, seed) for seed in seeds], context))
    return [person(image) for image in made]


WANTED: Attributes = {"age": 64, "diagnosis": "AD", "sex": "male"}


def test_other_subject_has_the_classes_that_are_asked_for_and_varies_otherwise(context: Context) -> None:
    found = drawn(Case("c", "", WANTED, edit=Edit("diagnosis", "CN", "AD", ("a",), ("b",))), context)
    assert {(one["diagnosis"], one["sex"]) for one in found} == {("AD", "male")}
    assert len({one["age"] for one in found}) == 5


def test_other_subject_has_the_class_of_the_edit_where_not_all_agree(context: Context) -> None:
    wanted = {**WANTED, "sex": "unknown"}
    found = drawn(Case("c", "", wanted, edit=Edit("diagnosis", "CN", "AD", ("a",), ("b",))), context)
    assert {one["diagnosis"] for one in found} == {"AD"}
    assert {one["sex"] for one in found} == {"female", "male"}


def test_other_subject_is_one_of_the_ten_nearest_in_a_number(context: Context) -> None:
    found = drawn(Case("c", "", WANTED, edit=Edit("age", 60, 64, ("a",), ("b",))), context)
    assert {(one["diagnosis"], one["sex"]) for one in found} == {("AD", "male")}
    assert {one["age"] for one in found} == {65, 71, 77, 83, 89}  # five are all there are


def test_other_subject_of_a_null_edit_is_alike_in_all_that_is_known(context: Context) -> None:
    found = drawn(Case("c", "", WANTED, source_attributes=WANTED), context)
    assert {(one["diagnosis"], one["sex"]) for one in found} == {("AD", "male")}
    assert {one["age"] for one in found} == {65, 71, 77, 83, 89}


def test_other_subject_leaves_scans_of_which_a_value_is_unknown_to_the_last(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [dict(one) for one in PEOPLE]
    del people[5]["sex"], people[11]["age"]  # both AD and male
    monkeypatch.setattr("tests.baselines.test_references.PEOPLE", people)
    found = drawn(Case("c", "", WANTED, edit=Edit("diagnosis", "CN", "AD", ("a",), ("b",))), context)
    assert {one.get("age") for one in found} == {None, 77, 83, 89}
    found = drawn(Case("c", "", WANTED, edit=Edit("age", 60, 64, ("a",), ("b",))), context)
    assert {one.get("age") for one in found} == {None, 77, 83, 89}  # fewer than ten are there
    more = [*people, *({**WANTED, "age": 100 + years} for years in range(10))]
    monkeypatch.setattr("tests.baselines.test_references.PEOPLE", more)
    found = drawn(Case("c", "", WANTED, edit=Edit("age", 60, 64, ("a",), ("b",))), context)
    assert None not in {one.get("age") for one in found}


def test_other_subject_refuses_a_class_that_nobody_has(context: Context) -> None:
    case = Case("c", "", {**WANTED, "diagnosis": "XY"}, edit=Edit("diagnosis", "CN", "XY", ("a",), ("b",)))
    with pytest.raises(GeneratorError, match="no training scan has diagnosis 'XY'"):
        drawn(case, context)


def test_other_subject_on_a_task_with_pairs_gives_later_scans_of_training_subjects(context: Context) -> None:
    data, generator = task_data(card.load("sandbox-brain-aging"), 0), OtherSubject()
    generator.fit(data.train, context)
    cases = data.cases[:6]
    images = generator.generate([Request(case, seed) for seed, case in enumerate(cases)], context)
    later = {data.train[place].image.numpy().tobytes(): data.train[place] for place in range(len(data.train))}
    for case, image in zip(cases, images, strict=True):
        of = later[image.numpy().tobytes()].attributes
        assert (of["diagnosis"], of["sex"]) == (case.attributes["diagnosis"], case.attributes["sex"])
        assert abs(float(of["age"]) - float(case.attributes["age"])) <= 3
