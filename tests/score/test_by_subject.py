"""Several images of a subject: their intervals are those of subjects, and with one image each nothing changes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from ldbench.api import Measured
from ldbench.data.task_data import TaskData, task_data
from ldbench.errors import MetricError
from ldbench.score.by_subject import by_subject
from ldbench.score.inputs import Inputs
from ldbench.score.metrics.effectiveness import flip_rate_score
from ldbench.score.metrics.intervals import numbered, share_interval, t_quantile
from ldbench.score.metrics.mean_score import mean_score
from ldbench.score.metrics.roc import areas
from ldbench.score.returned import DefectError
from ldbench.score.scorer import scores_of
from ldbench.score.subgroups.groups import subgroups_of
from ldbench.score.units import units_of
from ldbench.task import card
from ldbench.task.metric_specs import JudgeSpec

CARDS = ("sandbox-brain-t2i", "sandbox-brain-aging", "sandbox-brain-disease", "sandbox-chest-t2i", "sandbox-chest-sex")
SHARE = (0.0, 1.0)
WHOSE = np.repeat(np.arange(10), 4)


class Shared:
    """A data set two of whose images in a row belong to one subject."""

    def __init__(self, data: TaskData) -> None:
        self._whole: Any = data.dataset
        self._place = {name: place // 2 for place, name in enumerate(data.evaluation_ids)}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    @property
    def records(self) -> list[Any]:
        """The records, with the subjects that they share."""
        return [
            replace(record, subject=f"shared {self._place[record.id]}") if record.id in self._place else record
            for record in self._whole.records
        ]


def inputs(data: TaskData) -> Inputs:
    images = {case.id: case.source * 0.9 for case in data.cases if case.source is not None}
    return Inputs(device=torch.device("cpu"), seed=0, data=data, images=images, passes={})


def test_another_number_of_contributions_than_of_images_is_the_metrics_defect() -> None:
    score = mean_score("odd", np.arange(39.0), "lower", {})
    said = "^odd: expected one finite number a unit as contributions of cases, got 39 for 40 images; repair the metric$"
    with pytest.raises(DefectError, match=said):
        by_subject(score, {"cases": WHOSE}, SHARE)


@pytest.mark.parametrize("name", CARDS)
def test_sandbox_subjects_have_one_image_each(name: str) -> None:
    data = task_data(card.load(name), 0)
    found = Inputs(device=torch.device("cpu"), seed=0, data=data, images={}, passes={})
    assert [found.subjects(images) for images in ("generated", "real", "test_scans")] == [None] * 3  # type: ignore[arg-type]


def test_scores_and_units_of_images_that_share_subjects_say_so() -> None:
    task = card.load("sandbox-brain-disease")
    protocol = replace(task.protocol, cases=8, evaluation_cases=8)
    metrics = {name: task.metrics[name] for name in ("counterfactual_error", "source_ssim")}
    judge = JudgeSpec(1, 32, 0.001, width=16)
    alone = task_data(replace(task, protocol=protocol, metrics=metrics, judge=judge, viewing=None), 0)
    shared = replace(alone, dataset=Shared(alone))  # type: ignore[arg-type]
    plain, together = scores_of(inputs(alone)).measured, scores_of(inputs(shared)).measured
    for one, other in zip(plain, together, strict=True):
        assert one.value == other.value
        assert (one.ci_low, one.ci_high) != (other.ci_low, other.ci_high)
        assert other.parameters["interval"] == f"{one.parameters['interval']}; subjects are the units"
        parts = other.contributions["cases"].reshape(4, 2).sum(axis=1)
        half = t_quantile(3) * (4 / 3 * 7 / 8 * float((parts**2).sum())) ** 0.5
        assert other.ci_high - other.value == pytest.approx(min(half, other.ci_high - other.value))
    assert units_of(alone, plain, {}).subjects == {}
    units = units_of(shared, together, {})
    assert units.subjects == {"cases": (0, 0, 1, 1, 2, 2, 3, 3)}
    attributes = {name: {"sex": "FM"[place // 4]} for place, name in enumerate(alone.evaluation_ids)}
    bounds = {"source_ssim": (-1.0, 1.0)}
    groups = subgroups_of(together, units, attributes, {}, bounds).metrics["source_ssim"]["sex"].groups
    alone_each = replace(units, subjects={})
    apart = subgroups_of(together, alone_each, attributes, {}, bounds).metrics["source_ssim"]["sex"].groups
    assert [group.value for group in groups] == [group.value for group in apart]
    assert [group.ci_low for group in groups] != [group.ci_low for group in apart]


def test_repeated_images_say_no_more_than_one_of_each() -> None:
    values = np.random.default_rng(0).normal(0.5, 0.1, 10)
    for score_of in (lambda each: mean_score("ssim", each, "higher", {}), flips):
        once, repeated = score_of(values), by_subject(score_of(np.repeat(values, 4)), {"cases": WHOSE}, SHARE)
        if repeated.interval == "share":  # of Student's t, as the variance is one of 10 subjects
            variance = float((once.contributions["cases"] ** 2).sum())
            expected = share_interval(once.value, variance, 40, t_quantile(9))
            assert (repeated.ci_low, repeated.ci_high) == pytest.approx((expected.low, expected.high))
        else:
            assert (repeated.ci_low, repeated.ci_high) == pytest.approx((once.ci_low, once.ci_high))


def flips(values: np.ndarray) -> Measured:
    return flip_rate_score(np.stack([0.5 - values, values - 0.5], axis=1), ["b"] * len(values), ["a", "b"], {})


def test_a_share_of_one_is_one_of_subjects() -> None:
    all_right = flips(np.ones(40))
    found = by_subject(all_right, {"cases": WHOSE}, SHARE)
    assert found.ci_high == 1.0
    assert found.ci_low == pytest.approx(share_interval(1.0, 0.0, 10, t_quantile(9)).low)
    assert found.ci_low < all_right.ci_low


def test_without_contributions_the_interval_is_as_wide_as_if_a_subject_were_one_image() -> None:
    score = Measured("kid", 1.0, 0.8, 1.2, 40, "lower", None, {"interval": "95 % spread"})
    found = by_subject(score, {"cases": WHOSE}, (-math.inf, math.inf))
    assert (found.ci_low, found.ci_high) == pytest.approx((0.6, 1.4))
    assert found.parameters["interval"] == "95 % spread; subjects are the units"


@pytest.mark.parametrize("subjects", [None, WHOSE])
def test_a_mean_is_cut_at_the_metrics_bounds(subjects: np.ndarray | None) -> None:
    score = mean_score("mine", np.r_[np.zeros(39), 1.0], "lower", {})
    found = by_subject(score, {"cases": subjects}, (0.0, 0.06))
    assert (found.ci_low, found.ci_high) == (0.0, 0.06)
    assert score.ci_low < 0 < 0.06 < score.ci_high
    other = replace(score, mean=False, interval="own")
    assert by_subject(other, {"cases": subjects}, (0.0, 0.06)) == other


def test_images_of_a_single_subject_have_no_interval() -> None:
    score = mean_score("ssim", np.arange(8) / 10, "higher", {})
    with pytest.raises(MetricError, match="ssim: expected images of 2 subjects or more, got 1"):
        by_subject(score, {"cases": np.zeros(8, np.int64)}, SHARE)


@pytest.mark.parametrize(("subjects", "images", "draw"), [(2, 2, 10), (2, 5, 195), (3, 2, 266)])
def test_an_area_to_which_one_subject_alone_adds_is_one_of_all_subjects(subjects: int, images: int, draw: int) -> None:
    random, whose = np.random.default_rng(draw), np.repeat(np.arange(subjects), images)
    labels = random.integers(0, 2, len(whose))
    score = 0.5 * labels + random.normal(size=len(whose))
    found = areas(np.stack([-score, score], axis=1)[None], labels, whose)
    assert len(np.unique(whose[found.contributions_n != 0])) == 1
    assert found.interval().low < found.mean < found.interval().high


def test_an_image_that_adds_nothing_was_measured_all_the_same() -> None:
    score = mean_score("ssim", np.r_[0.25, np.full(38, 0.5), 0.75], "higher", {})
    found = by_subject(score, {"cases": WHOSE}, SHARE)
    variance = float((score.contributions["cases"] ** 2).sum())  # the two that add something have subjects of their own
    assert found.ci_high - found.value == pytest.approx(t_quantile(9) * (10 / 9 * 39 / 40 * variance) ** 0.5)


def test_an_image_that_was_not_measured_counts_as_none() -> None:
    kept = np.arange(40) < 36  # none of the last subject's
    score = mean_score("ssim", np.random.default_rng(0).normal(0.5, 0.1, 36), "higher", {}).among(kept)
    found = by_subject(score, {"cases": WHOSE}, (-math.inf, math.inf))
    parts = score.contributions["cases"].reshape(10, 4).sum(axis=1)
    assert found.ci_high - found.value == pytest.approx(
        t_quantile(9) * (9 / 8 * 35 / 36 * float((parts**2).sum())) ** 0.5
    )
    with pytest.raises(MetricError, match="ssim: expected images of 2 subjects or more, got 1"):
        by_subject(mean_score("ssim", np.arange(4), "higher", {}).among(kept & (WHOSE < 1)), {"cases": WHOSE}, SHARE)


def test_subjects_are_numbered_where_two_images_share_one() -> None:
    found = numbered(["b", "a", "b"])
    assert found is not None
    assert (found.tolist(), numbered(["b", "a"])) == ([0, 1, 0], None)
