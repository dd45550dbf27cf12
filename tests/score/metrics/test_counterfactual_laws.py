"""What any counterfactual metric must say of the truth, of a copy and of another subject, on frozen sandbox data.

The truth is best, a copy is perfect on identity and useless on effectiveness, another subject of the target class the
reverse. Ages and ratios are read by the sandbox's estimators, classes by the cards' own judges.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch

from ldbench.api import Score
from ldbench.data.task_data import TaskData, network_files, task_data
from ldbench.plugins.kinds import ESTIMATORS
from ldbench.score.metrics.attribute_error import attribute_error_score
from ldbench.score.metrics.change import change_score
from ldbench.score.metrics.effectiveness import flip_rate_score, target_auc_score
from ldbench.score.metrics.identity import identity_lpips_score, identity_ssim_score, source_ssim_score
from ldbench.score.metrics.judge import Judge, judge_of
from ldbench.score.metrics.region import changed_region
from ldbench.score.metrics.truth_error import error_score
from ldbench.task import card

TASKS = ("sandbox-brain-aging", "sandbox-brain-disease", "sandbox-chest-disease", "sandbox-chest-sex")


@dataclass(frozen=True)
class Rows:
    """Images `(N, 3, 64, 64)` of some cases: sources, truths, and of each another test subject of its target class."""

    data: TaskData
    source: torch.Tensor
    truth: torch.Tensor
    other: torch.Tensor
    targets: tuple[str, ...]

    @property
    def region(self) -> torch.Tensor:
        edit = self.data.task.edit
        assert edit is not None
        return changed_region(self.source, self.truth, edit.region_threshold, edit.region_margin)


def rows(task: str, cases: int) -> Rows:
    data = task_data(card.load(task), 0)
    assert data.truth is not None
    name = data.task.data.class_attribute
    chosen = data.cases[:cases]
    others, targets = [], []
    for place, case in enumerate(chosen):
        wanted = case.attributes[name]
        pool = [each for each in data.dataset.select("test") if each.attributes[name] == wanted and each.id != case.id]
        others.append(torch.from_numpy(data.dataset.image((pool or data.of_classes("test"))[place % len(pool or [1])])))
        targets.append(str(wanted))
    sources = [case.source for case in chosen if case.source is not None]
    truths = [data.truth(case.id) for case in chosen]
    return Rows(data, torch.stack(sources), torch.stack(truths), torch.stack(others), tuple(targets))


@pytest.fixture(scope="module", params=TASKS)
def some(request: pytest.FixtureRequest) -> Rows:
    return rows(request.param, 8)


def test_the_truth_alone_has_no_error(some: Rows) -> None:
    images = (some.truth, some.source, some.other)
    for side in ("inside", "outside"):
        truth, copy, other = (error_score(side, each, some.truth, some.region) for each in images)
        assert truth.value == truth.ci_high == 0
        assert copy.ci_low > 0
        assert other.ci_low > 0
    copy, other = (error_score("outside", each, some.truth, some.region) for each in (some.source, some.other))
    assert copy.ci_high < other.ci_low


@pytest.mark.slow
def test_a_copy_alone_keeps_all_of_the_source_and_another_subject_the_least(some: Rows) -> None:
    copy, truth, other = (identity_ssim_score(each, some.source, some.region)
                          for each in (some.source, some.truth, some.other))
    assert copy.value == pytest.approx(1, abs=1e-12)
    assert 0.85 < truth.value < copy.value  # truth changes a little below the threshold; sex, a film's every pixel
    assert other.ci_high < truth.ci_low
    copy, truth, other = (identity_lpips_score(each, some.source, some.region)
                          for each in (some.source, some.truth, some.other))
    assert copy.value == pytest.approx(0, abs=1e-6)
    assert 2 * truth.value < other.value  # skewed values: t intervals over 8 cases are too wide to tell


def test_outside_the_edit_the_truth_keeps_more_than_over_the_whole_image(some: Rows) -> None:
    assert identity_ssim_score(some.truth, some.source, some.region).value > source_ssim_score(
        some.truth, some.source
    ).value


def test_doing_nothing_is_minimal_and_another_subject_changes_most(some: Rows) -> None:
    images = (some.source, some.truth, some.other)
    copy, truth, other = (change_score("minimality", each, some.source) for each in images)
    assert copy.value == 0 < truth.value
    assert truth.ci_high < other.ci_low


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "metric", "name"),
    [
        ("sandbox-brain-aging", "age_error", "sandbox-brain-age"),
        ("sandbox-brain-aging", "ratio_error", "sandbox-brain-ventricle-ratio"),
        ("sandbox-brain-disease", "ratio_error", "sandbox-brain-ventricle-ratio"),
        ("sandbox-chest-disease", "ratio_error", "sandbox-chest-cardiothoracic-ratio"),
    ],
)
def test_the_truth_alone_has_no_attribute_error(task: str, metric: str, name: str) -> None:
    chosen, found = rows(task, 40), ESTIMATORS.load(name)

    def score(images: torch.Tensor) -> Score:
        return attribute_error_score(metric, images, chosen.truth, found.read, estimator=name, unit=found.unit)

    truth, copy, other = (score(each) for each in (chosen.truth, chosen.source, chosen.other))
    assert truth.value == truth.ci_high == 0
    assert copy.ci_low > 0
    assert other.ci_low > 0


def test_a_copy_has_the_ventricles_of_the_truth_sooner_than_another_subject_of_its_class() -> None:
    """Ventricles differ more between subjects, as in cohorts, than a diagnosis changes them."""
    chosen, found = rows("sandbox-brain-disease", 100), ESTIMATORS.load("sandbox-brain-ventricle-ratio")
    copy, other = (
        attribute_error_score("ratio_error", each, chosen.truth, found.read, estimator="x", unit=found.unit)
        for each in (chosen.source, chosen.other)
    )
    assert copy.ci_high < other.ci_low


@dataclass(frozen=True)
class Judged:
    """Cases and the judge of their task."""

    rows: Rows
    judge: Judge

    def scores(self, images: torch.Tensor) -> tuple[Score, Score]:
        """(flip rate, target AUC)."""
        found, classes = self.judge.scores(images), self.rows.data.task.data.classes
        return (
            flip_rate_score(found, self.rows.targets, classes, self.judge.parameters),
            target_auc_score(found, self.rows.targets, classes, self.judge.parameters),
        )


@pytest.fixture(scope="module", params=["sandbox-brain-disease", "sandbox-chest-sex"])
def judged(request: pytest.FixtureRequest) -> Judged:
    """Two classes, negated, and the judge that ships with their card."""
    chosen = rows(request.param, 60)
    task = chosen.data.task
    assert task.judge is not None
    images, labels = chosen.data.training_scans()
    judge = judge_of(
        task.judge, task.data.classes, images, labels, device="cpu", folder=None, shipped=network_files(task.data)
    )
    return Judged(chosen, judge)


@pytest.mark.slow
def test_truth_and_another_subject_are_effective_and_a_copy_is_useless(judged: Judged) -> None:
    chosen = judged.rows
    copies = judged.scores(chosen.source)
    for images in (chosen.truth, chosen.other):
        for effective, copy in zip(judged.scores(images), copies, strict=True):
            assert effective.ci_low > 0.5 > copy.ci_high, effective.metric
            assert effective.n == copy.n == 60


@pytest.mark.slow
def test_a_copys_area_is_what_the_judge_gets_wrong_on_the_sources(judged: Judged) -> None:
    """Two classes negated: 1 less the judge's own area on real scans, and likewise for the flips but for ties."""
    chosen = judged.rows
    classes = chosen.data.task.data.classes
    own = tuple(classes[1 - classes.index(target)] for target in chosen.targets)
    real = Judged(replace(chosen, targets=own), judged.judge).scores(chosen.source)
    for score, copy in zip(real, judged.scores(chosen.source), strict=True):
        assert score.value + copy.value == pytest.approx(1, abs=1e-9)
