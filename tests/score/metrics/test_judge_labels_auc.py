"""`judge_labels_auc`: what a judge of real scans reads off generated images against the labels asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.metrics import roc_auc_score

from ldbench.api import Measured
from ldbench.data.task_data import TaskData, network_files, task_data
from ldbench.errors import MetricError, PluginError
from ldbench.records.from_table import TypedError
from ldbench.run.requirements import inspect
from ldbench.score.inputs import Inputs
from ldbench.score.metrics import judge_labels_auc
from ldbench.score.metrics.judge_labels_auc import JUDGE_LABELS_AUC, JudgeLabelsSpec, label_judge_of, pinned_label_judge
from ldbench.score.metrics.label_areas import label_parts
from ldbench.score.metrics.label_classifier import train_label_classifier
from ldbench.score.metrics.labels_auc import LabelsSpec
from ldbench.score.networks.pinned import recipe_text, write_shipped
from ldbench.score.scorer import measured
from ldbench.score.subgroups.gap import _correlation
from ldbench.score.subgroups.inputs import GroupInputs
from ldbench.score.subgroups.set_scores import GroupedRun
from ldbench.task import card
from ldbench.task.card import Task
from ldbench.task.metric_specs import JudgeSpec
from tests.score.metrics.marked_labels import NAMES, marked

RECIPE = JudgeSpec(epochs=3, batch_size=8, learning_rate=3e-3, width=16)
LABELS = ("sex=female", "finding=pneumonia", "finding=cardiomegaly")


@pytest.fixture(scope="module")
def data() -> TaskData:
    return task_data(labelled(), 0)


def labelled(cases: int = 80, **metrics: object) -> Task:
    task = card.load("sandbox-chest-t2i")
    protocol = replace(task.protocol, cases=cases, evaluation_cases=cases // 2)
    chosen = metrics or {"judge_labels_auc": JudgeLabelsSpec()}
    return replace(task, data=replace(task.data, labels=LABELS), protocol=protocol, judge=RECIPE, metrics=chosen)


@pytest.fixture
def inputs(data: TaskData) -> Inputs:
    blank = {case.id: torch.zeros((3, 64, 64)) for case in data.cases}
    return Inputs(device=torch.device("cpu"), seed=0, data=data, images=blank, passes={})


def test_the_judge_learns_once_and_reads_what_it_never_saw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = marked(3, 48)
    labels[:4] = torch.nan  # nobody knows anything of these
    known = {name: column.double().numpy() for name, column in zip(NAMES, labels.T, strict=True)}
    judge = label_judge_of(RECIPE, images, known, device="cpu", folder=tmp_path)
    others, asked = marked(4, 40)
    scores = judge.classifier.scores(others)
    assert roc_auc_score(asked, scores, average="macro") > 0.9
    assert judge.parameters["judge_scans"] == 44
    assert not {"objective", "margin_epochs", "sha256"} & judge.parameters.keys()

    def never(*arguments: object, **named: object) -> None:
        pytest.fail("a judge that is kept was trained again")

    monkeypatch.setattr(judge_labels_auc, "train_label_classifier", never)
    pinned = replace(RECIPE, sha256="0" * 64)  # that of the judge of classes
    again = label_judge_of(pinned, images, known, device="cpu", folder=tmp_path)
    assert torch.equal(again.classifier.scores(others), scores)
    nothing = {name: np.full(48, np.nan) for name in NAMES}
    with pytest.raises(MetricError, match="expected training scans with labels, got none"):
        label_judge_of(RECIPE, images, nothing, device="cpu", folder=None)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, JudgeSpec]:
    """A file of a judge's weights and the recipe that asks for them."""
    images, labels = marked(3, 16)
    network = train_label_classifier(images, labels, recipe=RECIPE, seed=0).network
    path = tmp_path_factory.mktemp("shipped") / "judge.safetensors"
    digest = write_shipped(path, network.state_dict(), recipe_text(RECIPE, NAMES))
    return path, replace(RECIPE, labels_sha256=digest)


def test_a_pinned_judge_is_that_of_its_file(
    shipped: tuple[Path, JudgeSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge_labels_auc, "train_label_classifier", None)
    path, pinned = shipped
    images, labels = marked(3, 16)
    known = {name: column.double().numpy() for name, column in zip(NAMES, labels.T, strict=True)}
    judge = label_judge_of(pinned, images + 0.1, known, device="cpu", folder=tmp_path, shipped=[path])
    expected = train_label_classifier(images, labels, recipe=RECIPE, seed=0).scores(images)
    assert torch.equal(judge.classifier.scores(images), expected)
    assert judge.parameters["sha256"] == pinned.labels_sha256
    assert "labels_sha256" not in judge.parameters


def test_other_weights_other_labels_and_another_recipe_are_refused(shipped: tuple[Path, JudgeSpec]) -> None:
    path, pinned = shipped
    with pytest.raises(MetricError, match=r"judge\.labels_sha256: expected weights 0{12}\.\.\., got no file in "):
        pinned_label_judge(replace(pinned, labels_sha256="0" * 64), NAMES, shipped=[path])
    for recipe, labels in ((replace(pinned, epochs=9), NAMES), (pinned, NAMES[::-1])):
        with pytest.raises(MetricError, match="expected the recipe that the weights of labels_sha256 came of"):
            pinned_label_judge(recipe, labels, shipped=[path])
    bare = path.with_name("bare.safetensors")
    save_file(load_file(path), bare, {"digest": pinned.labels_sha256 or ""})
    with pytest.raises(MetricError, match="expected weights of a resnet18-of-16 of 1 labels, got others"):
        pinned_label_judge(pinned, NAMES[:1], shipped=[bare])
    with pytest.raises(TypedError, match="labels_sha256: expected 64 hexadecimal digits"):
        replace(pinned, labels_sha256="f")


def test_a_card_is_refused_before_a_run_where_its_judge_is_not_to_be_had() -> None:
    judge = replace(RECIPE, sha256="1" * 64)  # of classes, which no metric of labels asks
    assert not inspect(replace(labelled(), judge=judge), 0).unmet
    unmet = inspect(replace(labelled(), judge=replace(judge, labels_sha256="2" * 64)), 0).unmet
    assert ["judge.labels_sha256: expected weights 222222222222" in str(error) for error in unmet] == [True]


def test_each_set_has_the_labels_of_its_own_images_in_its_order(inputs: Inputs, data: TaskData) -> None:
    of_cases = [{**case.attributes} for case in (data.by_id[one] for one in data.evaluation_ids)]
    sexes = [float(one["sex"] == "female") for one in of_cases]
    assert inputs.label_values("generated")["sex=female"].tolist() == sexes
    for name, (images, labels) in {
        "all_generated": inputs.lazy.all_generated(), "training_scans": inputs.lazy.training_scans(),
        "test_scans": inputs.lazy.test_scans(),
    }.items():
        values = inputs.label_values(name)  # type: ignore[arg-type]
        assert list(values) == list(LABELS)
        assert len(values["sex=female"]) == len(images)
        assert values["finding=pneumonia"].tolist() == [float(label == "pneumonia") for label in labels]


def test_the_score_is_of_the_labels_asked_for(inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = inputs.label_values("generated")
    random = np.random.default_rng(0)
    scores = np.stack([values + random.normal(0, 1, len(values)) for values in asked.values()], axis=1)
    monkeypatch.setattr(Inputs, "label_judged", (scores, {"judge": "x", "width": 16}))
    score = measured(JUDGE_LABELS_AUC, inputs, JudgeLabelsSpec())
    expected = roc_auc_score(np.stack([*asked.values()], axis=1), scores, average="macro")
    assert score.value == pytest.approx(expected)
    assert (score.n, score.extractor, score.parameters["labels"]) == (40, "resnet18-of-16", ", ".join(LABELS))
    few = measured(JUDGE_LABELS_AUC, inputs, JudgeLabelsSpec(fewest=15))
    assert few.parameters["labels"] == "sex=female"
    assert few.value == pytest.approx(roc_auc_score(asked["sex=female"], scores[:, 0]))
    rows = np.arange(30)
    group = GroupInputs(inputs, np.arange(5), rows)
    assert np.array_equal(group.label_judged[0], scores[rows])
    assert np.array_equal(group.label_values("generated")["sex=female"], asked["sex=female"][rows])
    with pytest.raises(PluginError):
        group.label_values("all_generated")


def test_each_label_has_an_area_of_its_own_and_gaps_know_that_the_images_are_the_same(
    inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, random = inputs.label_values("generated"), np.random.default_rng(0)
    scores = np.stack([values + random.normal(0, 1, 40) for values in asked.values()], axis=1)
    monkeypatch.setattr(Inputs, "label_judged", (scores, {"judge": "x"}))
    score, run = measured(JUDGE_LABELS_AUC, inputs, JudgeLabelsSpec()), GroupedRun.of(inputs)
    found = run.split(score, JUDGE_LABELS_AUC, JudgeLabelsSpec()).by["label"]
    expected = {label: roc_auc_score(values, scores[:, at]) for at, (label, values) in enumerate(asked.items())}
    assert {group.name: group.value for group in found.groups} == pytest.approx(expected)
    assert {group.n for group in found.groups} == {40}
    assert {group.name: group.with_it for group in found.groups} == {
        label: int(values.sum()) for label, values in asked.items()
    }
    assert found.worst == min(expected, key=lambda label: expected[label])
    twice = run._parts_of(JUDGE_LABELS_AUC, _same_label_twice())
    assert _correlation(twice["a"], twice["b"]) == pytest.approx(1)


def _same_label_twice() -> dict[str, Measured]:
    known_nl = np.tile([[1.0], [0.0]], (20, 2))
    scores = np.repeat(np.random.default_rng(1).normal(0, 1, (1, 40, 1)) + known_nl[:, :1], 2, axis=2)
    return label_parts("judge_labels_auc", "cases", scores, known_nl, ["a", "b"], None)


def test_a_task_without_labels_has_none(inputs: Inputs, data: TaskData) -> None:
    bare = replace(data, task=card.load("sandbox-chest-t2i"))
    with pytest.raises(MetricError, match=r"sandbox-chest-t2i: expected data\.labels on the card, got none"):
        replace(inputs, data=bare).label_values("generated")


def test_labels_too_rare_to_count_are_told_before_a_run() -> None:
    spec = LabelsSpec(epochs=1, batch_size=8, learning_rate=1e-3, fewest=60)
    unmet = inspect(labelled(judge_labels_auc=JudgeLabelsSpec(fewest=30), labels_auc=spec), 0).unmet
    lines = sorted(str(error) for error in unmet)
    assert [line.split(":")[0] for line in lines] == ["judge_labels_auc", "labels_auc"]
    assert "evaluation cases and in training scans" in lines[0]
    assert "in test scans and in cases" in lines[1]
    assert not inspect(labelled(), 0).unmet


def test_the_judge_of_the_shipped_card_ships_and_reads_each_label() -> None:
    task = card.load("sandbox-chest-findings-t2i")
    assert task.judge is not None
    data = task_data(task, 0)
    scans = data.of_classes("validation")[::2]
    images = torch.from_numpy(np.stack([data.dataset.image(scan) for scan in scans]))
    read = pinned_label_judge(task.judge, task.data.labels, shipped=network_files(task.data)).scores(images)
    has = np.array([[scan.attributes[label] for label in task.data.labels] for scan in scans])
    assert roc_auc_score(has, read, average=None).min() > 0.8
