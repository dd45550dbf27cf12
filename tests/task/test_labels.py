"""A card's labels: what the data must have, what a value says of an image, and one line for each mistake."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ldbench.data.task_data import task_data
from ldbench.errors import CardError
from ldbench.task import card
from ldbench.task.labels import check_labels, values_of
from tests.conftest import CARDS

FILMS = [{"edema": 1, "sex": "male"}, {"edema": 0, "sex": "female"}, {"edema": -1}, {"sex": "female"}]
LABELLED = """
extends = "sandbox-chest-t2i"
omit = ["metrics"]
id = "labelled"
version = 1
title = "x"
summary = "x"
[data]
labels = {labels}
[metrics.{metric}]
"""


def labelled(labels: str, metric: str = "judge_labels_auc", further: str = "") -> card.Task:
    return card.parse(LABELLED.format(labels=labels, metric=metric) + further, "x.toml")


def test_a_label_is_one_zero_or_not_known() -> None:
    found = values_of(("edema", "sex=female"), FILMS)
    assert found["edema"][:2] == [1, 0]
    assert all(map(math.isnan, found["edema"][2:]))
    assert found["sex=female"][:2] + found["sex=female"][3:] == [0, 1, 1]
    assert math.isnan(found["sex=female"][2])


@pytest.mark.parametrize(
    ("label", "line"),
    [
        ("oedema", r"^x:data.labels: expected attributes of the data \(edema, sex\), got 'oedema'$"),
        ("sex", r"^x:data.labels: expected sex to be 1, 0 or -1 \(uncertain\), got female, male; write NAME=VALUE"),
        ("sex=F", r"^x:data.labels: expected a value of sex \(female, male\), got 'sex=F'$"),
    ],
)
def test_a_label_that_the_data_lack_is_one_line(label: str, line: str) -> None:
    with pytest.raises(CardError, match=line):
        check_labels("x", ("edema", label), FILMS)
    check_labels("x", ("edema", "sex=female"), FILMS)


def test_a_run_of_such_a_card_ends_before_it_begins() -> None:
    assert task_data(labelled('["sex=female", "finding=pneumonia"]'), 0).cases
    with pytest.raises(CardError, match=r"labelled:data.labels: expected attributes of the data \(age, .*got 'edema'"):
        task_data(labelled('["edema"]'), 0)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("[]", "data.labels: expected at least one, as judge_labels_auc asks for them, got none"),
        ('["a", "b", "a"]', "data.labels: expected labels that differ"),
        ('["a="]', "data.labels: expected an attribute's name, or NAME=VALUE, got 'a='"),
        ('["=a"]', "data.labels: expected an attribute's name"),
    ],
)
def test_labels_that_nobody_can_mean_are_refused(labels: str, expected: str) -> None:
    with pytest.raises(CardError, match=f"x.toml:{expected}"):
        labelled(labels)


def test_the_judge_of_labels_has_one_objective() -> None:
    margin = '[judge]\nobjective = "auc-margin"\n'
    with pytest.raises(CardError, match=r"judge\.objective: expected cross-entropy, the only one for labels"):
        labelled('["sex=female"]', further=margin)
    assert labelled('["sex=female"]', "judge_auc", margin).judge is not None


def test_labels_are_a_part_of_the_hash_and_cards_without_them_keep_theirs() -> None:
    task = card.load("sandbox-chest-t2i")
    assert replace(task, data=replace(task.data, labels=("sex=female",))).hash != task.hash
    assert '"labels"' not in (CARDS / "sandbox-chest-t2i.toml").read_text(encoding="utf-8")
    assert task.hash == "5cdcb8f76b032cc81b60ae58b0884fe5131c865c4ae3a861998dbcda9904bccb"
