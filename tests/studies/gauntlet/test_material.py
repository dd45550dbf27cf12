"""What a task's data give: fresh scans that nobody has learnt from, true images, and other people's scans."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from ldbench.api import Dataset, Record
from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import DataError, UsageError
from ldbench.studies.gauntlet import material
from ldbench.studies.gauntlet.material import as_images, course_of, elsewhere
from ldbench.studies.gauntlet.population import copies
from ldbench.task import card

T2I, EDIT = "sandbox-brain-t2i", "sandbox-brain-aging"


def test_perfect_images_are_validation_scans_that_the_cases_ask_for() -> None:
    course = course_of(card.load(T2I), 0, 8)
    data = course.data
    scans = {scan.id: scan for scan in data.of_classes("validation")}
    assert "validation" in course.control
    assert list(data.evaluation_ids) == sorted(data.evaluation_ids)
    for place, case in enumerate(data.cases):
        scan = scans[case.id]
        assert case.attributes == scan.attributes
        assert case.prompt
        assert course.material.labels[place] == scan.attributes["diagnosis"]
        assert np.array_equal(course.material.perfect[place], data.dataset.image(scan))
    assert sorted(course.material.labels) == ["AD"] * 4 + ["CN"] * 4
    assert len(course.material.train) == len(course.material.train_labels) == 600


def test_training_and_test_scans_are_read_when_a_failure_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def image_of(dataset: Dataset, record: Record) -> torch.Tensor:
        read.append(record.id)
        return torch.from_numpy(dataset.image(record))

    monkeypatch.setattr(material, "image_of", image_of)
    course = course_of(card.load(T2I), 0, 8)
    assert (read, len(course.material.test)) == ([], 200)
    scans = course.data.of_classes("train")
    found = course.material.train[np.array([5, 2])]
    assert read == [scans[5].id, scans[2].id]
    assert np.array_equal(found, np.stack([course.data.dataset.image(scans[place]) for place in (5, 2)]))


def test_another_modality_is_another_data_set_of_this_size() -> None:
    task = card.load(T2I)
    other = elsewhere(task, 0)
    assert other is not None
    chests = task_data(card.load("sandbox-chest-t2i"), 0)
    pool = {chests.dataset.image(scan).tobytes() for scan in chests.of_classes("train")}
    assert len(other) == 200
    assert {image.tobytes() for image in other} <= pool
    assert elsewhere(replace(task, protocol=replace(task.protocol, resolution=512)), 0) is None


@dataclass(frozen=True)
class Without:
    """A data set without some of its splits, and with the training scans of so many alone."""

    whole: Any
    splits: tuple[str, ...]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.whole, name)

    def select(self, split: str, role: str = "scan") -> list[Record]:
        return [] if split in self.splits else self.whole.select(split, role)


def without(*splits: str) -> TaskData:
    """The brain task of eight cases on such data."""
    task = card.load(T2I)
    data = task_data(replace(task, protocol=replace(task.protocol, cases=8, evaluation_cases=8)), 0)
    return replace(data, dataset=Without(data.dataset, splits))


def test_without_validation_scans_it_takes_training_scans_that_no_case_asks_for() -> None:
    data = without("validation")
    course = material._text_to_image(data, 0, None)
    assert "no case asks for" in course.control
    assert len(course.data.cases) == 8
    assert not {case.id for case in course.data.cases} & {case.id for case in data.cases}
    with pytest.raises(DataError, match="two validation scans of each class"):
        material._text_to_image(without("validation", "train"), 0, None)


def test_an_edits_perfect_images_are_its_truths_and_its_others_are_near_in_age() -> None:
    """All cases: some are of subjects whose class the card does not name."""
    course = course_of(card.load(EDIT), 0)
    data, stuff = course.data, course.material
    assert data.truth is not None
    by_id = {case.id: case for case in data.cases}
    train = {data.dataset.image(scan).tobytes(): scan for scan in data.dataset.select("train")}
    assert set(stuff.labels) > set(data.task.data.classes)
    years = []
    for place, case_id in enumerate(data.evaluation_ids):
        case = by_id[case_id]
        assert case.source is not None
        assert stuff.sources is not None
        assert stuff.subjects is not None
        assert np.array_equal(stuff.perfect[place], data.truth(case_id).numpy())
        assert np.array_equal(stuff.sources[place], case.source.numpy())
        other = train[stuff.subjects[place].tobytes()]
        assert other.attributes["diagnosis"] == case.attributes["diagnosis"] == stuff.labels[place]
        years.append(abs(float(other.attributes["age"]) - float(case.attributes["age"])))
    assert np.mean(years) < 3


def test_an_edit_without_truth_is_refused_in_one_line() -> None:
    task = card.load("sandbox-brain-disease")
    assert task.edit is not None
    unknown = replace(task, edit=replace(task.edit, role=None), metrics={})
    with pytest.raises(UsageError, match="known true images"):
        course_of(unknown, 0)


def test_images_are_what_a_png_keeps_and_grey_where_the_card_says_so() -> None:
    course = course_of(card.load(T2I), 0, 4)
    drawn = np.random.default_rng(0).uniform(-0.1, 1.1, course.material.perfect.shape).astype(np.float32)
    colour = replace(course.data.task, protocol=replace(course.data.task.protocol, channels="rgb"))
    in_colour = as_images(replace(course, data=replace(course.data, task=colour)), drawn)
    levels = torch.stack(list(in_colour.values())) * 255
    assert (levels - levels.round()).abs().max() < 1e-4
    assert levels.round().numpy() == pytest.approx(np.rint(drawn.clip(0, 1) * 255))
    for image in as_images(course, drawn).values():
        assert torch.equal(image[0], image[1])


def test_copies_have_the_labels_that_were_asked_for() -> None:
    task = card.load("sandbox-chest-findings-t2i")
    data, course = task_data(task, 0), course_of(task, 0, 40)
    shown = {
        data.dataset.image(scan).tobytes(): [scan.attributes[label] for label in task.data.labels]
        for scan in data.of_classes("train")
    }
    copied = copies(course.material, 1.0, np.random.default_rng(0))
    asked = [[case.attributes[label] for label in task.data.labels] for case in course.data.cases]
    assert [shown[image.tobytes()] for image in copied] == asked
    assert len({image.tobytes() for image in copied}) > 30
    rare = replace(course.material, train_shown=("another",) * len(course.material.train_shown))
    pool, wanted = rare.alike()
    assert all(np.array_equal(pool[one], rare.of_class(label)) for one, label in zip(wanted, rare.labels, strict=True))
