"""The miniature tasks of the conformance kit: always the same, both classes, answers apart from the cases."""

from __future__ import annotations

import pytest
import torch

from ldbench.testing.miniature import miniature


@pytest.mark.parametrize("kind", ["text-to-image", "aging", "disease-counterfactual"])
def test_the_miniature_task_is_what_it_says(kind: str) -> None:
    task, again = miniature(kind), miniature(kind)
    assert (len(task.train), len(task.cases)) == (16, 6)
    assert {example.attributes["diagnosis"] for example in task.train} == {"CN", "AD"}
    assert {case.attributes["diagnosis"] for case in task.cases} == {"CN", "AD"}
    for example, other in zip(task.train, again.train, strict=True):
        assert example.image.shape == (3, 64, 64)
        assert example.image.dtype == torch.float32
        assert 0 <= example.image.min() < example.image.max() <= 1
        assert torch.equal(example.image, other.image)
    train = {example.id for example in task.train}
    for case in task.cases:
        assert (case.source is None) == (kind == "text-to-image") == (case.id in train)
        if case.source is not None:
            assert not torch.equal(case.source, task.answers[case.id])
            assert case.source_attributes != case.attributes


def test_the_slit_widens_with_the_diagnosis() -> None:
    task = miniature("disease-counterfactual")
    for case in task.cases:
        assert case.source is not None
        darker = (task.answers[case.id] - case.source).mean()
        assert darker < 0 if case.attributes["diagnosis"] == "AD" else darker > 0


def test_disease_has_no_training_pairs_and_says_what_would_be_asked() -> None:
    for example in miniature("disease-counterfactual").train:
        assert example.source is None
        assert example.source_prompt == example.prompt != example.target_prompt
        assert example.instruction is not None
    assert all(example.source is not None for example in miniature("aging").train)


@pytest.mark.parametrize("kind", ["aging", "disease-counterfactual"])
def test_an_editing_case_says_what_changes(kind: str) -> None:
    for case in miniature(kind).cases:
        assert case.edit is not None
        assert case.source_attributes is not None
        assert case.edit.source == case.source_attributes[case.edit.attribute]
        assert case.edit.target == case.attributes[case.edit.attribute]
        assert case.source_prompt != case.target_prompt
