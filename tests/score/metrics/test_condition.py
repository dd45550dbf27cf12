"""The judge's accuracy, AUC and calibration on generated images: against other implementations, and by their laws."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, roc_auc_score

from ldbench._torchvision import declare_missing_ops
from ldbench.api import NoSettings, Record
from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import CardError, MetricError
from ldbench.plugins.kinds import METRICS
from ldbench.score.inputs import Inputs
from ldbench.score.metrics.condition import CalibrationSpec, calibration_error, judge_calibration_score
from ldbench.score.metrics.intervals import Array
from ldbench.score.scorer import measured
from ldbench.task import card
from ldbench.task.metric_specs import JudgeSpec

CLASSES = ("CN", "AD")
seeds = st.integers(0, 2**31)


def odds(seed: int, n: int, classes: int = 2) -> tuple[Array, list[str]]:
    """Log odds `(N, K)` of a judge's probabilities, and labels."""
    random = np.random.default_rng(seed)
    shares = random.dirichlet(np.ones(classes), size=n)
    return np.log(shares / (1 - shares)), [f"c{index}" for index in random.integers(classes, size=n)]


@given(seed=seeds, classes=st.integers(2, 4), bins=st.integers(1, 12))
def test_calibration_equals_torchmetrics(seed: int, classes: int, bins: int) -> None:
    declare_missing_ops()
    from torchmetrics.functional.classification import multiclass_calibration_error

    scores, labels = odds(seed, 40, classes)
    names = [f"c{index}" for index in range(classes)]
    shares = torch.from_numpy(1 / (1 + np.exp(-scores)))
    index = torch.tensor([names.index(label) for label in labels])
    expected = float(multiclass_calibration_error(shares, index, num_classes=classes, n_bins=bins, norm="l1"))
    score = judge_calibration_score(scores, labels, names, {}, bins=bins)
    assert score.value == pytest.approx(expected, abs=1e-5)


def test_a_judge_that_is_as_often_right_as_sure_is_calibrated() -> None:
    confidence = np.repeat([0.6, 0.9], 10)
    right = np.array(([True] * 6 + [False] * 4) + ([True] * 9 + [False]))
    assert calibration_error(confidence, right, 10) == pytest.approx(0)
    assert calibration_error(confidence, ~right, 10) == pytest.approx(0.5)
    assert calibration_error(np.ones(4), np.zeros(4, np.bool_), 10) == 1


@given(seed=seeds)
def test_order_and_repetition_change_nothing(seed: int) -> None:
    scores, labels = odds(seed, 30)
    order = np.random.default_rng(seed).permutation(30)
    value = judge_calibration_score(scores, labels, ("c0", "c1"), {}).value
    shuffled = judge_calibration_score(scores[order], [labels[i] for i in order], ("c0", "c1"), {}).value
    assert shuffled == pytest.approx(value)
    twice = judge_calibration_score(np.concatenate([scores, scores]), labels * 2, ("c0", "c1"), {}).value
    assert twice == pytest.approx(value)


class FewScans(TaskData):
    """Six training scans of each class, for a judge that is trained in a moment."""

    def of_classes(self, split: str) -> list[Record]:
        records = super().of_classes(split)
        if split != "train":
            return records
        chosen = [[one for one in records if one.attributes["diagnosis"] == label][:6] for label in CLASSES]
        return [one for few in chosen for one in few]


def generated(swapped: bool, folder: Path) -> Inputs:
    """Training scans as the answers to eight cases, of the class asked for or of the other one."""
    task = card.load("sandbox-brain-t2i")
    protocol = replace(task.protocol, cases=8, evaluation_cases=8)
    whole = task_data(replace(task, protocol=protocol, metrics={}, judge=JudgeSpec(1, 4, 0.002, width=16)), 0)
    data = FewScans(whole.task, whole.dataset, whole.train, whole.cases, whole.evaluation_ids, None)
    scans, labels = data.training_scans()
    left = {label: list(scans[torch.tensor([each == label for each in labels])]) for label in CLASSES}
    images = {}
    for case in data.cases:
        asked = str(case.attributes["diagnosis"])
        images[case.id] = left[CLASSES[1 - CLASSES.index(asked)] if swapped else asked].pop()
    return Inputs(device=torch.device("cpu"), seed=0, cache_folder=folder, data=data, images=images, passes={})


def test_a_single_case_has_no_calibration() -> None:
    with pytest.raises(MetricError, match="judge_calibration: expected 2 images or more"):
        judge_calibration_score(np.array([[1.0, -1.0]]), ["a"], ["a", "b"], {})


def test_swapped_classes_turn_accuracy_and_area_round(tmp_path: Path) -> None:
    values = {}
    for swapped in (False, True):
        inputs = generated(swapped, tmp_path / "features")
        scores, _ = inputs.judged
        index = [CLASSES.index(label) for label in inputs.labels]
        accuracy = measured(METRICS.load("judge_accuracy"), inputs, NoSettings())
        area = measured(METRICS.load("judge_auc"), inputs, NoSettings())
        calibration = measured(METRICS.load("judge_calibration"), inputs, CalibrationSpec())
        assert accuracy.value == pytest.approx(accuracy_score(index, scores.argmax(axis=1)))
        assert area.value == pytest.approx(roc_auc_score(index, scores[:, 1]))
        assert 0 <= calibration.value <= 1
        assert "judge" in calibration.parameters
        values[swapped] = (accuracy.value, area.value)
    assert values[True] == pytest.approx([1 - value for value in values[False]])


def test_a_card_from_text_may_have_a_judge_and_must_have_one_for_these_metrics() -> None:
    text = 'extends = "sandbox-brain-t2i"\nomit = ["metrics", "judge"]\nid = "x"\nversion = 1\n'
    text += 'title = "x"\nsummary = "x"\n[metrics.judge_auc]\n'
    with pytest.raises(CardError, match="judge: expected a table, as metrics ask for it, got nothing"):
        card.parse(text, "x.toml")
    judge = "[judge]\nepochs = 1\nbatch_size = 8\nlearning_rate = 0.001\nwidth = 16\n"
    assert "judge_auc" in card.parse(text + judge, "x.toml").metrics
    with pytest.raises(CardError, match="metrics: expected no metrics of pairs"):
        card.parse(text + "[metrics.target_auc]\n" + judge, "x.toml")
